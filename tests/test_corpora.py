import gzip
import json
import tarfile
from collections.abc import Callable
from dataclasses import replace
from itertools import islice
from pathlib import Path

import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq
import pytest

from linesift.labelling.archives import fetch, make_manifest, read_manifest
from linesift.labelling.corpora import (
    JUDGED_SITES,
    build_lines,
    label_document,
    original_documents,
    read_chunks,
    read_corpus,
    read_test_pages,
    write_corpus,
)
from linesift.labelling.corpus_readers import READERS, SOURCES
from linesift.labelling.documents import Document, address_of, site_of
from linesift.labelling.extractor_readers import literals
from linesift.labelling.labels import CONTENT, UNSURE, LabelledPages, is_test_site, no_pages
from linesift.labelling.weak_labels import label_page
from linesift.reading.page import Page
from linesift.reading.readers import read_html

REPOSITORY = Path(__file__).parents[1]
MANIFESTS = REPOSITORY / "data" / "manifests"
MIRROR = REPOSITORY.parent / "shared" / "corpora"

TITLE = "Old bridge opens early"
FIRST = "The council will open the old bridge to walkers on Saturday morning."
SECOND = "Cars must wait until the second half of the coming month."
OTHER = "School garden wins the county prize for the third time"


def quiet(what: str, done: int, total: int) -> None:
    """Report no progress."""


def page_of(*paragraphs: str, head: str = "") -> str:
    body = "".join(f"<p>{text}</p>" for text in paragraphs)
    return (
        f"<html><head><title>{TITLE}</title>{head}</head><body><nav><a href=/>Home</a> / Town</nav>"
        f"<h1>{TITLE}</h1>{body}<p><a href=/other>{OTHER}</a></p></body></html>"
    )


def write(path: Path, data: str | bytes) -> None:
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_bytes(data.encode() if isinstance(data, str) else data)


# Each layout as its repository has it, with one good page and what the layout is known for.


def waddle(folder: Path) -> list[Document]:
    root = folder / "corpora" / "Corpus_daniel_v2.1"
    russian = "Мэр открыл старый мост для пешеходов на две недели раньше."
    one, two = "20111101_www.b.example_ff01", "20111102_news.c.example_ff02"
    html = {one: page_of(FIRST, "A & B").encode(), two: page_of(russian).encode("cp1251")}
    for name, data in html.items():
        write(root / "html" / name, data)
    write(root / "reference" / one, f"<p>{FIRST}</p>\n<p>A <b>&amp;</b> B</p>")
    write(root / "reference" / two, f"<p>{russian}\n</p><p> </p>")
    write(root / "reference" / "20111103_of.no.example_ff03", "<p>Not read</p>")
    write(root / "doc_lg.json", json.dumps({one: "English", two: "Russian"}))
    return [
        Document(f"waddle/{one}", (html[one],), (FIRST, "A  &  B"), "", "b.example", "en"),
        Document(f"waddle/{two}", (html[two],), (russian,), "", "c.example", "ru"),
    ]


def fundus(folder: Path) -> list[Document]:
    root = folder / "tests" / "resources" / "parser" / "test_data"
    link = '<link rel="canonical" href="https://www.d.example/news/1">'
    old, new = (
        page_of(*paragraphs, head=link).encode()
        for paragraphs in ((FIRST,), (FIRST, "A head", SECOND))
    )
    bare = page_of(FIRST).encode()
    sections = [
        {"headline": ["A head"], "paragraphs": [SECOND]},
        {"headline": [], "paragraphs": []},
    ]
    versions = {
        "V1": {"title": TITLE, "body": {"summary": [FIRST], "sections": sections}},
        "V2": {"title": None, "body": None},
    }
    write(root / "de" / "Daily_2024_01_01.html.gz", gzip.compress(old))
    write(root / "de" / "Daily_2025_01_01.html.gz", gzip.compress(new))
    write(root / "de" / "Daily.json", json.dumps(versions))
    write(root / "ua" / "Bare_2024_01_01.html.gz", gzip.compress(bare))
    write(root / "ua" / "Bare.json", json.dumps({"V1": {"body": {"sections": sections[:1]}}}))
    write(root / "ua" / "meta.info", "{}")
    return [
        Document("fundus/de/Daily/V1", (old, new), (FIRST, "A head", SECOND), TITLE, "d.example"),
        Document("fundus/de/Daily/V2", (old, new), (), "", "d.example"),
        Document("fundus/ua/Bare/V1", (bare,), ("A head", SECOND), "", "bare.fundus"),
    ]


def wcxb(folder: Path) -> list[Document]:
    html = page_of(FIRST, SECOND).encode()
    cases = (("0001", f"{FIRST}\n\n{SECOND}", "category"), ("0002", None, "forum"))
    for name, content, page_type in cases:
        truth = {"title": TITLE, "main_content": content, "with": ["river"], "without": ["Home"]}
        record = {
            "url": f"https://blog.e{name}.example/post",
            "ground_truth": truth,
            "_internal": {"page_type": {"primary": page_type}},
        }
        write(folder / "dev" / "ground-truth" / f"{name}.json", json.dumps(record))
        write(folder / "dev" / "html" / f"{name}.html.gz", gzip.compress(html))
    first = Document("wcxb/0001", (html,), (FIRST, SECOND), TITLE, "e0001.example", "en")
    second = Document("wcxb/0002", (html,), (), TITLE, "e0002.example", "en")
    snippets = {"wanted": ("river",), "unwanted": ("Home",)}
    return [
        replace(first, page_type="collection", **snippets),
        replace(second, page_type="forum", **snippets),
    ]


def article_extraction(folder: Path) -> list[Document]:
    html = page_of(FIRST, SECOND).encode()
    article = {"title": TITLE, "articleBody": f"{FIRST}\n{SECOND}\n"}
    articles = {
        "b1": article | {"url": "https://edition.f.example/1", "title": None, "articleBody": None},
        "a2": article | {"url": "https://www.g.example/2"},
        "c3": article | {"url": "https://no.page.example/3"},
    }
    write(folder / "articles.json", json.dumps(articles))
    for key in ("a2", "b1"):
        write(folder / "html" / f"{key}.html", html)
    return [
        Document("aed/a2", (html,), (FIRST, SECOND), TITLE, "g.example", "en"),
        Document("aed/b1", (html,), (), "", "f.example", "en"),
    ]


RULES = """
// The selectors of one site.
export const NewsExtractor = {
  domain: 'news.example',
  title: { selectors: ['.no', ['meta[name="og:title"]', 'value']] },
  author: { selectors: ['.by'] },
  dek: { selectors: [['meta[name="description"]', 'value'], '.lead'] },
  content: {
    selectors: [['.story', '.missing'], ['.story', '.more']],
    transforms: {
      '.cap': 'figcaption',
      h1: $node => { if (/['"{]/.test($node.text())) return 'h2'; },
    },
    clean: ['.poll', ['.quiz', '.vote']], // 'p' stays
  },
};
"""


def parser(folder: Path) -> list[Document]:
    story = (
        f'<meta property="og:title" content="{TITLE}"><nav>Town</nav>'
        f"<p class=lead>{OTHER}</p><div class=story>"
        f"<p class=by>By A. Smith<p>{FIRST * 3}<p class=cap>The bridge<div class=poll>Agree?</div>"
        f"<div class=vote>Vote</div><div class='share-box'>Share</div></div><p>Next"
        f"<div class=more><p>{SECOND}<figcaption>A photo</figcaption></div>"
    ).encode()
    empty = page_of(FIRST).encode()
    links = f"<p class=story><a href=/1>{FIRST * 3}</a><p class=more>{SECOND}".encode()
    write(folder / "src" / "extractors" / "custom" / "www.news.example" / "index.js", RULES)
    write(folder / "fixtures" / "www.news.example.html", story)
    write(folder / "fixtures" / "www.news.example--short.html", b"<p class=story>a<p class=more>b")
    write(folder / "fixtures" / "www.news.example--list.html", links)
    write(folder / "fixtures" / "www.news.example--old.html", empty)
    write(folder / "fixtures" / "unknown.example.html", empty)
    write(folder / "fixtures" / "twitter.com.html", empty)
    site = "news.example"
    return [
        Document("parser/twitter.com", (empty,), (), "", "twitter.com", left_out="no article"),
        Document(
            "parser/unknown.example", (empty,), (), "", "unknown.example", left_out="no selectors"
        ),
        Document(
            "parser/www.news.example--list",
            (links,),
            (),
            "",
            site,
            left_out="selectors find lists of links",
        ),
        Document(
            "parser/www.news.example--old",
            (empty,),
            (),
            "",
            site,
            left_out="selectors find nothing",
        ),
        Document(
            "parser/www.news.example--short",
            (b"<p class=story>a<p class=more>b",),
            (),
            "",
            site,
            left_out="selectors find too little",
        ),
        Document("parser/www.news.example", (story,), (OTHER, FIRST * 3, SECOND), TITLE, site),
    ]


def readability(folder: Path) -> list[Document]:
    root = folder / "test" / "test-pages"
    link = '<link href="https://www.h.example/1" rel="canonical">'
    article = '<meta property="og:type" content="article">'
    filler = f"<script>{' ' * 5_000}</script>"
    text = " ".join([FIRST] * 4)
    pages = {
        "a-news": (link + article + filler, text),
        "b-page": (filler, text),
        "c-again": (filler, text),
        "d-toy": (link, text[2:]),
        "e-lorem": (filler, f"Lorem ipsum dolor. {text[4:]}"),
        "f-short": (filler, "Only this."),
    }
    html = {}
    for name, (head, paragraph) in pages.items():
        html[name] = page_of(paragraph, head=head).encode()
        write(root / name / "source.html", html[name])
        write(
            root / name / "expected.html",
            f"<div><p>By  A. Smith</p><p>{paragraph}</p><figcaption>A photo</figcaption></div>",
        )
        excerpt = OTHER if name == "a-news" else "Not on the page."
        facts = {
            "excerpt": excerpt,
            "title": TITLE,
            "byline": "By A. \n Smith",
            "publishedTime": None,
        }
        write(root / name / "expected-metadata.json", "\ufeff" + json.dumps(facts))
    corpus = folder.name

    def document(name: str, site: str, left_out: str, page_type: str = "") -> Document:
        gold = (OTHER, pages[name][1]) if name == "a-news" else (pages[name][1],)
        return Document(
            f"{corpus}/{name}", (html[name],), gold, TITLE, site, "", page_type, left_out
        )

    return [
        document("a-news", "h.example", "", "article"),
        document("b-page", f"b-page.{corpus}", ""),
        document("c-again", f"c-again.{corpus}", "second copy of a page"),
        document("d-toy", "h.example", "made up as a test"),
        document("e-lorem", f"e-lorem.{corpus}", "made up as a test"),
        document("f-short", f"f-short.{corpus}", "too little text"),
    ]


def uk_pages(folder: Path) -> list[Document]:
    html = page_of("Міст відкрили.").encode()
    write(folder / "owner+one-0123" / "index.html", html)
    write(
        folder / "index.tsv", "file\thost\nuk-pages-open/owner+one-0123/index.html\tz.i.example\n"
    )
    page_id = "uk-pages-open/owner+one-0123/index.html"
    return [Document(page_id, (html,), None, "", "i.example", "uk", "")]


def bare(file: str, site: str, page_type: str) -> Callable[[Path], list[Document]]:
    def layout(folder: Path) -> list[Document]:
        html = page_of("Міст відкрили.").encode()
        write(folder / file, html)
        return [
            Document(f"{folder.name}/{file}", (html,), None, "", site, "uk", page_type),
        ]

    return layout


LAYOUTS = {
    "waddle": waddle,
    "fundus": fundus,
    "web-content-extraction-benchmark": wcxb,
    "article-extraction-dataset": article_extraction,
    "parser": parser,
    "readability": readability,
    "readability.php": readability,
    "SmartReader": readability,
    "uk-pages-open": uk_pages,
    "failfast.org.ua": bare("docs/blog/a-b/index.html", "failfast.org.ua", "article"),
    "tneu-news-parser": bare("test/lib/article.test.html", "tneu.edu.ua", ""),
}


@pytest.mark.parametrize("name", READERS)
def test_each_layout_is_read(name, tmp_path):
    expected = LAYOUTS[name](tmp_path)
    assert list(READERS[name](tmp_path)) == expected


def test_each_source_has_a_reader_and_a_manifest():
    manifests = {path.stem: read_manifest(path) for path in MANIFESTS.glob("*.sha256")}
    assert set(SOURCES) == set(READERS) == set(manifests)
    assert all(manifests.values())
    bundles = {name for name, source in SOURCES.items() if not source.commit}
    assert bundles == {"uk-pages-open"}
    assert all(len(SOURCES[name].commit) == 40 for name in SOURCES.keys() - bundles)


@pytest.mark.parametrize("name", READERS)
def test_a_manifest_names_what_the_reader_opens(name, tmp_path):
    LAYOUTS[name](tmp_path / name)
    files = [path for path in tmp_path.rglob("*") if path.is_file()]
    mirror = tmp_path / "mirror"
    mirror.mkdir()
    with tarfile.open(mirror / SOURCES[name].archive, "w:gz") as tar:
        for path in files:
            tar.add(path, f"{name}-0123/{path.relative_to(tmp_path / name).as_posix()}")
        tar.add(files[0], f"{name}-0123/LICENSE")
    made = make_manifest(SOURCES[name], mirror)
    assert "LICENSE" not in made
    folder = fetch(SOURCES[name], made, tmp_path / "raw", mirror=mirror, url="none", progress=quiet)
    assert list(READERS[name](folder)) == list(READERS[name](tmp_path / name)) != []


def test_strings_and_lists_are_read_out_of_a_script_and_code_is_passed_over():
    assert literals(RULES) == {
        "domain": "news.example",
        "title.selectors": [".no", ['meta[name="og:title"]', "value"]],
        "author.selectors": [".by"],
        "dek.selectors": [['meta[name="description"]', "value"], ".lead"],
        "content.selectors": [[".story", ".missing"], [".story", ".more"]],
        "content.transforms..cap": "figcaption",
        "content.clean": [".poll", [".quiz", ".vote"]],
    }


@pytest.mark.parametrize(
    ("html", "address"),
    [
        ("<link rel=canonical href=https://a.example/1>", "https://a.example/1"),
        ('<meta content="HTTP://b.example/" property="og:url">', "HTTP://b.example/"),
        (
            "<link rel=canonical href=/1><meta property=og:url content=http://c.example>",
            "http://c.example",
        ),
        ("<link rel=stylesheet href=https://cdn.example/a.css>", ""),
    ],
)
def test_the_address_of_a_page_is_the_first_whole_one_that_it_gives(html, address):
    assert address_of(html.encode()) == address


@pytest.mark.parametrize(
    ("address", "site"),
    [
        ("https://www.news.example.com/a?b#c", "example.com"),
        ("news.example.co.uk", "example.co.uk"),
        ("http://EXAMPLE.com.ua:8080/", "example.com.ua"),
        ("https://pravda.example", "pravda.example"),
        ("//cdn.m.example.org/x", "example.org"),
        ("", ""),
    ],
)
def test_a_site_is_what_one_publisher_shares(address, site):
    assert site_of(address) == site


# One document


DOCUMENT = Document("x/1", (page_of(FIRST, SECOND).encode(),), (FIRST, SECOND), site="s.example")


def test_a_document_becomes_a_page_with_labels_and_its_heading_in_the_gold_text():
    labelled = label_document(DOCUMENT, "x")
    (page,), (labels,), (gold,) = labelled.pages, labelled.labels, labelled.gold
    assert (page.page_id, page.site) == ("x/1", "s.example")
    assert (labelled.corpus, labelled.page_types) == (["x"], ["article"])
    content = [line for line, code in zip(page.lines, labels, strict=True) if code == CONTENT]
    assert content == [TITLE, FIRST, SECOND]
    assert gold == (TITLE, FIRST, SECOND)


def test_a_heading_that_the_gold_text_has_is_not_added():
    labelled = label_document(replace(DOCUMENT, gold=(TITLE, FIRST, SECOND)), "x")
    assert labelled.gold == [(TITLE, FIRST, SECOND)]


@pytest.mark.parametrize("reverse", [False, True])
def test_of_several_pages_the_best_aligned_is_taken(reverse):
    html = [page_of("Something else"), page_of(FIRST, SECOND), page_of(FIRST)]
    html = html[::-1] if reverse else html
    several = replace(DOCUMENT, html=tuple(text.encode() for text in html))
    assert {FIRST, SECOND} <= set(label_document(several, "x").pages[0].lines)


@pytest.mark.parametrize(
    ("changes", "reason"),
    [
        ({"gold": ()}, "no gold text"),
        ({"html": ()}, "no page"),
        ({"left_out": "no article"}, "no article"),
        ({"html": (page_of("Subscribe to read on").encode(),)}, "gold text not found"),
        ({"html": (b"",)}, "gold text not found"),
    ],
)
def test_a_broken_document_is_left_out_with_its_reason(changes, reason):
    assert label_document(replace(DOCUMENT, **changes), "x") == reason


@pytest.mark.parametrize("gold", [(FIRST, SECOND), None])
@pytest.mark.parametrize("site", sorted(JUDGED_SITES))
def test_sites_on_which_models_are_judged_are_in_no_set(site, gold):
    document = replace(DOCUMENT, site=site, gold=gold)
    assert label_document(document, "x") == "site on which models are judged"


def test_without_a_gold_text_nothing_is_known_of_a_page():
    labelled = label_document(replace(DOCUMENT, gold=None, language="uk"), "x")
    assert labelled.pages[0].lines[-1] == OTHER
    assert set(labelled.labels[0].tolist()) == {UNSURE}
    assert labelled.gold == [()]
    assert labelled.is_labelled.tolist() == [False]


# Parquet


@pytest.fixture
def labelled(tmp_path) -> LabelledPages:
    """Pages of all sets, and one of plain text whose site and language are unknown."""
    labelled = no_pages()
    for name, layout in LAYOUTS.items():
        for document in layout(tmp_path / name):
            result = label_document(document, name)
            if not isinstance(result, str):
                labelled += result
    plain = Page("hand/1", ("a\u2028b\tc", "😀"), (2, 5))
    return labelled + LabelledPages([plain], [np.array([CONTENT, -1], np.int8)], ["hand"], [()])


def rounded(pages: list[Page]) -> list[Page]:
    """Pages with link shares in the precision that files keep."""
    return [
        replace(
            page,
            markup=page.markup
            and replace(
                page.markup,
                link_share=tuple(np.asarray(page.markup.link_share, np.float32).tolist()),
            ),
        )
        for page in pages
    ]


def test_a_corpus_is_read_back_equal(labelled, tmp_path):
    write_corpus(tmp_path / "lines" / "x.parquet", labelled)
    copy = read_corpus(tmp_path / "lines" / "x.parquet")
    assert len(copy) == 16
    assert copy.pages == rounded(labelled.pages)
    assert [y.tolist() for y in copy.labels] == [y.tolist() for y in labelled.labels]
    assert (copy.corpus, copy.gold, copy.sites) == (labelled.corpus, labelled.gold, labelled.sites)
    assert copy.digest() == labelled.digest()


@pytest.mark.parametrize(("size", "sizes"), [(6, [6, 6, 4]), (16, [16]), (100, [16])])
def test_a_corpus_is_read_in_chunks(labelled, tmp_path, size, sizes):
    write_corpus(tmp_path / "x.parquet", labelled)
    chunks = list(read_chunks(tmp_path / "x.parquet", size))
    assert [len(chunk) for chunk in chunks] == sizes
    assert sum(chunks, no_pages()).digest() == labelled.digest()


def test_an_empty_corpus_is_read_back(tmp_path):
    write_corpus(tmp_path / "x.parquet", no_pages())
    assert len(read_corpus(tmp_path / "x.parquet")) == 0


def test_the_split_column_is_that_of_the_sites(labelled, tmp_path):
    pages = [replace(labelled.pages[0], site=f"site{i}.example") for i in range(60)]
    many = LabelledPages(pages, labelled.labels[:1] * 60, ["x"] * 60, labelled.gold[:1] * 60)
    write_corpus(tmp_path / "x.parquet", many)
    split = pq.read_table(tmp_path / "x.parquet").column("split").to_pylist()
    assert split == ["test" if is_test_site(site) else "train" for site in many.sites]
    assert set(split) == {"test", "train"}


def test_pages_of_the_test_sites_of_all_corpora_are_read_and_none_that_waits_for_labels(
    labelled, tmp_path
):
    pages = [replace(labelled.pages[0], site=f"site{i}.example") for i in range(60)]
    many = LabelledPages(pages, labelled.labels[:1] * 60, ["x"] * 60, labelled.gold[:1] * 60)
    write_corpus(tmp_path / "x.parquet", many)
    nobody_said = [np.full_like(y, UNSURE) for y in many.labels]
    write_corpus(tmp_path / "y.parquet", replace(many, labels=nobody_said))
    found = read_test_pages(tmp_path)
    tested = [is_test_site(site) for site in many.sites]
    assert found.digest() == many.select(tested).digest()


@pytest.mark.parametrize("column", ["labels", "lines", "link_share", "paths", "site", "title"])
def test_a_corpus_that_changed_since_it_was_built_is_refused(labelled, tmp_path, column):
    write_corpus(tmp_path / "x.parquet", labelled)
    table = pq.read_table(tmp_path / "x.parquet")
    first, second, *rest = table.column(column).to_pylist()
    if isinstance(first, list):
        changed = [first[1:] + first[:1], second, *rest]
        assert changed[0] != first
    else:
        changed = ["changed", second, *rest]
    column_type = table.schema.field(column).type
    place = table.schema.get_field_index(column)
    table = table.set_column(place, column, pa.array(changed, column_type))
    pq.write_table(table, tmp_path / "x.parquet")
    with pytest.raises(ValueError, match=r"x\.parquet: changed since it was built"):
        read_corpus(tmp_path / "x.parquet")


def test_what_is_no_labelled_corpus_is_refused(tmp_path):
    pq.write_table(pa.table({"a": [1]}), tmp_path / "table.parquet")
    write(tmp_path / "text.parquet", "text")
    write(tmp_path / "empty.parquet", b"")
    for name in ("table", "text", "empty", "missing"):
        with pytest.raises(ValueError, match=rf"{name}\.parquet: not a labelled corpus"):
            read_corpus(tmp_path / f"{name}.parquet")


@pytest.mark.parametrize("name", READERS)
def test_building_a_set_labels_every_page_and_counts_what_it_left_out(name, tmp_path):
    documents = LAYOUTS[name](tmp_path / "raw")
    seen = []
    tally = build_lines(
        name,
        tmp_path / "raw",
        tmp_path / "x.parquet",
        n_jobs=1,
        progress=lambda *step: seen.append(step),
    )
    labelled = read_corpus(tmp_path / "x.parquet")
    results = [label_document(document, name) for document in documents]
    kept = sum((one for one in results if not isinstance(one, str)), no_pages())
    assert labelled.pages == rounded(kept.pages)
    assert labelled.digest() == replace(kept, pages=rounded(kept.pages)).digest()
    assert labelled.corpus == [name] * len(kept)
    assert tally["pages"] == len(kept) > 0
    assert sum(tally["dropped"].values()) == len(documents) - len(kept)
    assert sum(tally["lines"].values()) == sum(len(page.lines) for page in labelled.pages)
    assert tally["lines"].get("content", 0) == sum((y == CONTENT).sum() for y in labelled.labels)
    assert tally["digest"] == labelled.digest()
    known = labelled.select(labelled.is_labelled)
    assert tally["test_pages"] == sum(map(is_test_site, known.sites))
    assert tally["sites"] == len(set(labelled.sites))
    assert seen[-1] == (f"label {name}", len(documents), len(documents))


@pytest.mark.parametrize("name", READERS)
def test_a_set_can_be_built_of_some_sites_alone(name, tmp_path):
    documents = LAYOUTS[name](tmp_path / "raw")
    chosen = documents[0].site

    def build(target, sites=None):
        build_lines(
            name, tmp_path / "raw", target, n_jobs=1, progress=lambda *step: None, sites=sites
        )
        return read_corpus(target)

    whole = build(tmp_path / "whole.parquet")
    part = build(tmp_path / "part.parquet", lambda site: site == chosen)
    assert part.digest() == whole.select([site == chosen for site in whole.sites]).digest()
    assert not build(tmp_path / "none.parquet", lambda site: False)


# The real archives


@pytest.mark.skipif(
    not (MIRROR / SOURCES["fundus"].archive).is_file(),
    reason="the archives of the public sets are not beside the repository",
)
def test_a_real_archive_unpacks_and_its_pages_are_labelled(tmp_path):
    manifest = read_manifest(MANIFESTS / "fundus.sha256")
    assert make_manifest(SOURCES["fundus"], MIRROR) == manifest
    folder = fetch(SOURCES["fundus"], manifest, tmp_path, mirror=MIRROR, url="none", progress=quiet)
    assert sum(path.is_file() for path in folder.rglob("*")) == len(manifest) + 1
    results = (label_document(document, "fundus") for document in READERS["fundus"](folder))
    some = list(islice((result for result in results if not isinstance(result, str)), 5))
    labelled = sum(some, no_pages())
    assert len(labelled) == 5
    for page, labels, gold in zip(labelled.pages, labelled.labels, labelled.gold, strict=True):
        assert page.site
        assert (labels == CONTENT).sum() >= 3
        assert label_page(page, gold).found > 0.8


def test_a_page_goes_back_to_the_document_and_the_version_whose_lines_were_labelled(
    tmp_path, monkeypatch
):
    old, new = page_of(FIRST, SECOND).encode(), page_of(FIRST, SECOND, OTHER).encode()
    documents = [
        Document("made/1", (old, new), (FIRST, SECOND), site="a.example"),
        Document("made/2", (old,), (FIRST, SECOND), site="b.example"),
    ]
    monkeypatch.setitem(READERS, "made", lambda folder: iter(documents))
    (tmp_path / "made").mkdir()
    pages = [read_html(new, "made/1"), read_html(b"<p>Changed since.", "made/2")]
    labels = [np.zeros(len(page.lines), np.int8) for page in pages]
    labelled = LabelledPages(pages, labels, ["made"] * 2, [()] * 2)
    assert original_documents(labelled, tmp_path) == [replace(documents[0], html=(new,)), None]
    assert original_documents(labelled, tmp_path / "none") == [None, None]
