from pathlib import Path

import numpy as np
import pytest

from linesift.labelling.labels import (
    CONTENT,
    LABELS,
    NAVIGATION,
    OTHER,
    RELATED,
    UNSURE,
    content_lines,
    label_files,
    read_label_file,
)
from linesift.labelling.weak_labels import FOUND, WeakLabels, label_page, noise_labels
from linesift.reading.readers import read_html, read_page, read_text

TITLE = "Bridge opens early"
LEAD = "The council will open the old bridge to walkers on Saturday morning."
BODY = "Cars must wait until the second half of the coming month."
GOLD = [LEAD, BODY]
ARTICLE = f"<p>{LEAD}<p>{BODY}"
HEADLINES = [
    "School garden wins the county prize again",
    "Night buses return to the northern suburbs",
    "Lighthouse cottage opens as a tiny museum",
]
SAVED = [path.stem for path in label_files(Path(__file__).parent / "pages")]


def named(labels: np.ndarray) -> list[str]:
    return [LABELS[code] if code >= 0 else "unsure" for code in labels]


def kinds(html: str) -> list[str]:
    """Kind of noise of each line."""
    return named(noise_labels(read_html(html)))


def weak(
    html: str, gold: list[str] = GOLD, title: str = "", page_type: str = "article"
) -> WeakLabels:
    return label_page(read_html(html), gold, title, page_type)


# Content


def test_lines_of_the_gold_text_are_content_and_the_rest_is_noise():
    found = weak(f"<p>Weather: rain{ARTICLE}<p>All rights reserved")
    assert named(found.labels) == ["other", "content", "content", "other"]
    assert found.found == 1


def test_a_line_covered_in_part_is_left_out():
    found = weak(f"<p>{LEAD} Photo by the town council press office.<p>{BODY}")
    assert named(found.labels) == ["unsure", "content"]


def test_a_line_with_a_word_or_two_added_is_content():
    found = weak(f"<p>Riverside — {LEAD}<p>{BODY}")
    assert named(found.labels) == ["content", "content"]


def test_a_second_copy_of_article_text_is_left_out():
    found = weak(f"{ARTICLE}<div class=related><p>{BODY}</div>")
    assert named(found.labels) == ["content", "content", "unsure"]


def test_a_page_without_the_gold_text_is_told_by_its_share():
    assert weak("<p>Subscribe to read on<p>Weather").found == 0
    assert weak(f"<p>{BODY}").found < FOUND


PROSE = [
    f"On day {day} the engineers looked at every pillar, wrote down what they saw and told the "
    f"council, which listened to them for {day} hours and thanked them all."
    for day in ("one", "two", "three")
]


def test_prose_of_the_article_that_the_gold_leaves_out_is_not_taught_as_noise():
    """A gold text that stops at a paywall or a picture says nothing of what follows."""
    html = f"<div>{ARTICLE}<p>{PROSE[0]}<p>{PROSE[1]}</div><p>Weather: rain"
    found = weak(html)
    assert named(found.labels) == ["content", "content", "unsure", "unsure", "other"]
    assert found.found < FOUND


def test_one_disclaimer_below_the_article_stays_noise():
    found = weak(f"<div>{ARTICLE}<p>{PROSE[0]}</div>")
    assert named(found.labels) == ["content", "content", "other"]
    assert found.found == 1


def test_prose_in_another_element_stays_noise():
    comments = "".join(f"<div class=comment><p>{text}</div>" for text in PROSE)
    assert named(weak(ARTICLE + comments).labels) == ["content"] * 2 + ["other"] * 3


# Parts of the article that the gold text leaves out


def between(part: str) -> list[str]:
    """Return the labels of what stands between the paragraphs of the article, in its element."""
    found = weak(
        f"<nav><a href=/>Town</a></nav><main><p>{LEAD}</p>{part}<p>{BODY}</p></main><p>Rain"
    )
    first, content, *inside, last, _ = named(found.labels)
    assert (first, content, last) == ("navigation", "content", "content")
    return inside


@pytest.mark.parametrize(
    ("part", "lines"),
    [
        ("<ul><li>Bring a lamp<li>Bring a coat</ul>", 2),
        ("<ol><li>Walk to the mill<li>Turn left</ol>", 2),
        ("<dl><dt>Length<dd>300 paces</dl>", 2),
        ("<table><tr><th>Day<th>Walkers<tr><td>Saturday<td>900</table>", 2),
        ("<h2>What is closed</h2>", 1),
        ("<div class=part><h3>What is closed</h3></div>", 1),
        ("<pre>length = 300</pre>", 1),
        ("<ul><li>See <a href=/>the map</a> of all the ways around the old town</ul>", 1),
    ],
)
def test_items_cells_and_subheads_inside_the_article_are_doubtful(part, lines):
    assert between(part) == ["unsure"] * lines


@pytest.mark.parametrize(
    ("part", "kind"),
    [
        ("<ul class=share><li>Telegram<li>Mail</ul>", "other"),
        ("<div class=related><ul><li>Ferry news<li>Night buses</ul></div>", "related"),
        ("<div class=comments><ul><li>I go there<li>So do I</ul></div>", "other"),
        ("<nav><ul><li><a href=/>Town</a><li><a href=/>Sport</a></ul></nav>", "navigation"),
        (f"<ul><li><a href=/>{HEADLINES[0]}</a><li><a href=/>{HEADLINES[1]}</a></ul>", "related"),
        ("<figure><figcaption class=credit>By our desk</figcaption></figure>", "other"),
        ("<figure><img src=a><figcaption>The bridge at dawn</figcaption></figure>", "other"),
        ("<div>By our desk</div>", "other"),
    ],
)
def test_captions_and_lists_that_share_lead_elsewhere_or_are_called_noise_stay_noise(part, kind):
    assert set(between(part)) == {kind}


@pytest.mark.parametrize("place", ["before", "after", "outside"])
def test_lists_that_do_not_stand_between_lines_of_the_article_in_its_element_stay_noise(place):
    rows = "<ul><li>Bring a lamp<li>Bring a coat</ul>"
    before, after = (rows if place == one else "" for one in ("before", "after"))
    html = f"<main>{before}<p>{LEAD}<p>{BODY}</p>{after}</main>"
    if place == "outside":
        html = f"<main><p>{LEAD}<p>{BODY}</main>{rows}<footer><p>Rain</footer>"
        html += f"<p>{TITLE} on the river"
        found = weak(html, [LEAD, BODY, f"{TITLE} on the river"])
    else:
        found = weak(html)
    assert named(found.labels).count("other") == 2 + (place == "outside")
    assert "unsure" not in named(found.labels)


def test_the_container_is_where_most_of_the_article_stands_even_if_not_all_of_it():
    """A lead above the article's own element does not make the whole page its container."""
    lead = f"<header><p>{LEAD}</header>"
    rows = "<ul><li>Bring a lamp<li>Bring a coat</ul>"
    gold = [LEAD, *PROSE]
    article = f"<main><p>{PROSE[0]}<p>{PROSE[1]}{rows}<p>{PROSE[2]}</main>"
    outside = "<div><ul><li>Town<li>Harbour</ul></div>"
    found = named(weak(f"{lead}{outside}{article}", gold).labels)
    assert found == ["content", "other", "other", "content", "content", *["unsure"] * 2, "content"]


def test_an_article_of_one_line_has_no_parts_between():
    found = weak(f"<main><p>{LEAD}<ul><li>Bring a lamp</ul></main>", [LEAD])
    assert named(found.labels) == ["content", "other"]


def test_without_markup_no_part_is_doubtful():
    page = read_text("\n".join([LEAD, "Bring a lamp", BODY]))
    assert named(label_page(page, GOLD, "", "article").labels) == ["content", "other", "content"]


# Listings


CARDS = "".join(
    f"<div class=card><h3><a href=/{k}>{headline}</a></h3><p>{PROSE[k]}</p></div>"
    for k, headline in enumerate(HEADLINES)
)
OF_CARDS_GOLD = [text for pair in zip(HEADLINES, PROSE, strict=True) for text in pair]


@pytest.mark.parametrize("page_type", ["listing", "collection"])
def test_the_gold_text_of_a_listing_is_its_cards(page_type):
    found = weak(
        f"<nav><a href=/>Town</a></nav><main>{CARDS}</main><p>Rain", OF_CARDS_GOLD, TITLE, page_type
    )
    assert named(found.labels) == ["navigation", *["related"] * 6, "other"]
    assert (found.found, found.heading) == (1, None)


@pytest.mark.parametrize("page_type", ["article", "forum", "product", ""])
def test_the_same_text_of_another_type_is_content(page_type):
    found = weak(f"<main>{CARDS}</main>", OF_CARDS_GOLD, "", page_type)
    assert named(found.labels) == ["content"] * 6


def test_gold_that_stands_alone_in_its_place_of_a_listing_is_doubtful():
    html = f"<main><h1>{TITLE}</h1><p>{LEAD}</p>{CARDS}</main>"
    found = weak(html, [TITLE, LEAD, *OF_CARDS_GOLD], TITLE, "listing")
    assert named(found.labels) == ["unsure", "unsure", *["related"] * 6]


def test_a_listing_has_no_content_without_markup_either():
    page = read_text("\n".join(["Home", *OF_CARDS_GOLD]))
    labels = named(label_page(page, OF_CARDS_GOLD, "", "listing").labels)
    assert labels == ["other", *["related"] * 6]


# Titles


@pytest.mark.parametrize(
    ("head", "title"),
    [
        (f"<title>{TITLE}</title>", ""),
        (f"<title>{TITLE} | Town Post</title>", ""),
        ("", TITLE),
        ("", TITLE.upper()),
    ],
    ids=["title", "title with site", "title field", "other case"],
)
def test_the_heading_is_content_although_the_gold_leaves_it_out(head, title):
    found = weak(f"<html><head>{head}</head><h1>{TITLE}</h1><p>By our desk{ARTICLE}", title=title)
    assert named(found.labels) == ["content", "other", "content", "content"]
    assert found.heading == 0


@pytest.mark.parametrize(
    "copy",
    [
        f"<div class=breadcrumb>{TITLE}</div>",
        f"<div class=sticky><a href=/>{TITLE}</a></div>",
        f"<h1>{TITLE}</h1>",
    ],
)
def test_only_the_heading_nearest_to_the_article_is_content(copy):
    found = weak(f"{copy}<h1>{TITLE}</h1>{ARTICLE}", title=TITLE)
    assert named(found.labels) == ["unsure", "content", "content", "content"]
    assert found.heading == 1


@pytest.mark.parametrize("gold", [GOLD, [TITLE, *GOLD]], ids=["left out", "in the gold text"])
def test_the_heading_once_more_below_is_noise(gold):
    html = f"<h1>{TITLE}</h1>{ARTICLE}<h3><a href=/>{TITLE}</a></h3>"
    assert named(weak(html, gold, TITLE).labels) == ["content"] * 3 + ["other"]


def test_a_title_that_is_no_heading_element_is_content():
    found = weak(f"<p>Town news<div class=headline>{TITLE}</div>{ARTICLE}", title=TITLE)
    assert named(found.labels) == ["other", "content", "content", "content"]


def test_a_heading_that_the_gold_has_is_not_looked_for_again():
    found = weak(f"<h1>{TITLE}</h1>{ARTICLE}<p>{TITLE}", gold=[TITLE, *GOLD], title=TITLE)
    assert named(found.labels)[:3] == ["content"] * 3
    assert found.heading is None


def test_a_main_heading_that_no_title_explains_is_left_out():
    found = weak(f"<h1>Something else entirely</h1>{ARTICLE}", title=TITLE)
    assert named(found.labels) == ["unsure", "content", "content"]
    assert found.heading is None


def test_a_title_below_the_article_is_not_its_heading():
    found = weak(f"{ARTICLE}<h2>{TITLE}</h2>", title=TITLE)
    assert named(found.labels) == ["content", "content", "unsure"]
    assert found.heading is None


def test_other_headings_stay_noise():
    found = weak(f"<h1>{TITLE}</h1>{ARTICLE}<h3>Write to us</h3>", title=TITLE)
    assert named(found.labels)[-1] == "other"


# Kinds of noise


@pytest.mark.parametrize("headline", HEADLINES + ["Трамвай на лівий берег ходитиме щогодини"])
def test_a_headline_that_is_a_link_is_related(headline):
    assert kinds(f"<p><a href=/>{headline}</a>") == ["related"]


def test_a_chinese_headline_that_is_a_link_is_related():
    assert kinds("<p><a href=/>市长说这座桥将在星期六重新开放</a>") == ["related"]
    assert kinds("<p><a href=/>新闻中心</a>") == ["navigation"]


@pytest.mark.parametrize(
    ("html", "kind"),
    [
        ("<nav><ul><li><a href=/>Home</a></ul></nav>", "navigation"),
        ("<p><a href=/>Усі новини</a>", "navigation"),
        ("<div class=breadcrumbs><a href=/>Home</a> / Town</div>", "navigation"),
        ("<div class=tags><a href=/>the old bridge of our town</a></div>", "navigation"),
        ("<footer><a href=/>About the newspaper and its history</a></footer>", "navigation"),
        ("<div class=mainMenu><a href=/>What to do at the weekend</a></div>", "navigation"),
        ("<ul id=top-nav><li><a href=/>What to do at the weekend</a></ul>", "navigation"),
        ("<div class=related><a href=/>Ferry news</a></div>", "related"),
        ("<div class=most-popular><p>Three towns share one bus</div>", "related"),
        ("<div class=comments><p>I go there every day</div>", "other"),
        ("<div class=comment><a href=/>A reader who comes here each single day</a></div>", "other"),
        ("<div class=share><a href=/>Telegram</a></div>", "other"),
        ("<p class=byline>By <a href=/>our desk</a>", "other"),
        ("<p>Weather: rain", "other"),
        ("<footer>All rights reserved</footer>", "other"),
        ("<div class=related><p class=comment>Nice</div>", "other"),
        ("<div class=comments><div class=pagination><a href=/>2</a></div></div>", "navigation"),
    ],
)
def test_the_kind_of_noise_is_what_links_and_nearest_names_say(html, kind):
    assert kinds(html) == [kind]


@pytest.mark.parametrize("name", ["tagline", "navy-blue", "menus_", "shared-space", "recomment"])
def test_a_name_within_a_longer_word_says_nothing(name):
    assert kinds(f"<div class={name}><a href=/>{HEADLINES[0]}</a></div>") == ["related"]


def listed(*between: str) -> str:
    """Headlines with something between each two of them."""
    rows = [f"<p><a href=/>{headline}</a>" for headline in HEADLINES]
    return "".join(f"{row}{extra}" for row, extra in zip(rows, (*between, ""), strict=True))


@pytest.mark.parametrize(
    "between",
    ["<p>2 hours ago", "<div><time>09:15</time></div>", "<p class=date>вчора, 21:10", "<p>Town"],
)
def test_what_stands_between_related_headlines_belongs_to_them(between):
    assert kinds(listed(between, between)) == ["related"] * 5


def test_a_section_and_a_date_between_headlines_belong_to_them():
    assert kinds(listed("<p>Town<p>09:15", "<p>Sport<p>08:10")) == ["related"] * 7


def test_a_long_text_between_headlines_does_not_belong_to_them():
    text = "Everyone who came was given a red paper hat. " * 6
    assert kinds(listed(f"<p>{text}", ""))[1] == "other"


@pytest.mark.parametrize("heading", ["h2", "h3", "h4"])
def test_the_heading_of_a_list_of_headlines_belongs_to_it(heading):
    assert kinds(f"<p>Weather<{heading}>Latest</{heading}>{listed('', '')}") == [
        "other",
        *["related"] * 4,
    ]


def test_what_stands_before_and_after_a_list_does_not_belong_to_it():
    assert kinds(f"<p>Rain<p>12 May{listed('', '')}<p>12 May<p>Rain") == [
        *["other"] * 2,
        *["related"] * 3,
        *["other"] * 2,
    ]


def test_share_links_between_headlines_stay_other():
    share = "<p class=share><a href=/>Telegram</a>"
    assert kinds(listed(share, share)) == ["related", "other"] * 2 + ["related"]


def test_short_links_in_a_list_of_headlines_are_headlines_too():
    rows = "".join(f"<li><a href=/>{text}</a>" for text in ("Rain", HEADLINES[0], "Snow again"))
    assert kinds(f"<ul>{rows}</ul>") == ["related"] * 3
    assert kinds(f"<ul>{rows}</ul><ol><li><a href=/>Rain</a><li><a href=/>Snow</a></ol>") == [
        *["related"] * 3,
        *["navigation"] * 2,
    ]


def test_dividers_and_headings_of_a_menu_belong_to_it():
    menu = "<nav><a href=/>Town</a><div>/</div><a href=/>Sport</a><div>Culture</div>"
    assert kinds(f"{menu}<a href=/>Books</a><p><a href=/>Films</a></nav>") == ["navigation"] * 6


def test_a_date_between_the_entries_of_a_menu_stays_other():
    menu = "<nav><a href=/>Town</a><div class=date>Monday</div><a href=/>Sport</a></nav>"
    assert kinds(menu) == ["navigation", "other", "navigation"]


def test_links_in_one_line_with_dividers_are_a_menu():
    line = "<a href=/>About the paper</a> | <a href=/>Our contacts</a> | <a href=/>Terms of use</a>"
    assert kinds(f"<p>{line}") == ["navigation"]


def test_the_last_name_of_an_element_tells():
    link = f"<a href=/>{HEADLINES[0]}</a>"
    assert kinds(f"<div class=footer-recent-posts>{link}</div>") == ["related"]
    assert kinds(f"<div class=recent-comments>{link}</div>") == ["other"]


def test_without_markup_the_kind_of_noise_is_unknown():
    page = read_text("\n".join([HEADLINES[0], LEAD, BODY]))
    assert noise_labels(page).tolist() == [OTHER] * 3
    assert label_page(page, GOLD).labels.tolist() == [OTHER, CONTENT, CONTENT]


def test_an_empty_page_has_no_labels():
    found = weak("")
    assert (found.labels.shape, found.found, found.heading) == ((0,), 0, None)


# Saved pages


@pytest.fixture(params=SAVED)
def saved(request, saved_pages):
    """Return the hand labels of a saved page, and weak ones from a gold text without title."""
    page = read_page(saved_pages / f"{request.param}.html")
    labelled, hand = read_label_file(saved_pages / f"{request.param}.tsv")
    _, *gold = content_lines(labelled, hand)
    return hand, label_page(page, gold)


def test_on_saved_pages_content_is_found_with_its_heading(saved):
    hand, found = saved
    assert found.found == 1
    assert found.heading == np.flatnonzero(hand == CONTENT)[0]
    assert ((found.labels == CONTENT) == (hand == CONTENT)).all()


def test_on_saved_pages_kinds_of_noise_are_mostly_those_a_person_sees(saved):
    hand, found = saved
    noise = (hand != CONTENT) & (found.labels != UNSURE)
    assert noise.sum() == (hand != CONTENT).sum()
    assert (found.labels == hand)[noise].mean() > 0.9
    assert set(hand[noise]) == {RELATED, NAVIGATION, OTHER}
