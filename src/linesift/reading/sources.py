"""Streams of pages: WARC, WET, JSONL, Parquet, folders of any size, standard input.

A source yields raw records one after the other and never looks into them: to parse is
the dear part, and belongs to whoever has a core to spare (`linesift.crawling.crawl`). What goes
wrong with a record, or with the rest of a stream, is a record too, with its reason; so
the position in a stream is a number of records, whatever they hold.
"""

import gzip
import io
import json
import re
import sys
import zlib
from collections.abc import Callable, Iterable, Iterator, Mapping
from contextlib import contextmanager, suppress
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from linesift.reading.page import Page
from linesift.reading.readers import (
    ReadError,
    checked,
    page_files,
    read_bytes,
    read_html,
    read_page,
    read_string,
    read_text,
)

_SUFFIXES = {
    ".warc": "warc",
    ".wet": "warc",
    ".jsonl": "jsonl",
    ".parquet": "parquet",
}
_COMPRESSED = (".gz", ".zst")
_HTML_TYPES = ("text/html", "application/xhtml+xml")
_LARGEST_PAGE = 64 << 20
_ROWS = 64  # of Parquet that are Python objects at a time
_CHUNK_SIZE = re.compile(rb"[0-9a-fA-F]++[;\r]")


@dataclass(frozen=True)
class Fields:
    """Where the rows of JSONL and Parquet hold a page.

    Parameters
    ----------
    text : str
        Field of its text or HTML.
    ids : tuple of str
        Fields that may name it; the first that is there does.
    """

    text: str = "text"
    ids: tuple[str, ...] = ("id", "url")


@dataclass(frozen=True, slots=True)
class Record:
    """One page as its source holds it, not yet parsed.

    Parameters
    ----------
    name : str
        The page, or where it stands: `file:number`.
    kind : {"file", "bytes", "text", "html", "json", "row"}
        What the data is; of a file only the name is known.
    data : bytes or mapping
    charset : str
        As the HTTP header has it.
    codings : tuple of str
        Transfer and content codings of HTTP, the outermost first.
    error : str
        Why there is no page.
    """

    name: str
    kind: str = "file"
    data: bytes | Mapping[str, Any] = b""
    charset: str = ""
    codings: tuple[str, ...] = ()
    error: str = ""

    @property
    def size(self) -> int:
        """Length of what it holds, by which batches are bounded; of a file, of what that holds."""
        if self.kind == "file":
            with suppress(OSError):  # whoever reads it meets the reason
                return Path(self.name).stat().st_size
            return 0
        if isinstance(self.data, bytes):
            return len(self.data)
        return sum(len(one) for one in self.data.values() if isinstance(one, str | bytes))


def stream_format(path: str) -> str:
    """Return what a file is by its name: "page" unless its suffix says otherwise.

    >>> stream_format("CC-MAIN.warc.wet.gz"), stream_format("a.jsonl.zst"), stream_format("a.txt")
    ('warc', 'jsonl', 'page')
    """
    stem = Path(path)
    if stem.suffix.lower() in _COMPRESSED:
        stem = stem.with_suffix("")
    return _SUFFIXES.get(stem.suffix.lower(), "page")


def read_records(
    inputs: Iterable[str], *, input_format: str | None = None, fields: Fields | None = None
) -> Iterator[Record]:
    """Yield the records of files, of all files below folders, or of standard input (`-`).

    Parameters
    ----------
    inputs : iterable of str
    input_format : {"page", "warc", "jsonl", "parquet"}, optional
        What every file is; by default its name says.
    fields : Fields, optional
        Columns to read of Parquet.

    Examples
    --------
    >>> [record.name for record in read_records(["README.md", "missing"])]
    ['README.md', 'missing']
    """
    for name in inputs:
        found = False
        try:
            for file in page_files(name):
                found = True
                yield from _file_records(file, input_format or stream_format(file), fields)
        except (ReadError, OSError) as error:
            yield Record(name, error=getattr(error, "strerror", None) or str(error))
        else:
            if not found:
                yield Record(name, error="the folder holds no files")


def read_record(record: Record, fields: Fields) -> Page:
    """Return the page of a record, parsed.

    Raises
    ------
    ReadError
        There is no page in it, or more than fits in memory; the message says why.

    Examples
    --------
    >>> read_record(Record("a:1", "json", b'{"url": "x", "text": "It rained."}'), Fields()).page_id
    'x'
    """
    if record.error:
        raise ReadError(record.error)
    if (size := record.size) > _LARGEST_PAGE:
        raise ReadError(f"{size:,} bytes are too many for a page")
    page = _read(record, fields)
    return checked(page)


def _read(record: Record, fields: Fields) -> Page:
    name, data = record.name, record.data
    if record.kind == "file":
        return read_page(name)
    if isinstance(data, bytes):
        if record.kind == "json":
            return _read_row(_parsed(data), name, fields)
        if record.kind == "text":
            return read_text(data, name)
        if record.kind == "html":
            return read_html(_decoded(data, record.codings), name, charset=record.charset)
        return read_bytes(data, name)
    return _read_row(data, name, fields)


# ------------------------------------------------------------------------- files


def _file_records(file: str, form: str, fields: Fields | None) -> Iterator[Record]:
    if form == "page":
        # Workers have no standard input and no pipe of this process; files they read themselves.
        if file == "-":
            yield Record(file, "bytes", sys.stdin.buffer.read(_LARGEST_PAGE + 1))
        elif _is_pipe(file):
            with open(file, "rb") as pipe:
                data = pipe.read(_LARGEST_PAGE + 1)
            yield Record(file, "bytes", data)
        else:
            yield Record(file)
    elif form == "warc":
        yield from _until_damage(file, lambda: _warc_records(file))
    elif form == "jsonl":
        yield from _until_damage(file, lambda: _jsonl_records(file))
    else:
        yield from _until_damage(file, lambda: _parquet_records(file, fields or Fields()))


def _is_pipe(file: str) -> bool:
    with suppress(OSError):  # whoever reads it meets the reason
        return Path(file).is_fifo()
    return False


def _until_damage(file: str, read: Callable[[], Iterator[Record]]) -> Iterator[Record]:
    """Yield the records of a stream; where it breaks off, a last one that says why."""
    count = 0
    try:
        for record in read():
            count += 1
            yield record
    except ImportError as error:
        reason = f"reading it needs {error.name}; install it with: pip install 'linesift[crawl]'"
        yield Record(file, error=reason)
    except (EOFError, OSError, ValueError, zlib.error) as error:
        reason = " ".join((getattr(error, "strerror", None) or str(error)).split())
        where = f"damaged or cut off after {count:,} records: " if count else ""
        yield Record(file, error=f"{where}{reason}")


@contextmanager
def _opened(file: str) -> Iterator[Any]:
    """Give the bytes of a file or of standard input, decompressed if they begin so."""
    with open(file, "rb") if file != "-" else io.BufferedReader(sys.stdin.buffer) as raw:  # type: ignore[type-var, arg-type]
        start = raw.peek(4)[:4]
        if start.startswith(b"\x1f\x8b"):
            # fastwarc's own reader takes a file that was cut off for one that has ended.
            yield gzip.open(raw)
        elif start == b"\x28\xb5\x2f\xfd":
            yield io.BufferedReader(_Zstandard(raw), 1 << 20)
        else:
            yield raw


class _Zstandard(io.RawIOBase):
    """The bytes of a zstd stream, which the standard library reads from Python 3.14 on."""

    def __init__(self, raw: Any) -> None:
        from fastwarc.stream_io import ZstdReader

        self._reader = ZstdReader(raw, fsspec_args=False)

    def readable(self) -> bool:
        return True

    def readinto(self, buffer: Any) -> int:
        data = self._reader.read(len(buffer))
        buffer[: len(data)] = data
        return len(data)


class _ShortReads:
    """A stream that gives what it has got before it says that the rest is damaged.

    It counts bytes, too: fastwarc asks where it is, and a pipe cannot tell.
    """

    def __init__(self, stream: Any) -> None:
        self._stream = stream
        self._position = 0

    def read(self, size: int) -> bytes:
        data: bytes = self._stream.read1(size)
        self._position += len(data)
        return data

    def tell(self) -> int:
        return self._position


# -------------------------------------------------------------------- WARC and WET


def _warc_records(file: str) -> Iterator[Record]:
    """Yield the HTML responses of a WARC file and the texts of a WET file."""
    from fastwarc.warc import ArchiveIterator, WarcRecordType

    wanted = WarcRecordType.response | WarcRecordType.conversion
    with _opened(file) as stream:
        source: Any = _ShortReads(stream)
        archive = ArchiveIterator(
            source, record_types=wanted, stream_detect=False, fsspec_args=False
        )
        for number, record in enumerate(archive, start=1):
            name = (record.headers.get("WARC-Target-URI") or f"{file}:{number}").strip("<>")
            if record.record_type == WarcRecordType.conversion:
                yield _with_payload(record, name, "text")
            elif record.is_http and (record.http_content_type or "").lower() in _HTML_TYPES:
                yield _with_payload(record, name, "html")


def _with_payload(record: Any, name: str, kind: str) -> Record:
    size = record.content_length
    if size > _LARGEST_PAGE:
        return Record(name, error=f"{size:,} bytes are too many for a page")
    data = record.reader.read()
    if len(data) < size or not record.headers.get("Content-Length"):
        return Record(name, error="the record is cut off")
    if kind == "text":
        return Record(name, kind, data)
    codings = ",".join(
        record.http_headers.get(header) or ""
        for header in ("Transfer-Encoding", "Content-Encoding")
    )
    named = tuple(part for part in codings.lower().replace(" ", "").split(",") if part)
    return Record(name, kind, data, record.http_charset or "", named)


def _decoded(data: bytes, codings: tuple[str, ...]) -> bytes:
    """Undo the codings of HTTP, those that are there: many archives hold the decoded bytes."""
    from fastwarc import stream_io

    for coding in codings:
        source = io.BytesIO(data)
        try:
            if coding == "chunked" and _CHUNK_SIZE.match(data):
                data = stream_io.ChunkedReader(source, fsspec_args=False).read(_LARGEST_PAGE + 1)
            elif coding in ("gzip", "x-gzip") and data.startswith(b"\x1f\x8b"):
                data = _inflated(data, zlib.MAX_WBITS | 16)
            elif coding == "deflate" and not data.lstrip().startswith(b"<"):
                # Meant with a header, often sent without one.
                headed = data[:1] == b"\x78" and int.from_bytes(data[:2], "big") % 31 == 0
                data = _inflated(data, zlib.MAX_WBITS if headed else -zlib.MAX_WBITS)
            elif coding == "br":
                data = stream_io.BrotliReader(source, fsspec_args=False).read(_LARGEST_PAGE + 1)
        except (OSError, EOFError, zlib.error) as error:
            raise ReadError(f"damaged {coding} coding: {error}") from error
        if len(data) > _LARGEST_PAGE:
            raise ReadError(f"more than {_LARGEST_PAGE:,} bytes are too many for a page")
    return data


def _inflated(data: bytes, window: int) -> bytes:
    """Return what bytes unpack to, up to one more than a page may have.

    What follows the end is left out, as browsers do; an end that is missing is an error, for
    half a page would be judged as a whole one.
    """
    unpacked = b""
    while data and len(unpacked) <= _LARGEST_PAGE:
        stream = zlib.decompressobj(window)
        unpacked += stream.decompress(data, _LARGEST_PAGE + 1 - len(unpacked))
        if not stream.eof and len(unpacked) <= _LARGEST_PAGE:
            raise EOFError("it is cut off")
        data = stream.unused_data
        if not data.startswith(b"\x1f\x8b"):
            break
    return unpacked


# --------------------------------------------------------------- JSONL and Parquet


def _jsonl_records(file: str) -> Iterator[Record]:
    with _opened(file) as stream:
        number = 0
        while line := stream.readline(_LARGEST_PAGE):
            number += 1
            name = f"{file}:{number}"
            if len(line) == _LARGEST_PAGE and not line.endswith(b"\n"):
                while line and not line.endswith(b"\n"):
                    line = stream.readline(_LARGEST_PAGE)
                yield Record(name, error=f"{_LARGEST_PAGE:,} bytes are too many for a page")
            elif not line.isspace():
                yield Record(name, "json", line)


def _parquet_records(file: str, fields: Fields) -> Iterator[Record]:
    from pyarrow import parquet

    if file == "-":
        raise ValueError("Parquet has its index at the end; give it as a file")
    with parquet.ParquetFile(file) as stream:
        names = stream.schema_arrow.names
        if fields.text not in names:
            raise ValueError(f"no column {fields.text!r}; there are {', '.join(names)}")
        columns = [name for name in (*fields.ids, fields.text) if name in names]
        for name in columns:
            if names.count(name) > 1:
                raise ValueError(f"there are {names.count(name)} columns {name!r}; rename them")
        number = 0
        for batch in stream.iter_batches(_ROWS, columns=columns):
            for row in range(batch.num_rows):
                number += 1
                yield _row_record(f"{file}:{number}", batch, row)


def _row_record(name: str, batch: Any, row: int) -> Record:
    """Return a row; what Python cannot hold, such as text that is not UTF-8, fails it alone."""
    try:
        held = {field: batch[field][row].as_py() for field in batch.schema.names}
    except (ValueError, OverflowError) as error:
        return Record(name, error=f"the row cannot be read ({error})")
    return Record(name, "row", held)


def _parsed(line: bytes) -> Mapping[str, Any]:
    try:
        row = json.loads(line)
    except (ValueError, RecursionError) as error:
        raise ReadError(f"not JSON ({error})") from error
    if not isinstance(row, dict):
        raise ReadError("not a JSON object")
    return row


def _read_row(row: Mapping[str, Any], name: str, fields: Fields) -> Page:
    text = row.get(fields.text)
    known = (row[one] for one in fields.ids if row.get(one) is not None)
    named = next(known, name)
    page_id = named.decode("utf-8", "replace") if isinstance(named, bytes) else str(named)
    if isinstance(text, bytes):
        return read_bytes(text, page_id)
    if not isinstance(text, str):
        held = f"holds {type(text).__name__}" if fields.text in row else "is missing"
        raise ReadError(f"the field {fields.text!r} {held}, expected a string")
    return read_string(text, page_id)
