"""Streams of pages: the same page from any source, and every way a stream can be damaged."""

import gzip
import io
import json
import os
import sys
import zlib
from pathlib import Path

import pytest

from linesift import read_html, read_text
from linesift.crawling.crawl import batches
from linesift.reading.readers import ReadError, page_files
from linesift.reading.sources import Fields, Record, read_record, read_records
from tests.made_pages import made_page

HTML, PAGE, _ = made_page(10, 0)  # in Ukrainian
TEXT = "\n\n".join(PAGE.lines)
FIELDS = Fields()


def records_of(path, **options) -> list[Record]:
    return list(read_records([str(path)], **options))


def pages_of(path, **options):
    return [read_record(record, FIELDS) for record in records_of(path, **options)]


def error_of(record: Record) -> str:
    with pytest.raises(ReadError) as caught:
        read_record(record, FIELDS)
    return str(caught.value)


def warc_record(kind: str, uri: str, body: bytes, content_type: str) -> bytes:
    headers = {
        "WARC-Type": kind,
        "WARC-Record-ID": f"<urn:uuid:{zlib.crc32(uri.encode()):036}>",
        "WARC-Date": "2026-11-22T12:00:00Z",
        "WARC-Target-URI": uri,
        "Content-Type": content_type,
        "Content-Length": len(body),
    }
    head = "".join(f"{name}: {value}\r\n" for name, value in headers.items())
    return f"WARC/1.0\r\n{head}\r\n".encode() + body + b"\r\n\r\n"


def response(uri: str, body: bytes, *headers: str, content_type: str = "text/html") -> bytes:
    head = "\r\n".join(["HTTP/1.1 200 OK", f"Content-Type: {content_type}", *headers])
    http = head.encode() + b"\r\n\r\n" + body
    return warc_record("response", uri, http, "application/http; msgtype=response")


def conversion(uri: str, text: str) -> bytes:
    return warc_record("conversion", uri, text.encode(), "text/plain")


RECORDS = [
    warc_record("warcinfo", "info", b"software: made\r\n", "application/warc-fields"),
    warc_record("request", "http://a.example/", b"GET / HTTP/1.1\r\n\r\n", "application/http"),
    response("http://a.example/", HTML.encode()),
    response("http://b.example/", b"\x89PNG", content_type="image/png"),
    response("http://c.example/", HTML.encode()),
]
WET = [conversion("http://a.example/", TEXT), conversion("http://c.example/", TEXT)]


def members(records: list[bytes]) -> bytes:
    """Return a member of gzip a record, as crawls write them."""
    return b"".join(map(gzip.compress, records))


def zstd(data: bytes) -> bytes:
    from fastwarc.stream_io import ZstdWriter

    sink = io.BytesIO()
    writer = ZstdWriter(sink)
    writer.write(data)
    writer.close()
    return sink.getvalue()


# -------------------------------------------------------------------- the same page


@pytest.mark.parametrize(
    ("name", "data"),
    [
        ("a.warc", b"".join(RECORDS)),
        ("a.warc.gz", members(RECORDS)),
        ("whole.warc.gz", gzip.compress(b"".join(RECORDS))),
        ("A.WARC.GZ", members(RECORDS)),
        ("a.warc.zst", zstd(b"".join(RECORDS))),
    ],
)
def test_html_responses_of_a_warc_are_pages_named_by_their_address(tmp_path, name, data):
    (tmp_path / name).write_bytes(data)
    pages = pages_of(tmp_path / name)
    assert [page.page_id for page in pages] == ["http://a.example/", "http://c.example/"]
    expected = read_html(HTML)
    assert all((page.lines, page.markup) == (expected.lines, expected.markup) for page in pages)


@pytest.mark.parametrize("name", ["a.wet", "a.wet.gz", "a.warc.wet.gz"])
def test_conversions_of_a_wet_are_plain_text(tmp_path, name):
    (tmp_path / name).write_bytes(members(WET) if name.endswith("gz") else b"".join(WET))
    pages = pages_of(tmp_path / name)
    assert [page.page_id for page in pages] == ["http://a.example/", "http://c.example/"]
    assert {page.lines for page in pages} == {PAGE.lines}
    assert {page.markup for page in pages} == {None}


@pytest.mark.parametrize("suffix", ["", ".gz", ".zst"])
def test_rows_of_jsonl_are_html_or_text_as_their_content_is(tmp_path, suffix):
    rows = [{"id": 7, "text": HTML}, {"url": "http://b", "text": TEXT}, {"text": TEXT}]
    data = "\n\n".join(json.dumps(row) for row in rows).encode()  # and no line feed at the end
    pack = {"": bytes, ".gz": gzip.compress, ".zst": zstd}[suffix]
    path = tmp_path / f"a.jsonl{suffix}"
    path.write_bytes(pack(data))
    first, second, third = pages_of(path)
    assert first.markup == read_html(HTML).markup
    assert second == read_text(TEXT, "http://b")
    assert (first.page_id, third.page_id) == ("7", f"{path}:5")


def test_rows_of_parquet_are_read_group_by_group(tmp_path):
    import pyarrow as pa
    from pyarrow import parquet

    table = pa.table(
        {
            "url": [f"http://{k}" for k in range(200)],
            "text": [HTML, TEXT] * 100,
            "other": [0] * 200,
        }
    )
    parquet.write_table(table, tmp_path / "a.parquet", row_group_size=30)
    pages = pages_of(tmp_path / "a.parquet")
    assert [page.page_id for page in pages] == table["url"].to_pylist()
    assert pages[0].markup == read_html(HTML).markup
    assert pages[199].lines == read_text(TEXT).lines
    assert "other" not in records_of(tmp_path / "a.parquet")[0].data


def test_fields_can_be_named(tmp_path):
    (tmp_path / "a.jsonl").write_text(json.dumps({"id": 1, "doc": "d", "body": TEXT}))
    (record,) = records_of(tmp_path / "a.jsonl")
    page = read_record(record, Fields("body", ("doc",)))
    assert page == read_text(TEXT, "d")


def test_a_folder_of_streams_and_pages_is_read_in_the_order_of_names(tmp_path):
    (tmp_path / "b").mkdir()
    (tmp_path / "a.warc.gz").write_bytes(members(RECORDS))
    (tmp_path / "b" / "c.txt").write_text(TEXT)
    (tmp_path / "b.jsonl").write_text(json.dumps({"id": "x", "text": TEXT}))
    names = [page.page_id for page in pages_of(tmp_path)]
    assert names == ["http://a.example/", "http://c.example/", str(tmp_path / "b" / "c.txt"), "x"]


@pytest.mark.parametrize(
    ("form", "data"),
    [("warc", members(RECORDS[2:3])), ("jsonl", json.dumps({"text": HTML}).encode())],
)
def test_standard_input_can_be_a_stream(monkeypatch, form, data):
    monkeypatch.setattr("sys.stdin", io.TextIOWrapper(io.BytesIO(data)))
    (page,) = pages_of("-", input_format=form)
    assert page.lines == PAGE.lines


def test_standard_input_is_one_page_unless_told_otherwise(monkeypatch):
    monkeypatch.setattr("sys.stdin", io.TextIOWrapper(io.BytesIO(HTML.encode())))
    (page,) = pages_of("-")
    assert (page.page_id, page.lines) == ("-", PAGE.lines)


def test_a_pipe_is_read_here_and_not_by_a_worker_that_cannot_open_it():
    ours, theirs = os.pipe()
    os.write(theirs, TEXT.encode())
    os.close(theirs)
    (record,) = records_of(f"/dev/fd/{ours}")
    os.close(ours)
    assert read_record(record, FIELDS).lines == PAGE.lines


# ----------------------------------------------------------------------------- bytes


RUSSIAN = "<p>Мэр сообщил, что ремонт моста завершат до конца месяца.</p>"


@pytest.mark.parametrize(
    ("header", "meta", "encoding"),
    [
        ("koi8-r", "", "koi8-r"),
        ("KOI8-R", "windows-1251", "koi8-r"),  # the header goes before the page
        ("windows-1251", "", "utf-8"),  # but UTF-8 is seldom read where there is none
        ("no-such-charset", "windows-1251", "cp1251"),
    ],
)
def test_the_charset_of_the_http_header_is_heeded(tmp_path, header, meta, encoding):
    html = f"<html><meta charset={meta}>{RUSSIAN}".encode(encoding)
    (tmp_path / "a.warc").write_bytes(
        response("http://a", html, content_type=f"text/html; charset={header}")
    )
    assert pages_of(tmp_path / "a.warc")[0].lines == read_html(RUSSIAN).lines


def chunked(data: bytes) -> bytes:
    return b"%x\r\n%s\r\n0\r\n\r\n" % (len(data), data)


def brotli(data: bytes) -> bytes:
    from fastwarc.stream_io import BrotliWriter

    sink = io.BytesIO()
    writer = BrotliWriter(sink)
    writer.write(data)
    writer.close()
    return sink.getvalue()


@pytest.mark.parametrize(
    ("headers", "pack"),
    [
        (["Content-Encoding: gzip"], gzip.compress),
        (["Content-Encoding: deflate"], zlib.compress),
        (["Content-Encoding: deflate"], lambda data: zlib.compress(data)[2:-4]),  # no header
        (["Content-Encoding: deflate"], bytes),
        (
            ["Content-Encoding: gzip"],
            lambda data: gzip.compress(data[:9]) + gzip.compress(data[9:]),
        ),
        (["Content-Encoding: gzip"], lambda data: gzip.compress(data) + b"what servers append"),
        (["Content-Encoding: br"], brotli),
        (["Transfer-Encoding: chunked"], chunked),
        (
            ["Transfer-Encoding: chunked", "Content-Encoding: gzip"],
            lambda data: chunked(gzip.compress(data)),
        ),
        # Archives often hold the decoded page under the header it came with.
        (["Transfer-Encoding: chunked", "Content-Encoding: gzip"], bytes),
        (["Content-Encoding: identity"], bytes),
    ],
)
def test_codings_of_http_are_undone_where_they_are(tmp_path, headers, pack):
    (tmp_path / "a.warc").write_bytes(response("http://a", pack(HTML.encode()), *headers))
    assert pages_of(tmp_path / "a.warc")[0].lines == PAGE.lines


@pytest.mark.parametrize("coding", ["gzip", "br"])
def test_a_damaged_coding_fails_one_page_and_not_the_next(tmp_path, coding):
    bad = response("http://bad", b"\x1f\x8b\x08 not gzip", f"Content-Encoding: {coding}")
    (tmp_path / "a.warc.gz").write_bytes(members([bad, RECORDS[2]]))
    first, second = records_of(tmp_path / "a.warc.gz")
    assert error_of(first).startswith(f"damaged {coding} coding")
    assert read_record(second, FIELDS).lines == PAGE.lines


@pytest.mark.parametrize(
    ("coding", "pack"),
    [
        ("gzip", gzip.compress),
        ("deflate", zlib.compress),
        ("deflate", lambda data: zlib.compress(data)[2:-4]),
    ],
)
def test_half_a_coded_body_is_not_taken_for_a_page(tmp_path, coding, pack):
    half = pack(HTML.encode() * 50)[:-20]
    bad = response("http://bad", half, f"Content-Encoding: {coding}")
    (tmp_path / "a.warc.gz").write_bytes(members([bad, RECORDS[2]]))
    first, second = records_of(tmp_path / "a.warc.gz")
    assert error_of(first) == f"damaged {coding} coding: it is cut off"
    assert read_record(second, FIELDS).lines == PAGE.lines


def test_a_page_that_unpacks_to_too_much_is_refused(tmp_path, monkeypatch):
    monkeypatch.setattr("linesift.reading.sources._LARGEST_PAGE", 10_000)
    bomb = response("http://bomb", gzip.compress(b" " * 1_000_000), "Content-Encoding: gzip")
    large = response("http://large", b" " * 20_000)
    (tmp_path / "a.warc").write_bytes(bomb + large + RECORDS[2])
    first, second, third = records_of(tmp_path / "a.warc")
    assert "too many for a page" in error_of(first)
    assert "too many for a page" in error_of(second)
    assert read_record(third, FIELDS).lines == PAGE.lines


@pytest.mark.parametrize("suffix", [".txt", ".jsonl", ".parquet", ".wet"])
def test_a_page_of_more_lines_than_memory_holds_is_refused(tmp_path, suffix):
    text = "a\n" * 200_000
    path = tmp_path / f"a{suffix}"
    if suffix == ".parquet":
        import pyarrow as pa
        from pyarrow import parquet

        parquet.write_table(pa.table({"text": [text]}), path)
    elif suffix == ".jsonl":
        path.write_text(json.dumps({"text": text}))
    else:
        path.write_bytes(conversion("http://a", text) if suffix == ".wet" else text.encode())
    (record,) = records_of(path)
    assert error_of(record) == "200,000 lines are too many for a page"


@pytest.mark.parametrize("name", ["a.txt", "-", "a.parquet"])
def test_a_page_of_any_source_that_is_too_large_is_refused_before_it_is_read(
    tmp_path, monkeypatch, name
):
    monkeypatch.setattr("linesift.reading.sources._LARGEST_PAGE", 1000)
    monkeypatch.setattr("linesift.reading.sources._read", lambda *_: pytest.fail("it was read"))
    monkeypatch.setattr("sys.stdin", io.TextIOWrapper(io.BytesIO(b"a" * 5000)))
    path = tmp_path / name if name != "-" else name
    if name == "a.parquet":
        import pyarrow as pa
        from pyarrow import parquet

        parquet.write_table(pa.table({"text": ["a" * 5000]}), path)
    elif name != "-":
        path.write_text("a" * 5000)
    (record,) = records_of(path)
    assert "bytes are too many for a page" in error_of(record)


def test_a_batch_of_files_is_bounded_by_what_they_hold(tmp_path, monkeypatch):
    monkeypatch.setattr("linesift.crawling.crawl.BATCH_BYTES", 1000)
    for k in range(9):
        (tmp_path / f"{k}.txt").write_text("a" * 400)
    assert [len(batch) for batch in batches(records_of(tmp_path))] == [3, 3, 3]
    assert Record("missing").size == 0


def test_a_line_without_an_end_is_not_held(tmp_path, monkeypatch):
    monkeypatch.setattr("linesift.reading.sources._LARGEST_PAGE", 1000)
    (tmp_path / "a.jsonl").write_bytes(b"x" * 5500 + b'\n{"text": "It rained."}\n')
    first, second = records_of(tmp_path / "a.jsonl")
    assert "too many" in error_of(first)
    assert read_record(second, FIELDS).lines == ("It rained.",)


# ---------------------------------------------------------------------------- damage


@pytest.mark.parametrize(
    ("name", "data"),
    [
        ("cut.warc", b"".join(RECORDS)[:-200]),
        ("cut.warc.gz", members(RECORDS)[:-100]),
        ("whole.warc.gz", gzip.compress(b"".join(RECORDS))[:-20]),
        ("cut.warc.zst", zstd(b"".join(RECORDS))[:-3]),
        ("junk.warc.gz", members(RECORDS[:3]) + b"junk, and more of it"),
        ("junk.warc", b"".join(RECORDS[:3]) + b"junk, and more of it\r\n\r\n"),
        ("bad.warc.gz", members(RECORDS[:3]) + gzip.compress(RECORDS[4])[:200] + b"\0" * 300),
    ],
)
def test_a_damaged_archive_gives_the_pages_before_the_damage_and_a_sentence(tmp_path, name, data):
    path = tmp_path / name
    path.write_bytes(data)
    records = records_of(path)
    assert "\n" not in error_of(records[-1])
    for record in records[:-1]:
        assert read_record(record, FIELDS).lines == PAGE.lines
    if not name.startswith("whole") and not name.endswith("zst"):
        assert len(records) == 2
        assert records[0].name == "http://a.example/"


@pytest.mark.parametrize("suffix", [".gz", ".zst"])
def test_a_jsonl_that_was_cut_off_gives_its_rows_and_a_sentence(tmp_path, suffix):
    rows = b"".join(
        json.dumps({"text": os.urandom(300).hex()}).encode() + b"\n" for _ in range(999)
    )
    path = tmp_path / f"a.jsonl{suffix}"
    packed = {".gz": gzip.compress, ".zst": zstd}[suffix](rows)
    path.write_bytes(packed[: len(packed) // 2])
    *_, last = records_of(path)
    assert (
        "cut off" in error_of(last) or "ended" in error_of(last) or "incomplete" in error_of(last)
    )


@pytest.mark.parametrize(
    ("row", "reason"),
    [
        (b"not json", "not JSON"),
        (b'{"text": "\xff"}', "not JSON"),
        (b"[" * 200_000, "not JSON"),
        (b"[1]", "not a JSON object"),
        (b"{}", "the field 'text' is missing"),
        (b'{"text": null}', "the field 'text' holds NoneType"),
        (b'{"text": 1}', "the field 'text' holds int"),
    ],
)
def test_a_row_without_a_page_is_named_by_its_line(tmp_path, row, reason):
    (tmp_path / "a.jsonl").write_bytes(b'{"text": "a"}\n' + row + b'\n{"text": "b"}\n')
    first, second, third = records_of(tmp_path / "a.jsonl")
    assert second.name == f"{tmp_path / 'a.jsonl'}:2"
    assert error_of(second).startswith(reason)
    assert [read_record(one, FIELDS).lines for one in (first, third)] == [("a",), ("b",)]


@pytest.mark.parametrize("data", [b"", b"PAR1 junk PAR1", b"not parquet"])
def test_what_is_no_parquet_is_a_sentence(tmp_path, data):
    (tmp_path / "a.parquet").write_bytes(data)
    (record,) = records_of(tmp_path / "a.parquet")
    assert "\n" not in error_of(record) != ""


def test_a_row_of_parquet_that_python_cannot_hold_fails_alone(tmp_path):
    import pyarrow as pa
    from pyarrow import parquet

    ends = pa.py_buffer(b"".join(k.to_bytes(4, "little") for k in range(4)))
    texts = pa.Array.from_buffers(pa.string(), 3, [None, ends, pa.py_buffer(b"a\xffc")])
    days = pa.array([1, 1, 2**30], pa.date32())  # the last one is beyond the year 9999
    parquet.write_table(pa.table({"id": days, "text": texts}), tmp_path / "a.parquet")
    first, second, third = records_of(tmp_path / "a.parquet")
    assert read_record(first, FIELDS) == read_text("a", "1970-01-02")
    assert error_of(second).startswith("the row cannot be read ('utf-8' codec")
    assert error_of(third).startswith("the row cannot be read (days=")


def test_a_name_in_bytes_is_text(tmp_path):
    import pyarrow as pa
    from pyarrow import parquet

    parquet.write_table(pa.table({"id": [b"caf\xc3\xa9"], "text": ["a"]}), tmp_path / "a.parquet")
    assert pages_of(tmp_path / "a.parquet")[0].page_id == "café"


def test_a_parquet_with_a_column_twice_is_a_sentence(tmp_path):
    import pyarrow as pa
    from pyarrow import parquet

    table = pa.Table.from_arrays([pa.array(["a"])] * 3, names=["url", "text", "text"])
    parquet.write_table(table, tmp_path / "a.parquet")
    (record,) = records_of(tmp_path / "a.parquet")
    assert error_of(record) == "there are 2 columns 'text'; rename them"


def test_a_parquet_without_the_column_says_what_there_is(tmp_path):
    import pyarrow as pa
    from pyarrow import parquet

    parquet.write_table(pa.table({"html": ["a"], "url": ["b"]}), tmp_path / "a.parquet")
    (record,) = records_of(tmp_path / "a.parquet")
    assert error_of(record) == "no column 'text'; there are html, url"


@pytest.mark.parametrize(
    ("name", "package"),
    [("a.parquet", "pyarrow"), ("a.warc", "fastwarc"), ("a.jsonl.zst", "fastwarc")],
)
def test_a_missing_package_is_named_with_what_to_install(tmp_path, monkeypatch, name, package):
    (tmp_path / name).write_bytes(zstd(b"{}"))
    for module in [package, *(one for one in sys.modules if one.startswith(f"{package}."))]:
        monkeypatch.setitem(sys.modules, module, None)
    (record,) = records_of(tmp_path / name)
    assert error_of(record).endswith("install it with: pip install 'linesift[crawl]'")
    assert f"needs {package}" in error_of(record)


def test_an_empty_name_is_not_the_folder_at_hand(tmp_path, monkeypatch):
    (tmp_path / "a.txt").write_text(TEXT)
    monkeypatch.chdir(tmp_path)
    (record,) = records_of("")
    assert error_of(record) == "no such file or folder"


def test_a_missing_file_does_not_end_the_stream(tmp_path):
    (tmp_path / "a.txt").write_text(TEXT)
    first, second = read_records([str(tmp_path / "missing"), str(tmp_path / "a.txt")])
    assert error_of(first) == "no such file or folder"
    assert read_record(second, FIELDS).lines == PAGE.lines


# ---------------------------------------------------------------------------- folders


def test_a_folder_is_walked_only_as_far_as_asked(tmp_path, monkeypatch):
    for folder in "abc":
        (tmp_path / folder).mkdir()
        (tmp_path / folder / "page.txt").write_text("a")
    listed = []
    monkeypatch.setattr(
        "linesift.reading.readers._names_in",
        lambda folder, names=os.listdir: listed.append(folder) or sorted(names(folder)),
    )
    files = page_files(tmp_path)
    assert next(files) == str(tmp_path / "a" / "page.txt")
    assert listed == [tmp_path, tmp_path / "a"]


def test_a_link_up_does_not_lead_round_in_circles(tmp_path):
    (tmp_path / "a.txt").write_text("a")
    (tmp_path / "up").symlink_to(tmp_path)
    assert list(page_files(tmp_path)) == [str(tmp_path / "a.txt")]


def test_a_path_that_is_too_long_fails_alone_and_not_its_folder(tmp_path, monkeypatch):
    for name in ("a.txt", "z.txt"):
        (tmp_path / name).write_text(TEXT)
    folder = "m" * 200
    monkeypatch.chdir(tmp_path)
    for _ in range(21):  # a path has 4,096 bytes at most
        os.mkdir(folder)
        monkeypatch.chdir(folder)
    monkeypatch.chdir(tmp_path)
    first, long, last = records_of(tmp_path)
    assert [Path(one.name).name for one in (first, long, last)] == ["a.txt", folder, "z.txt"]
    assert error_of(long) == "File name too long"
    assert read_record(last, FIELDS).lines == PAGE.lines


def test_a_file_with_the_name_of_standard_input_is_a_file(tmp_path, monkeypatch):
    (tmp_path / "-").write_text(TEXT)
    monkeypatch.chdir(tmp_path)
    monkeypatch.setattr(sys, "stdin", None)
    (page,) = pages_of(".")
    assert (page.page_id, page.lines) == ("./-", PAGE.lines)
