from dataclasses import replace

import numpy as np
import pytest

from linesift import load_model, read_html, read_text
from linesift.labelling.labels import CONTENT, LABELS, NAVIGATION, OTHER, RELATED
from linesift.models.baselines import RunRule
from linesift.models.features import hashed_ngrams
from linesift.models.linear import HashedLinear
from linesift.models.packing import pack
from linesift.models.prediction import PagePrediction
from linesift.reading.page import Batch, Markup, Page
from linesift.reading.tag_paths import SplitPaths, hashed_paths
from linesift.reports.reasons import AGAINST, FOR, NEITHER, Reason, _sides, explain, percent
from tests.made_pages import NEW_SITES, fitted, made_pages

NEW = made_pages(NEW_SITES)


def made_model():
    return fitted().model_


def predicted(model, page: Page) -> PagePrediction:
    return model.predict_lines([page])[0]


def labelled(page: Page, codes) -> PagePrediction:
    """Return a prediction with these labels, as sure as can be."""
    codes = np.array(codes)
    return PagePrediction(page, codes, (codes == CONTENT).astype(np.float32))


def said(model, prediction: PagePrediction) -> list[list[str]]:
    return [[reason.says for reason in one.reasons] for one in explain(model, prediction)]


# ----------------------------------------------------------------------------- words


def test_a_word_is_named_on_the_side_that_its_letters_speak_for():
    page = read_text("A quiet menu, a quiet river.\nAnother line stands here.")
    model = made_model()

    def hashes(text: str) -> np.ndarray:
        tokens = hashed_ngrams(Batch.from_pages([Page("", (text,), (1,))]), (3,), 18, 128, 64)
        return np.unique(tokens.hashes[0][tokens.hashes[0] < tokens.no_token])

    weights = np.zeros((len(LABELS), (1 << 18) + 1), np.int64)
    weights[CONTENT, hashes("river")[:-1]] = 100
    weights[CONTENT, hashes("menu")[:-1]] = -100
    weights[NAVIGATION, hashes("menu")[:-1]] = 100
    scale, intercept = np.ones(len(LABELS), np.float32), np.zeros(len(LABELS), np.float32)
    linear = HashedLinear(pack(weights), scale, intercept)
    model = replace(model, ngrams=linear, ngram_orders=(3,))
    as_menu, _ = explain(model, labelled(page, [NAVIGATION, CONTENT]))
    assert (as_menu.words_for, as_menu.words_against) == (("river",), ("menu",))
    assert as_menu.words_of_kind == ("menu",)
    as_content, _ = explain(model, labelled(page, [CONTENT, CONTENT]))
    assert as_content.words_of_kind == ()


def test_neighbouring_ideographs_are_named_together_where_they_push_the_same_way():
    line = "市政府昨天表示，大桥将重新开放，记者看到行人已经可以通过。"
    (one,) = explain(load_model(), labelled(read_text(line), [CONTENT]))
    named = one.words_for + one.words_against
    assert all(word in line and len(word) <= 4 for word in named)
    assert max(map(len, named)) > 1


def test_words_are_named_without_the_marks_of_a_converter():
    page = read_text("The river rose all night, said the mayor.\nMenu\nMenu\nHome")
    marked = replace(
        page,
        lines=(
            '  > The **river** [rose](/a "b") all night,\u00a0said _the mayor_.',
            "* [Menu](/)",
            "# Menu",
            "---",
        ),
    )
    model = load_model()
    plain, seen = (
        explain(model, labelled(one, [CONTENT, NAVIGATION, NAVIGATION, OTHER]))
        for one in (page, marked)
    )
    assert plain[0].words_for
    assert (seen[0].words_for, seen[0].words_against) == (
        plain[0].words_for,
        plain[0].words_against,
    )
    assert Reason("The same line stands twice on the page.") in seen[1].reasons


def test_a_model_without_ngrams_and_a_rule_name_no_words_but_reasons():
    page = NEW.pages[0]
    for model in (replace(made_model(), ngrams=None, ngram_orders=()), RunRule()):
        for one in explain(model, predicted(model, page)):
            assert (one.words_for, one.words_against, one.words_of_kind) == ((), (), ())
            assert one.reasons


# ------------------------------------------------------------------------ surroundings


@pytest.mark.parametrize("model", [made_model, RunRule], ids=["model", "rule"])
def test_the_probability_without_the_lines_around_is_what_the_model_says_of_the_line_alone(model):
    model, page = model(), NEW.pages[0]
    for k, one in enumerate(said(model, predicted(model, page))):
        alone = percent(float(model.predict_proba([page.select([k])])[0][0, CONTENT]))
        assert one[0].startswith("The lines around it")
        assert one[0].endswith(f": alone on a page it would have {alone}.")


def test_sides_agree_with_the_probabilities_that_are_named():
    model, page = load_model(), NEW.pages[1]
    prediction = predicted(model, page)
    plain = predicted(model, page.without_markup()).probabilities
    sides = []
    for k, one in enumerate(explain(model, prediction)):
        told = {reason.says.partition(":")[0]: reason for reason in one.reasons}
        if "Tags and links" in told:
            higher = prediction.probabilities[k] > plain[k]
            assert told["Tags and links"] == Reason(
                f"Tags and links: as plain text it would have {percent(float(plain[k]))}.",
                FOR if higher else AGAINST,
            )
            sides.append(higher)
    assert sides


def test_plain_text_has_no_reasons_of_markup():
    page = NEW.pages[0].without_markup()
    told = " ".join(
        says for one in said(made_model(), predicted(made_model(), page)) for says in one
    )
    assert "HTML" not in told
    assert "link" not in told


def test_a_line_says_what_it_stands_between():
    page = read_text("a\nb\nc\nd\ne")
    told = said(RunRule(), labelled(page, [NAVIGATION, RELATED, CONTENT, RELATED, OTHER]))
    assert "The first line of the page; below it stands a line on other articles." in told[0]
    assert "Above it stands a menu line, below it a line of the article." in told[1]
    assert "Stands between two lines on other articles." in told[2]
    assert "The last line of the page; above it stands a line on other articles." in told[4]
    (alone,) = said(RunRule(), labelled(read_text("a"), [OTHER]))
    assert alone[0] == "The only line of the page."


def test_the_nearest_lines_are_counted():
    page = read_text("\n".join("abcdefgh"))
    codes = [NAVIGATION] * 4 + [CONTENT] + [NAVIGATION] * 3
    told = said(RunRule(), labelled(page, codes))
    assert "7 of the 7 lines nearest to it are menu lines." in told[4]
    assert "4 of the 5 lines nearest to it are menu lines." in told[0]


def test_noise_far_from_the_article_says_how_far():
    page = read_text("\n".join("abcdefgh"))
    told = said(RunRule(), labelled(page, [OTHER] * 3 + [CONTENT] + [OTHER] * 4))
    assert "Stands 3 lines above the first line of the article." in told[0]
    assert not [says for says in told[1] if "first line of the article" in says]
    assert "Stands 4 lines below the last line of the article." in told[7]


# ------------------------------------------------------------------------ line and page


def test_repeated_lines_are_counted():
    page = read_text("More\nPage 1\nMore\nPage 2\nmore\nOnce")
    told = said(RunRule(), labelled(page, [OTHER] * 6))
    assert "The same line, case and numbers aside, stands 3 times on the page." in told[0]
    assert "The same line, case and numbers aside, stands twice on the page." in told[1]
    assert not [says for says in told[5] if "same line" in says]
    twice = said(RunRule(), labelled(read_text("More\nMore"), [OTHER] * 2))
    assert "The same line stands twice on the page." in twice[0]


def test_words_shared_with_the_article_are_counted():
    page = read_text(
        "The bridge over the river opened.\nBridge closed for riverside repairs.\n"
        "Cheap holiday flights today."
    )
    told = said(RunRule(), labelled(page, [CONTENT, CONTENT, OTHER]))
    assert "Of its 4 longer words 2 also stand in other lines of the article." in told[0]
    assert "Of its 4 longer words none also stands in other lines of the article." in told[2]


def test_what_a_line_looks_like_is_told():
    page = read_text("Updated at 12:40 by us all\nBREAKING\nIt rained, they all said.\nTwo words")
    told = said(RunRule(), labelled(page, [OTHER] * 4))
    assert {"Holds a time of day.", "Does not end as a sentence does."} <= set(told[0])
    assert {"Written in capitals.", "Short: a single word."} <= set(told[1])
    assert "Ends as a sentence does." in told[2]
    assert "Short: 2 words." in told[3]


def test_links_and_places_of_the_html_are_told():
    html = (
        b"<nav><ul><li><a href=/>Home</a></ul></nav><h2>News <a href=/>today</a></h2><p>It rained."
    )
    told = said(RunRule(), predicted(RunRule(), read_html(html)))
    assert "All of it is a link." in told[0]
    assert "Its place in the HTML: a list, a navigation block." in told[0]
    assert "56 % of it is a link." in told[1]
    assert "Its place in the HTML: a heading (h2)." in told[1]
    assert "Its place in the HTML: a paragraph." in told[2]


def test_names_in_the_html_are_those_whose_loss_moves_the_score_that_way():
    model, page = made_model(), NEW.pages[0]
    seen = set()
    for path, one in zip(page.markup.paths, explain(model, predicted(model, page)), strict=True):
        for reason in one.reasons:
            if not reason.says.startswith("Names"):
                continue
            for name in reason.says.partition(": ")[2].strip(".").split(", "):
                without = path.replace(f".{name.strip('“”')}", "")
                assert without != path
                with_it, others = model.paths.scores(
                    hashed_paths(SplitPaths((path, without)), model.paths.bits)
                )[:, CONTENT]
                assert (with_it > others) == (reason.side == FOR)
                seen.add(reason.side)
    assert seen == {FOR, AGAINST}


def test_the_distance_to_the_article_is_told_from_three_lines_on():
    page = read_text("\n".join(f"Line {k} of many" for k in range(8)))
    codes = [OTHER, OTHER, OTHER, CONTENT, CONTENT, OTHER, OTHER, OTHER]
    told = [
        [says for says in one if says.startswith("Stands") and "line of the article" in says]
        for one in said(RunRule(), labelled(page, codes))
    ]
    above = "Stands 3 lines above the first line of the article."
    below = "Stands 3 lines below the last line of the article."
    assert told == [[above], [], [], [], [], [], [], [below]]


def test_the_kind_of_the_lines_around_is_told_only_if_most_are_of_it():
    page = read_text("\n".join(f"Line {k} of many" for k in range(6)))
    mixed = [OTHER, NAVIGATION, NAVIGATION, RELATED, OTHER, CONTENT]
    most = [OTHER, NAVIGATION, NAVIGATION, NAVIGATION, OTHER, CONTENT]
    around = [
        [says for says in said(RunRule(), labelled(page, codes))[0] if "lines nearest" in says]
        for codes in (mixed, most)
    ]
    assert around == [[], ["3 of the 5 lines nearest to it are menu lines."]]


def test_the_only_line_of_an_article_shares_words_with_no_other_one():
    page = read_text("The council opened bridges\nThe council closed bridges")
    told = said(RunRule(), labelled(page, [CONTENT, OTHER]))
    shared = [[says for says in one if "longer words" in says] for one in told]
    assert [len(one) for one in shared] == [0, 1]


def test_surroundings_that_hardly_move_a_probability_speak_for_nothing():
    near = np.array([0.001, 0.5]), np.array([0.019, 0.1])  # log-odds move by 2.9 and by 2.2
    assert _sides(*near) == [NEITHER, FOR]
    assert _sides(*near[::-1]) == [NEITHER, AGAINST]


def test_a_class_named_like_its_element_is_weighed_while_the_element_stays():
    model = load_model()
    for tag in ("h1", "h2", "section", "aside", "table", "strong"):
        named, plain = f"body {tag}.{tag}", f"body {tag}"
        page = Page("p", ("It rained.",), (1,), markup=Markup((0.0,), (named,)))
        (one,) = explain(model, predicted(model, page))
        sides = [reason.side for reason in one.reasons if reason.says.startswith("Names")]
        tokens = hashed_paths(SplitPaths((named, plain)), model.paths.bits)
        with_it, without = model.paths.scores(tokens)[:, CONTENT]
        step = with_it - without
        assert sides == ([FOR] if step >= 0.2 else [AGAINST] if step <= -0.2 else [])


def test_a_page_without_lines_has_no_reasons():
    assert explain(made_model(), PagePrediction(read_text(""), np.empty(0, int), np.empty(0))) == []


def test_reasons_stand_for_every_line_and_name_a_known_side():
    for page in NEW.pages:
        reasons = explain(made_model(), predicted(made_model(), page))
        assert len(reasons) == len(page.lines)
        sides = {reason.side for one in reasons for reason in one.reasons}
        assert sides <= {FOR, AGAINST, NEITHER}
