"""What the source of an HTML page tells of the page as a whole, not of any line.

What a page declares itself to be (JSON-LD, microdata, Open Graph), the program that made
it, the words of its address, and how many images it holds. Each is a
short word, so that a model can weigh words it has never been told about.
"""

import re
from collections.abc import Iterator

MOST_HINTS = 64
"""Of a page: what is declared more often than this is a list of something."""
_HEAD = 1 << 16  # bytes within which a page has told of itself
_TYPE = re.compile(rb'"@type"\s{0,9}:\s{0,9}"([A-Za-z]{2,40})"')
_DECLARED = (
    ("og", re.compile(rb"""og:type["']?\s{1,9}content=["']?([A-Za-z._:]{2,40})""")),
    ("generator", re.compile(rb"""generator["']?\s{1,9}content=["']?([A-Za-z]{2,40})""")),
)
_AN_ADDRESS = rb"""["']?https?://[^/"'\s>]{1,200}([^"'\s>]{0,200})"""
_ADDRESSES = (
    re.compile(rb"""canonical["']?\s{1,9}href=""" + _AN_ADDRESS),
    re.compile(rb"""og:url["']?\s{1,9}content=""" + _AN_ADDRESS),
)
_WORD = re.compile(rb"[A-Za-z]{2,30}")
_DIGITS = re.compile(rb"\d{3,}")
_ADDRESS_WORDS = 12
_IMAGE = b"<img"  # no line stands in one, so that paths cannot tell of them


def page_hints(data: bytes) -> tuple[str, ...]:
    """Return what an HTML page tells of itself, each word once, in order.

    Parameters
    ----------
    data : bytes
        The page in UTF-8.

    Examples
    --------
    >>> page_hints(b'<script>{"@type": "Product"}</script><img src=a><img src=b>')
    ('type:Product', 'img:2')
    """
    return tuple(dict.fromkeys(_hints(data)))[:MOST_HINTS]


def _hints(data: bytes) -> Iterator[str]:
    end = data.find(b"</head", 0, _HEAD)
    head = data[: end if end >= 0 else _HEAD]
    for name, pattern in _DECLARED:
        if match := pattern.search(head):
            yield f"{name}:{match[1].decode('ascii')}"
    for match in _TYPE.finditer(data):
        yield f"type:{match[1].decode('ascii')}"
    address = _ADDRESSES[0].search(head) or _ADDRESSES[1].search(head)
    if address:
        path = address[1]
        yield f"depth:{path.rstrip(b'/').count(b'/')}"
        if _DIGITS.search(path):
            yield "address:0"
        for word in _WORD.findall(path)[:_ADDRESS_WORDS]:
            yield f"address:{word.decode('ascii').lower()}"
    if count := data.count(_IMAGE):
        yield f"img:{count.bit_length()}"
