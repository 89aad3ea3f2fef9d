"""Lines of HTML pages as people see them: each test stands for a kind of page."""

import pytest

from linesift import read_html


def lines_of(html: str) -> tuple[str, ...]:
    return read_html(html).lines


# Text as it was typed


@pytest.mark.parametrize(
    ("html", "expected"),
    [
        ("<pre>one\n  two\n\n\n    three   \n</pre>", ("one", "  two", "    three")),
        (
            "<pre><code>if a:\r\n    b\r\nelse:\r\n    c</code></pre>",
            ("if a:", "    b", "else:", "    c"),
        ),
        ("<textarea>Dear all,\n  see you</textarea>", ("Dear all,", "  see you")),
        ("<listing>a\n b</listing><xmp>c\n <b>d</xmp>", ("a", " b", "c", " <b>d")),
        ("<p>a<plaintext>b\n <i>c", ("a", "b", " <i>c")),
        ("<pre>one<br>  two<br><br>three</pre>", ("one", "  two", "three")),
        ("<pre>\tx\n1\ty</pre>", ("        x", "1       y")),
        ("<pre><div>a</div><div>  b</div></pre>", ("a", "  b")),
    ],
)
def test_each_line_of_text_as_typed_is_a_line_with_its_indentation(html, expected):
    assert lines_of(html) == expected


@pytest.mark.parametrize(
    ("html", "expected"),
    [
        (
            "<pre>  <b>def</b> <i>f</i><span>(</span><span>x</span>)\n    <a>g</a></pre>",
            ("  def f(x)", "    g"),
        ),
        (
            "<pre><span class=n>row</span><span class=mi>1</span>\n<i> </i><i>z</i></pre>",
            ("row1", " z"),
        ),
        ("<p>Call <code><span>get</span><span>Name</span></code> once", ("Call getName once",)),
    ],
)
def test_highlighted_code_is_not_pulled_apart(html, expected):
    assert lines_of(html) == expected


def test_indentation_stays_where_the_text_was_typed():
    html = "<div>  a\n   b <pre>   c\n   </pre>  d  <pre>e\n\x0c\u2028f&nbsp;</pre></div>"
    assert lines_of(html) == ("a b", "   c", "d", "e", "  f")


def test_a_link_share_of_text_as_typed_counts_no_indentation():
    markup = read_html("<pre>    ab <a href=/>cd</a>\n  <a href=/>ef</a></pre>").markup
    assert markup.link_share == (0.5, 1.0)
    assert markup.paths == ("html body pre", "html body pre a")


# Neighbours on a line


@pytest.mark.parametrize(
    ("html", "expected"),
    [
        (
            "<div><span>3 May</span><span>4 min</span><a>Ada Byron</a></div>",
            "3 May 4 min Ada Byron",
        ),
        ("<span>Fat: 3g</span><span>Salt: 1g</span>", "Fat: 3g Salt: 1g"),
        ("<a>Про нас</a><a>Вакансії</a>", "Про нас Вакансії"),
        ("<span><b>x</b></span><span>y</span>", "x y"),
        ("<a><span>Share</span></a><!-- --><time><i>noon</i></time>", "Share noon"),
        ("<span>one</span><img><span></span><span>two</span>", "one two"),
        ("<a>A</a><a>B</a><a>c</a>", "A B c"),
        ("<b class=block>ada88</b><time>3 June</time>", "ada88 3 June"),
        ("<em>1</em><a>Ferry</a>", "1 Ferry"),
        ("<a>#wind</a><a>#rain</a>", "#wind #rain"),
        (
            "<span>Lamp</span><span>$29</span><span>(new)</span><span>sale</span>",
            "Lamp $29 (new) sale",
        ),
        ("<my-tag>नमस्ते</my-tag><my-tag>दुनिया</my-tag>", "नमस्ते दुनिया"),
    ],
)
def test_neighbours_with_text_of_their_own_do_not_run_together(html, expected):
    assert lines_of(html) == (expected,)


@pytest.mark.parametrize(
    ("html", "expected"),
    [
        ("<p><span>T</span>he fair", "The fair"),
        ("<p><span>T</span><span>he fair</span>", "The fair"),
        ("<h1><span>F</span><span>a</span><span>i</span><span>r</span></h1>", "Fair"),
        (
            "<p>H<sub>2</sub>O, un<b>for</b><i>get</i>table, long<wbr>word",
            "H2O, unforgettable, longword",
        ),
        ("<p><a>link</a>s and <a>more</a><span>, too</span>", "links and more, too"),
        ("<p><span>(</span><span>x</span><span>)</span>", "(x)"),
        ("<p><span>$</span><span>12</span><span>.</span><span>99</span>", "$12.99"),
        ("<p><i>i</i><span>n</span> time", "in time"),
        ("<p><ruby>漢<rp>(</rp><rt>kan</rt><rp>)</rp></ruby>字", "漢(kan)字"),
        ("<p><span>done</span><b>!</b><font>a</font><font>b</font>", "done!ab"),
    ],
)
def test_what_formatting_splits_stays_whole(html, expected):
    assert lines_of(html) == (expected,)


HEADLINES = ("Ferry to the islands sails again", "Council drops the plan for a third car park")


@pytest.mark.parametrize(
    "html",
    [
        "<div><a>{}</a><a>{}</a></div>",
        "<div>\n<a>{}</a>\n\n<a>{}</a>\n</div>",
        "<div><span><a><b>{}</b></a></span> <span><a>{}</a></span></div>",
    ],
)
def test_links_like_headlines_beside_each_other_give_a_line_each(html):
    page = read_html(html.format(*HEADLINES))
    assert page.lines == HEADLINES
    assert page.markup.link_share == (1.0, 1.0)


def test_a_short_headline_among_long_ones_is_a_line_too():
    assert lines_of(f"<a>{HEADLINES[0]}</a><a>Rain</a><a>{HEADLINES[1]}</a>") == (
        HEADLINES[0],
        "Rain",
        HEADLINES[1],
    )


def test_headlines_without_spaces_between_words_count_double():
    headlines = ("市議会が新しい橋の建設計画を承認", "来月から島への船便が再開される")
    assert lines_of("<a>{}</a><a>{}</a>".format(*headlines)) == headlines


@pytest.mark.parametrize(
    "html",
    [
        "<p>Read <a>{}</a> and <a>{}</a> for more.",
        "<p><a>{}</a>, <a>{}</a>",
        "<p>As <a>{}</a> <a>{}</a> told us",
    ],
)
def test_links_in_prose_stay_on_its_line(html):
    assert len(lines_of(html.format(*HEADLINES))) == 1


def test_short_links_of_a_menu_stay_on_one_line():
    html = "<a>Home</a> <a>Politics</a><a>Data Privacy Framework Notice</a> <a>Contact us</a>"
    assert lines_of(html) == ("Home Politics Data Privacy Framework Notice Contact us",)


# Tables


@pytest.mark.parametrize(
    ("table", "expected"),
    [
        (
            "<tr><th>Club<th>Won<tr><td>Hull<td>4<tr><td>York<td>2",
            ("Club | Won", "Hull | 4", "York | 2"),
        ),
        ("<tr><td>Bread<td>2.10<tr><td>Milk<td>1.35", ("Bread | 2.10", "Milk | 1.35")),
        (
            "<caption>Lake Orrin</caption><tr><td>Area<td>12 km²",
            ("Lake Orrin", "Area | 12 km²"),
        ),
        (
            "<tr><th colspan=2>Lake Orrin<tr><th>Area<td>12 km²<tr><th>Towns"
            "<td><ul><li>Orrin<li>Vell<li>Marsh</ul>",
            ("Lake Orrin", "Area | 12 km²", "Towns | Orrin Vell Marsh"),
        ),
        (
            "<caption>May</caption><thead><tr><th scope=col>M<th scope=col>T<th scope=col>W</thead>"
            "<tr><td><td><td>1<tr><td><a>2</a><td><a>3</a><td><a>4</a>",
            ("May", "M | T | W", "1", "2 | 3 | 4"),
        ),
        (
            "<tr><td>1.<td><a>Harbours</a><td>12<tr><td>2.<td><a>Lights</a><td>31"
            "<tr><td colspan=3>Appendix<tr><td>A<td><a>Tides</a><td>40",
            ("1. | Harbours | 12", "2. | Lights | 31", "Appendix", "A | Tides | 40"),
        ),
        (
            "<tr><td scope=row>Depth<br>(mean)<td><p>4 m</p>",
            ("Depth (mean) | 4 m",),
        ),
        (
            "<tr><th>開講日<th>会場<tr><td>四月八日<td>本館<tr><td>四月九日<td>別館",
            ("開講日 | 会場", "四月八日 | 本館", "四月九日 | 別館"),
        ),
    ],
    ids=["results", "prices", "caption", "infobox", "calendar", "contents", "scope", "japanese"],
)
def test_a_row_of_a_table_of_data_is_a_line(table, expected):
    assert lines_of(f"<p>before<table>{table}</table>after") == ("before", *expected, "after")


LONG = (
    "The ferry will leave an hour earlier from June, the harbour master said, because the tide" * 2
)


@pytest.mark.parametrize(
    ("table", "lines"),
    [
        ("<tr><td><a>Home</a><a>Map</a></td><td><h1>Fair</h1><p>One.<p>Two.</td>", 4),
        ("<tr><td>In this issue<td>May<tr><td><h2>Wheat</h2>Cheap.<td><h2>Rye</h2>Dear.", 6),
        (f"<tr><td>Left<td>{LONG}<tr><td>{LONG}<td>Right", 4),
        ("<tr><td><a>One</a><td><a>Two</a><tr><td><a>Three</a><td><a>Four</a>", 4),
        ("<tr><td>a<td>b<tr><td><table><tr><td>c</table><td>d", 4),
        ("<tr><td>only<tr><td>one<tr><td>column", 3),
        ("<tr><td>one<td>row", 2),
        ("<tr><td>a<td>b<td>c<tr><td>d<td>e<tr><td>f", 6),
        ("<tr><td>1<br>2<td><pre>x\n  y</pre>", 4),
        (
            "<tr><th>Author<th>Message"
            f"<tr><td>tom<br>Member<br>Posts: 3<td><div class=postbody>{LONG}<br><br>Bye.</div>"
            "<tr><td>ann<br>Member<br>Posts: 9<td><div class=postbody>Thanks!</div>",
            11,
        ),
        (
            "<tr><td>Bikes<br>Talk of bikes<td>214<td>by tom<br>today"
            "<tr><td>Boats<br>Talk of boats<td>31<td>by ann<br>today",
            10,
        ),
    ],
    ids=[
        *("old site", "newsletter", "long text", "menu", "nested", "one column", "one row"),
        *("uneven", "listing", "thread", "forum"),
    ],
)
def test_a_table_of_layout_gives_a_line_a_block(table, lines):
    found = lines_of(f"<table>{table}</table>")
    assert len(found) == lines
    assert not any(" | " in line for line in found)


def test_a_role_outranks_the_shape():
    rows = "<tr><td>Bread<td>2.10<tr><td>Milk<td>1.35"
    assert len(lines_of(f"<table role=presentation>{rows}</table>")) == 4
    assert lines_of("<table role=grid><tr><td>Bread<td>2.10</table>") == ("Bread | 2.10",)


def test_one_row_that_is_no_row_of_data_leaves_the_others():
    rows = "".join(f"<tr><td>{n}<td>{n * n}" for n in range(1, 5))
    assert lines_of(f"<table><tr><th>n<th>n²{rows}<tr><td>5<td><h3>Odd</h3></table>") == (
        *("n | n²", "1 | 1", "2 | 4", "3 | 9", "4 | 16", "5", "Odd"),
    )


def test_an_inner_table_of_data_is_read_as_one_and_the_outer_as_layout():
    inner = "<table><tr><th>Club<th>Won<tr><td>Hull<td>4</table>"
    html = f"<table><tr><td>Menu<td>{inner}<tr><td>Left<td>Right</table>"
    assert lines_of(html) == ("Menu", "Club | Won", "Hull | 4", "Left", "Right")


def test_markup_of_a_row_is_that_of_the_whole_row():
    markup = read_html(
        "<table><tr class=r><td>ab<td><a href=/>cd</a><tr id=s><td><a>e</a><td><a>f</a>"
    ).markup
    assert markup.link_share == (0.5, 1.0)
    assert markup.paths == ("html body table tbody tr.r", "html body table tbody tr#s")


# What a click reveals


@pytest.mark.parametrize(
    "html",
    [
        "<details><summary>yes</summary>too</details>",
        "<p>yes<div hidden=until-found>too</div>",
        "<h3><button aria-expanded=false aria-controls=a>yes</button></h3><p id=a hidden>too",
        "<div id=b style='display:none'>yes</div><span aria-controls='a b' aria-expanded=true>too",
        "<p id=q>yes<div hidden role=region aria-labelledby=q>too</div>",
        "<main><header><a aria-controls=a aria-expanded=false>yes</a></header><p hidden id=a>too",
        "<a role=tab>yes</a><div role=tabpanel style='display: none'>too</div>",
        "<dialog open>yes</dialog>too",
    ],
)
def test_text_that_a_click_reveals_is_text(html):
    assert lines_of(html) == ("yes", "too")


@pytest.mark.parametrize(
    "html",
    [
        "<nav><a aria-controls=a aria-expanded=false>yes</a></nav><ul id=a hidden><li>no</ul>",
        "<p role=navigation><a aria-controls=a aria-expanded=false>yes</a></p><p id=a hidden>no",
        "<a aria-controls=a aria-expanded=false aria-haspopup=true>yes</a><p id=a hidden>no",
        "<a aria-controls=a aria-expanded=false aria-haspopup>yes</a><p id=a hidden>no",
        "<a aria-controls=a aria-expanded=false>yes</a><ul role=menu id=a hidden><li>no</ul>",
        "<a aria-controls=a aria-expanded=false>yes</a><div id=a hidden><nav>no</nav></div>",
        "<a aria-controls=a aria-expanded=false>yes</a><dialog id=a>no</dialog>",
        "<a aria-controls=a aria-expanded=false>yes</a><template id=a>no</template>",
        "<header><a aria-controls=a aria-expanded=false>yes</a></header><p id=a hidden>no",
        "<a aria-controls=a>yes</a><p id=a hidden>no",
        "<a aria-controls=b aria-expanded=false>yes</a><p id=a hidden>no<p hidden>no",
        "<p>yes<nav hidden=until-found>no</nav>",
        "<p>yes<div hidden=until-found style='display:none'>no</div>",
    ],
)
def test_menus_dialogs_and_templates_stay_hidden(html):
    assert lines_of(html) == ("yes",)
