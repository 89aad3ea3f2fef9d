import pytest

from linesift import read_html
from linesift.reading.hints import MOST_HINTS, page_hints


@pytest.mark.parametrize(
    ("html", "expected"),
    [
        (b"", ()),
        (b"<p>It rained all day.", ()),
        (b'<meta property="og:type" content="article">', ("og:article",)),
        (b"<meta property=og:type content=article>", ("og:article",)),
        (b'<meta name="generator" content="WordPress 6.4">', ("generator:WordPress",)),
        (b'{"@type" : "DiscussionForumPosting"}', ("type:DiscussionForumPosting",)),
        (b'"@type":"A1" "@type":"Product" "@type":"Product"', ("type:Product",)),
        (
            b'<link rel="canonical" href="https://a.example/News/rain-2024/">',
            ("depth:2", "address:0", "address:news", "address:rain"),
        ),
        (b"<meta property=og:url content=http://a.example/t/12>", ("depth:2",)),
        (b"<img src=a><img src=b><img src=c><img src=d>", ("img:3",)),
    ],
)
def test_what_a_page_declares_of_itself(html, expected):
    assert page_hints(html) == expected


def test_hints_are_words_each_once_and_not_without_end():
    html = "".join(f'{{"@type": "{"x" * (2 + k % 39)}{"y" * (k // 39)}"}}' for k in range(200))
    found = page_hints(html.encode())
    assert len(found) == len(set(found)) == MOST_HINTS
    assert all(" " not in one and len(one) < 60 for one in found)


def test_an_address_is_no_site_so_that_no_site_is_learned_by_heart():
    html = b'<link rel="canonical" href="https://www.river-news.example/boats">'
    assert page_hints(html) == ("depth:1", "address:boats")


def test_an_html_page_has_its_hints_and_plain_text_of_it_none():
    page = read_html('<meta property="og:type" content="article"><img src=a><p>It rained.</p>')
    assert page.markup.hints == ("og:article", "img:1")
    assert page.select([0]).markup.hints == page.markup.hints
    assert page.without_markup().markup is None
