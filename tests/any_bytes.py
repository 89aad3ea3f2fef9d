"""What must hold for any bytes, one function a reader: for hypothesis and for the fuzzer."""

import gzip
import hashlib
import io
import os
import re
import tarfile
import tempfile
import zlib
from functools import cache
from pathlib import Path

import numpy as np
from selectolax.lexbor import LexborHTMLParser

from linesift import load_model, read_html, read_text
from linesift.labelling.archives import ArchiveError, unpack
from linesift.labelling.hand_labels import read_hand_labels
from linesift.labelling.labels import LABELS, LabelError, format_label_file, parse_label_file
from linesift.models.predict import predict_pages
from linesift.reading.nesting import DEEPEST, bounded
from linesift.reading.page import Page
from linesift.reading.readers import ReadError, decode, read_bytes
from linesift.reading.sources import Fields, read_record, read_records

CHARSETS = ("", "windows-1251", "utf-16", "gb2312", "shift_jis", "no-such", "unicode_escape")
AS_TYPED = re.compile(r"^(?:\S+ ){15}|(?:^| )(?:pre|textarea|listing|xmp|plaintext)\b")
"""A path of a line that may be so; of a long one the outermost elements are not known."""
_PIECE, _REPEATED = 64, 30_000  # characters of what is repeated, and of the whole
UNWATCHED = 4000  # start tags that may nest as they like; a table cell implies two more
GATHERED = 64
"""Inputs that become the pages of one prediction."""


def check_page(page: Page) -> None:
    """Lines have text, and no white space or line end after it; columns have their length."""
    for line in page.lines:
        assert line and line == line.rstrip() and "\n" not in line and "\r" not in line
    assert len(page.numbers) == len(page.lines)
    assert all(low < high for low, high in zip(page.numbers, page.numbers[1:], strict=False))
    if page.markup is not None:
        assert all(0 <= share <= 1 for share in page.markup.link_share)
        assert all(path and path.count(" ") < 16 for path in page.markup.paths)


def html(data: bytes) -> None:
    """Check that a page of HTML has sound lines, no white space in them but single spaces.

    Where the source stands as it was typed, there are runs of them.
    """
    page = read_html(data, charset=CHARSETS[data[0] % len(CHARSETS)] if data else "")
    check_page(page)
    for line, path in zip(page.lines, page.markup.paths, strict=True):
        if not AS_TYPED.search(path):
            assert line == " ".join(line.split())
        assert set(re.findall(r"\s", line)) <= {" "}


def repeated(data: bytes) -> None:
    """Check that a page of one piece again and again gives a tree in proportion, not too deep."""
    piece = decode(data[:_PIECE]).replace("\0", "") or "<p>"
    source = piece * (_REPEATED // len(piece))
    nodes, deepest = tree_size(bounded(source, source.encode("utf-8", "replace")))
    assert deepest <= 3 * DEEPEST + 2 * UNWATCHED, (piece, deepest)
    assert nodes <= 10 * len(source) + 100_000, (piece, nodes)
    check_page(read_html(source))


def tree_size(source: str | bytes) -> tuple[int, int]:
    """Return how many nodes the tree of a page has and how deep it is."""
    node = LexborHTMLParser(source).root
    nodes = deepest = 0
    above = []
    while node is not None or above:
        if node is None:
            node = above.pop()
            continue
        nodes += 1
        deepest = max(deepest, len(above))
        child = node.first_child
        if child is not None:
            above.append(node.next)
        node = child if child is not None else node.next
    return nodes, deepest


def text(data: bytes) -> None:
    """Check that a page of text has sound lines, and that they read again as they are."""
    page = read_text(data)
    check_page(page)
    assert read_text("\n".join(["", *page.lines])).lines == page.lines


def encoding(data: bytes) -> None:
    """Bytes become text, at most two characters of it a byte; or are refused with a sentence."""
    charset = CHARSETS[data[0] % len(CHARSETS)] if data else ""
    assert len(decode(data, charset)) <= 2 * len(data)
    try:
        check_page(read_bytes(data))
    except ReadError as error:
        assert str(error)


def labels(data: bytes) -> None:
    """Check that a label file is refused with its name, or reads back as it was written."""
    try:
        file = parse_label_file(data, "some.tsv")
    except LabelError as error:
        assert str(error).startswith("some.tsv")
        return
    check_page(file.page)
    assert len(file.labels) == len(file.by_hand) == len(file.page.lines)
    again = parse_label_file(format_label_file(file), "some.tsv")
    assert again.page.lines == file.page.lines and again.page.numbers == file.page.numbers
    assert again.labels.tolist() == file.labels.tolist()
    assert again.by_hand.tolist() == file.by_hand.tolist()


def hand_labels(data: bytes) -> None:
    """Check that labels without text are refused with the name of the file, or are codes."""
    path = _file("labels/some.tsv", data)
    try:
        found = read_hand_labels(path.parent)
    except LabelError as error:
        assert "some.tsv" in str(error)
        return
    assert all(-1 <= code < len(LABELS) for page in found.values() for code, _ in page.values())


def archive(data: bytes) -> None:
    """Check that an archive, packed or raw, writes files of its manifest and nothing else."""
    folder = _folder() / "unpacked"
    manifest = {"a.html": hashlib.sha256(b"known").hexdigest()}
    for number, held in enumerate((data, gzip.compress(data, 1), gzip.compress(_tar(data), 1))):
        path = _file("archive.tar.gz", held)
        try:
            unpack(path, manifest, folder, lambda *_: None)
            assert (folder / "a.html").read_bytes() == b"known", number
        except ArchiveError as error:
            assert "archive.tar.gz" in str(error) or "bytes" in str(error) or "file" in str(error)
    assert {path.name for path in folder.rglob("*")} <= {"a.html"} if folder.exists() else True


def warc(data: bytes) -> None:
    """Check that a WARC file gives pages or reasons, and comes to its end."""
    _stream("crawl.warc", data)


def packed_warc(data: bytes) -> None:
    """So does one in gzip, whole or as it is."""
    _stream("crawl.warc.gz", gzip.compress(data, 1))
    _stream("crawl.warc.gz", b"\x1f\x8b\x08\x00" + data)


def jsonl(data: bytes) -> None:
    """So does a file of JSON objects."""
    _stream("pages.jsonl", data)


def body(data: bytes) -> None:
    """So does the body of a response in a coding of HTTP, right or wrong."""
    codings = ("gzip", "deflate", "br", "chunked", "gzip, chunked", "identity")
    coding = codings[data[0] % len(codings)] if data else ""
    _stream("crawl.warc", warc_record(data[1:], f"Content-Encoding: {coding}\r\n"))


_gathered: list[bytes] = []


def prediction(data: bytes) -> None:
    """Every line has a label and a probability, the same whatever pages stand beside it."""
    _gathered.append(data)
    if len(_gathered) == GATHERED:
        check_predictions(_gathered)
        _gathered.clear()


def check_predictions(inputs: list[bytes]) -> None:
    """Judge inputs as text and as HTML together, and one of them alone."""
    pages = [read_text(one) if k % 2 else read_html(one) for k, one in enumerate(inputs)]
    found = list(predict_pages(_model(), pages))
    for page, prediction in zip(pages, found, strict=True):
        assert len(prediction.labels) == len(prediction.probabilities) == len(page.lines)
        assert np.isfinite(prediction.probabilities).all()
        assert ((prediction.probabilities >= 0) & (prediction.probabilities <= 1)).all()
        assert prediction.text.count("\n") == prediction.keep.sum()
    if pages:
        at = len(inputs[0]) % len(pages)
        (alone,) = _model().predict_lines([pages[at]])
        assert alone.probabilities.tobytes() == found[at].probabilities.tobytes()
        assert alone.labels == found[at].labels


TARGETS = {
    one.__name__: one
    for one in (
        *(html, repeated, text, encoding, labels, hand_labels, archive),
        *(warc, packed_warc, jsonl, body, prediction),
    )
}


def warc_record(content: bytes, headers: str = "") -> bytes:
    """Return a WARC record of one HTML response."""
    http = f"HTTP/1.1 200 OK\r\nContent-Type: text/html\r\n{headers}\r\n".encode() + content
    head = (
        "WARC/1.0\r\nWARC-Type: response\r\nWARC-Target-URI: http://a.example/\r\n"
        "WARC-Record-ID: <urn:uuid:00000000-0000-0000-0000-000000000000>\r\n"
        f"Content-Type: application/http; msgtype=response\r\nContent-Length: {len(http)}\r\n\r\n"
    )
    return head.encode() + http + b"\r\n\r\n"


_PAGE = (
    '<html lang="uk"><head><title>Ü</title></head><body><div class="menu"><a href="/">Home</a>'
    "</div><p>It <b>rained</b> all day.<ul><li hidden>x<li>y</ul><table><tr><td>1</table><svg><g/>"
).encode()
SEEDS = {
    "html": [_PAGE, _PAGE.decode().encode("utf-16")],
    "repeated": [b"<div>", b"<p><b class=a>x", b"<svg><g><p></svg>", b"<table><td></div><a>"],
    "text": ["Один\r\n\n two \u2028\U0001f469\u200d\u0301\n".encode(), b"\xff\xfea\0\n\0"],
    "encoding": [b'<meta charset="windows-1251">\xcd\xee\xe2', _PAGE],
    "labels": [b"# page: p\n# site: a.example\n# note\ncontent\tIt rained.\n\nother?\tShare\n"],
    "hand_labels": [b"page\tline\tlabel\thash\np\t1\tcontent\tfad7039ea5a8\n"],
    "archive": [b"\nset/a.htmlknown"],
    "warc": [warc_record(_PAGE)],
    "packed_warc": [warc_record(_PAGE)],
    "jsonl": [b'{"id": 1, "text": "It rained.\\ud800\\n<p>"}\n\n{"text": null}\n[1]\n'],
    "body": [
        b"\0" + gzip.compress(_PAGE),
        b"\1" + zlib.compress(_PAGE),
        b"\3" + b"5\r\n<p>ab\r\n0\r\n\r\n",
    ],
    "prediction": [_PAGE, b"Home\nIt rained all day, they said, and the river rose.\n"],
}
"""Inputs that the fuzzer begins with."""


def _stream(name: str, data: bytes) -> None:
    """Read a file to its end: every record has a page, or a reason of one line."""
    count = 0
    for record in read_records([str(_file(name, data))]):
        count += 1
        try:
            check_page(read_record(record, Fields()))
        except ReadError as error:
            assert str(error)
    assert count <= len(data) + 1


def _tar(data: bytes) -> bytes:
    """Return a tar of a file whose name, kind and content are these bytes."""
    whole = io.BytesIO()
    with tarfile.open(fileobj=whole, mode="w") as tar:
        cut = data[0] % 80 if data else 0
        name = data[1 : 1 + cut].decode("latin-1").replace("\0", "") or "set/a.html"
        member = tarfile.TarInfo(name)
        content = data[1 + cut :]
        member.size = len(content)
        member.type = (tarfile.REGTYPE, tarfile.SYMTYPE, tarfile.LNKTYPE)[cut % 3]
        member.linkname = name[::-1]
        tar.addfile(member, io.BytesIO(content))
    return whole.getvalue()


@cache
def _model():
    return load_model()


@cache
def _folder() -> Path:
    """Return a folder in memory where there is one; it ends with the process."""
    memory = "/dev/shm" if os.access("/dev/shm", os.W_OK) else None
    global _kept
    _kept = tempfile.TemporaryDirectory(dir=memory)
    return Path(_kept.name)


def _file(name: str, data: bytes) -> Path:
    path = _folder() / name
    path.parent.mkdir(exist_ok=True)
    path.write_bytes(data)
    return path
