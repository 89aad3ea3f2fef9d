"""Pages of public data sets before their lines are labelled, and the sites they are of."""

from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from urllib.parse import urlsplit

from selectolax.lexbor import LexborHTMLParser

from linesift.reading.readers import decode

_SECOND_LEVEL = frozenset("ac co com edu go gov net ne or org".split())


@dataclass(frozen=True)
class Document:
    """A page of a data set before its lines are labelled.

    Parameters
    ----------
    page_id : str
        Unique over all sets.
    html : tuple of bytes
        The page; several if it is not known which of them the gold text belongs to.
    gold : tuple of str, or None
        Paragraphs of the article; None if the set has pages and no gold texts.
    title, site, language : str
        Where known.
    page_type : str
        One of `linesift.labelling.labels.PAGE_TYPES`, or empty where nobody has said.
    left_out : str
        Why the page is of no use, in words to count it by; empty if it is.
    wanted, unwanted : tuple of str
        Snippets that an extract of the page must hold, and those that it must not; WCXB alone
        has them, and calls them `with` and `without`.
    """

    page_id: str
    html: tuple[bytes, ...]
    gold: tuple[str, ...] | None
    title: str = ""
    site: str = ""
    language: str = ""
    page_type: str = "article"
    left_out: str = ""
    wanted: tuple[str, ...] = ()
    unwanted: tuple[str, ...] = ()


def site_of(address: str) -> str:
    """Return the site of an address: its host without what varies within one publisher.

    What is no address, as crawls meet it, has none.

    >>> site_of("https://www1.news.example.co.uk/a"), site_of("m.example.com"), site_of("http://[a")
    ('example.co.uk', 'example.com', '')
    """
    try:
        host = (urlsplit(address if "//" in address else f"//{address}").hostname or "").lower()
    except ValueError:  # a bracket that is not closed
        return ""
    parts = host.split(".")
    take = 3 if len(parts) > 2 and parts[-2] in _SECOND_LEVEL else 2
    return ".".join(parts[-take:])


def address_of(html: bytes) -> str:
    """Return the address that a page gives as its own, or an empty string.

    >>> address_of(b'<link href="https://a.example/1" rel="canonical">')
    'https://a.example/1'
    """
    tree = LexborHTMLParser(decode(html))
    for node in tree.css('link[rel~="canonical" i], meta[property="og:url" i]'):
        address = (node.attributes.get("href") or node.attributes.get("content") or "").strip()
        if address.lower().startswith(("http://", "https://")):
            return address
    return ""


def non_empty(paragraphs: Iterable[str]) -> Iterator[str]:
    """Yield the paragraphs that hold more than white space, without that around them."""
    return (text for text in map(str.strip, paragraphs) if text)
