"""How alike text from several converters is read: python experiments/converters.py.

Pages of the test sites whose HTML is at hand are made into text by several converters, and a
model says which lines it would keep. Printed is the mean text F1 of these lines with 95 %
intervals, without the marks of Markdown that no gold text has: linesift's own text lines first,
then each converter, and by how much it differs on the same pages.
Needs `pip install inscriptis html2text beautifulsoup4`; no part of linesift does.
"""

import argparse
from collections.abc import Callable, Sequence
from pathlib import Path

import numpy as np

from linesift import load_model
from linesift.labelling.corpora import original_documents, read_test_pages
from linesift.labelling.labels import LabelledPages
from linesift.models.predict import predict_pages
from linesift.models.prediction import LinePredictor
from linesift.reading.page import Page
from linesift.reading.plain import NOTHING_LEFT, plain_lines
from linesift.reading.readers import decode, read_text
from linesift.scoring.metrics import mean_score, signed, text_f1

SETS = ("web-content-extraction-benchmark", "article-extraction-dataset", "fundus")


def inscriptis(html: str) -> str:
    """Return the text laid out as a browser would lay it out."""
    from inscriptis import get_text

    return get_text(html)


def resiliparse(html: str) -> str:
    """Return all visible text, a block a line."""
    from resiliparse.extract.html2text import extract_plain_text

    return extract_plain_text(html, main_content=False)


def html2text_plain(html: str) -> str:
    """Return Markdown without links, emphasis and images."""
    return _html2text(html, ignore_links=True, ignore_emphasis=True, ignore_images=True)


def html2text_links(html: str) -> str:
    """Return Markdown with its links and emphasis."""
    return _html2text(html)


def _html2text(html: str, **options: bool) -> str:
    from html2text import HTML2Text

    converter = HTML2Text(bodywidth=0)
    for name, value in options.items():
        setattr(converter, name, value)
    return converter.handle(html)


def beautiful_soup(html: str) -> str:
    """Return every piece of text on a line of its own: links in a sentence break it."""
    from bs4 import BeautifulSoup

    soup = BeautifulSoup(html, "lxml")
    for element in soup(["script", "style", "noscript", "template"]):
        element.decompose()
    return soup.get_text("\n")


def wet(html: str) -> str:
    """Return the title, then the text of each block: what WET files of Common Crawl hold."""
    from resiliparse.extract.html2text import extract_plain_text
    from selectolax.lexbor import LexborHTMLParser

    title = LexborHTMLParser(html).css_first("title")
    text = extract_plain_text(html, main_content=False, list_bullets=False, alt_texts=False)
    return "\n".join([title.text(strip=True) if title else "", text])


CONVERTERS: dict[str, Callable[[str], str]] = {
    "inscriptis": inscriptis,
    "resiliparse": resiliparse,
    "html2text, plain": html2text_plain,
    "html2text, links": html2text_links,
    "BeautifulSoup": beautiful_soup,
    "WET": wet,
}


def scores(model: LinePredictor, pages: Sequence[Page], labelled: LabelledPages) -> np.ndarray:
    """Return the text F1 of what the model keeps of each page."""
    found = predict_pages(model, pages)
    texts = [
        [
            line
            for line, keep in zip(plain_lines(page.lines), one.keep, strict=True)
            if keep and line != NOTHING_LEFT
        ]
        for page, one in zip(pages, found, strict=True)
    ]
    return np.array([text_f1(*both) for both in zip(texts, labelled.gold, strict=True)])


def main() -> None:
    """Print a table of the converters, by data set and over all."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--model", help="a model file; the shipped model by default")
    parser.add_argument("--lines", default="data/lines", type=Path, help="labelled corpora")
    parser.add_argument("--raw", default="data/raw", type=Path, help="the HTML of the pages")
    parser.add_argument("--sets", nargs="+", default=SETS, help="names of data sets")
    parser.add_argument("--types", nargs="+", default=["article"], help="page types")
    options = parser.parse_args()
    model = load_model(options.model)
    labelled = read_test_pages(options.lines)
    documents = original_documents(labelled, options.raw)
    chosen = [
        one is not None and corpus in options.sets and page_type in options.types
        for one, corpus, page_type in zip(
            documents, labelled.corpus, labelled.page_types, strict=True
        )
    ]
    labelled = labelled.select(chosen)
    html = [decode(one.html[0]) for one, take in zip(documents, chosen, strict=True) if take]
    own = scores(model, [page.without_markup() for page in labelled.pages], labelled)
    print(f"{len(html)} pages of {len(set(labelled.sites))} sites, text F1")
    print(f"{'linesift':18}{mean_score(own, labelled.sites)}")
    for name, convert in CONVERTERS.items():
        pages = [
            read_text(convert(data), page.page_id, site=page.site, language=page.language)
            for data, page in zip(html, labelled.pages, strict=True)
        ]
        theirs = scores(model, pages, labelled)
        ahead = signed(mean_score(theirs - own, labelled.sites))
        by_set = ", ".join(
            f"{one} {theirs[np.array(labelled.corpus) == one].mean():.3f}"
            for one in sorted(set(labelled.corpus))
        )
        print(f"{name:18}{mean_score(theirs, labelled.sites)}  {ahead}  {by_set}", flush=True)


if __name__ == "__main__":
    main()
