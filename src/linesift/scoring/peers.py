"""Other extractors, each behind the same function: bytes of a page in, its article out.

None of them is needed to use linesift; what is not installed is left out. They are set
up as their own documentation advises for news, and told the language where they ask
for it. The ones that take no bytes get the page as linesift decodes it.
"""

from collections.abc import Callable
from dataclasses import dataclass
from importlib import metadata

from linesift.reading.readers import decode, read_html

WARM_UP = (
    b"<html><body><p>It rained all day, they said, and the river rose.</p></body></html>",
    "",
)
"""A page and its language with which a peer imports what it needs."""

_STOPLISTS = {
    "be": "Belarusian",
    "bg": "Bulgarian",
    "bs": "Bosnian",
    "cs": "Czech",
    "da": "Danish",
    "de": "German",
    "el": "Greek",
    "en": "English",
    "es": "Spanish",
    "fi": "Finnish",
    "fr": "French",
    "hr": "Croatian",
    "hu": "Hungarian",
    "is": "Icelandic",
    "it": "Italian",
    "lt": "Lithuanian",
    "lv": "Latvian",
    "nl": "Dutch",
    "no": "Norwegian_Bokmal",
    "pl": "Polish",
    "pt": "Portuguese",
    "ro": "Romanian",
    "ru": "Russian",
    "sk": "Slovak",
    "sl": "Slovenian",
    "sr": "Serbian",
    "sv": "Swedish",
    "tr": "Turkish",
    "uk": "Ukrainian",
}


@dataclass(frozen=True)
class Peer:
    """Another extractor.

    Parameters
    ----------
    name : str
        What it is called here; one package may be set up in several ways.
    package : str
        The distribution that must be installed.
    extract : callable
        Takes the bytes of a page and its language (empty where not known), returns the
        text of the article. Importable by its name, for it runs in other processes.
    needs : str
        What the package asks for beyond what linesift does; empty for nothing.
    """

    name: str
    package: str
    extract: Callable[[bytes, str], str]
    needs: str = ""

    @property
    def version(self) -> str:
        """Version of the package, or an empty string if it is not installed.

        >>> Peer("none", "no-such-package", trafilatura).version
        ''
        """
        try:
            return metadata.version(self.package)
        except metadata.PackageNotFoundError:
            return ""


def trafilatura(html: bytes, language: str) -> str:
    """Return what trafilatura extracts with its defaults."""
    from trafilatura import extract

    return extract(html) or ""


def trafilatura_precision(html: bytes, language: str) -> str:
    """Return what trafilatura extracts when told to favour precision."""
    from trafilatura import extract

    return extract(html, favor_precision=True) or ""


def trafilatura_recall(html: bytes, language: str) -> str:
    """Return what trafilatura extracts when told to favour recall."""
    from trafilatura import extract

    return extract(html, favor_recall=True) or ""


def rs_trafilatura(html: bytes, language: str) -> str:
    """Return what rs-trafilatura extracts; it tells the page type from the HTML alone."""
    from rs_trafilatura import extract_bytes

    return str(extract_bytes(html).main_content)


def magic_html(html: bytes, language: str) -> str:
    """Return the text of the HTML that magic-html cuts out, read as linesift reads HTML."""
    from magic_html import GeneralExtractor

    return "\n".join(read_html(GeneralExtractor().extract(decode(html))["html"]).lines)


def readability(html: bytes, language: str) -> str:
    """Return the text of the HTML that readability-lxml cuts out, read as linesift reads HTML."""
    from readability import Document

    return "\n".join(read_html(Document(html).summary(html_partial=True)).lines)


def justext(html: bytes, language: str) -> str:
    """Return the good paragraphs of jusText; without a stop list it goes by length and links."""
    from justext import get_stoplist
    from justext import justext as classify

    if language in _STOPLISTS:
        paragraphs = classify(html, get_stoplist(_STOPLISTS[language]))
    else:
        paragraphs = classify(html, frozenset(), stopwords_low=0, stopwords_high=0)
    return "\n".join(one.text for one in paragraphs if not one.is_boilerplate)


def newspaper(html: bytes, language: str) -> str:
    """Return the text of newspaper4k, in English where it does not know the language."""
    from newspaper import Article, Config
    from newspaper.languages import get_available_languages

    config = Config()
    config.fetch_images = False  # nothing here goes to the network
    config.language = language if language in get_available_languages() else "en"
    article = Article("http://localhost/", config=config)
    article.download(input_html=decode(html))
    article.parse()
    return str(article.text)


def resiliparse(html: bytes, language: str) -> str:
    """Return the main content of resiliparse."""
    from resiliparse.extract.html2text import extract_plain_text

    return str(extract_plain_text(decode(html), main_content=True))


PEERS = {
    peer.name: peer
    for peer in (
        Peer("trafilatura", "trafilatura", trafilatura),
        Peer("trafilatura-precision", "trafilatura", trafilatura_precision),
        Peer("trafilatura-recall", "trafilatura", trafilatura_recall),
        Peer("rs-trafilatura", "rs-trafilatura", rs_trafilatura, needs="Python 3.12"),
        Peer("magic-html", "magic-html", magic_html, needs="Python 3.12 or later"),
        Peer("readability-lxml", "readability-lxml", readability),
        Peer("newspaper4k", "newspaper4k", newspaper),
        Peer("justext", "justext", justext),
        Peer("resiliparse", "Resiliparse", resiliparse),
    )
}
"""The peers by name."""
