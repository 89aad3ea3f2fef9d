import gzip
import hashlib
import io
import tarfile
import threading
from collections.abc import Iterator
from dataclasses import replace
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path

import pytest

from linesift.labelling import archives
from linesift.labelling.archives import (
    ArchiveError,
    OnlyFromMirrorError,
    Source,
    download,
    fetch,
    is_unpacked,
    make_manifest,
    read_manifest,
    write_manifest,
)

FILES = {"LICENSE": b"Free.", "html/1.html": b"<p>one", "html/2.html": b"<p>two" * 500}
SOURCE = Source("news", "owner/news", "0123456789abcdef0123456789abcdef01234567")
NOWHERE = "http://127.0.0.1:9/{repository}/{commit}"
DATA = bytes(range(256)) * 300


def digest(data: bytes) -> str:
    return hashlib.sha256(data).hexdigest()


def manifest_of(files: dict[str, bytes]) -> dict[str, str]:
    return {name: digest(data) for name, data in files.items()}


MANIFEST = manifest_of(FILES)


def regular(name: str, data: bytes) -> tuple[tarfile.TarInfo, bytes]:
    info = tarfile.TarInfo(f"news-0123/{name}")
    info.size = len(data)
    return info, data


def special(name: str, kind: bytes, link: str = "") -> tuple[tarfile.TarInfo, bytes]:
    info = tarfile.TarInfo(f"news-0123/{name}")
    info.type, info.linkname = kind, link
    return info, b""


def packed(*members: tuple[tarfile.TarInfo, bytes]) -> bytes:
    stream = io.BytesIO()
    with tarfile.open(fileobj=stream, mode="w:gz") as tar:
        for info, data in members:
            tar.addfile(info, io.BytesIO(data))
    return stream.getvalue()


def archive_of(files: dict[str, bytes]) -> bytes:
    return packed(*(regular(name, data) for name, data in files.items()))


def quiet(what: str, done: int, total: int) -> None:
    """Report no progress."""


def files_below(folder: Path) -> dict[str, bytes]:
    return {
        str(path.relative_to(folder)): path.read_bytes()
        for path in folder.rglob("*")
        if path.is_file() and path.name != ".complete"
    }


class Server:
    """A web server of one file that can fail in the ways servers do."""

    def __init__(self) -> None:
        self.data = DATA
        self.status = 200
        self.knows_range = True
        self.breaks_after: int | None = None
        self.says_length = True
        self.ranges: list[str | None] = []
        server = self

        class Handler(BaseHTTPRequestHandler):
            def do_GET(self) -> None:
                server.answer(self)

            def log_message(self, *_: object) -> None:
                pass

        self.httpd = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
        self.address = f"http://127.0.0.1:{self.httpd.server_port}/archive"

    def answer(self, handler: BaseHTTPRequestHandler) -> None:
        wanted = handler.headers.get("Range")
        self.ranges.append(wanted)
        if self.status != 200:
            handler.send_error(self.status)
            return
        start = int(wanted.removeprefix("bytes=").rstrip("-")) if wanted else 0
        if not self.knows_range:
            start = 0
        if start and start >= len(self.data):
            handler.send_error(416)
            return
        body = self.data[start:]
        handler.send_response(206 if start else 200)
        if self.says_length:
            handler.send_header("Content-Length", str(len(body)))
        handler.end_headers()
        handler.wfile.write(body[: self.breaks_after])


@pytest.fixture(autouse=True)
def no_proxy(monkeypatch: pytest.MonkeyPatch) -> None:
    for name in ("no_proxy", "NO_PROXY"):
        monkeypatch.setenv(name, "127.0.0.1")


@pytest.fixture
def server() -> Iterator[Server]:
    server = Server()
    thread = threading.Thread(target=server.httpd.serve_forever, args=(0.01,))
    thread.start()
    yield server
    server.httpd.shutdown()
    thread.join()
    server.httpd.server_close()


@pytest.fixture
def mirror(tmp_path: Path) -> Path:
    folder = tmp_path / "mirror"
    folder.mkdir()
    (folder / SOURCE.archive).write_bytes(archive_of(FILES))
    return folder


# Download


def test_a_download_is_whole_and_reports_how_far_it_is(server, tmp_path):
    seen = []
    download(server.address, tmp_path / "new" / "a.tar.gz", lambda *step: seen.append(step))
    assert files_below(tmp_path) == {"new/a.tar.gz": DATA}
    assert seen[-1] == ("download a.tar.gz", len(DATA), len(DATA))


def test_what_is_there_is_not_downloaded_again(server, tmp_path):
    target = tmp_path / "a.tar.gz"
    target.write_bytes(b"here")
    download(server.address, target, quiet)
    assert server.ranges == []
    assert target.read_bytes() == b"here"


@pytest.mark.parametrize(
    ("knows_range", "says_length"), [(True, True), (False, True), (True, False), (False, False)]
)
def test_a_broken_download_goes_on_where_it_can(server, tmp_path, knows_range, says_length):
    target = tmp_path / "a.tar.gz"
    server.breaks_after = 1000
    with pytest.raises(ArchiveError, match=f"ended after 1000 of {len(DATA)} bytes; run again"):
        download(server.address, target, quiet)
    assert not target.exists()
    server.breaks_after, server.knows_range, server.says_length = None, knows_range, says_length
    seen = []
    download(server.address, target, lambda *step: seen.append(step[1]))
    assert server.ranges == [None, "bytes=1000-"]
    assert files_below(tmp_path) == {"a.tar.gz": DATA}
    assert seen[-1] == len(DATA)


def test_a_download_that_breaks_twice_keeps_what_came(server, tmp_path):
    target = tmp_path / "a.tar.gz"
    server.breaks_after = 1000
    for _ in range(2):
        with pytest.raises(ArchiveError, match="ended after"):
            download(server.address, target, quiet)
    server.breaks_after = None
    download(server.address, target, quiet)
    assert server.ranges == [None, "bytes=1000-", "bytes=2000-"]
    assert target.read_bytes() == DATA


def test_a_part_longer_than_the_file_is_thrown_away(server, tmp_path):
    """The server answers 416: the file changed, or was whole before it got its name."""
    target = tmp_path / "a.tar.gz"
    (tmp_path / "a.tar.gz.partial").write_bytes(DATA + b"more")
    with pytest.raises(ArchiveError, match="416"):
        download(server.address, target, quiet)
    download(server.address, target, quiet)
    assert files_below(tmp_path) == {"a.tar.gz": DATA}


@pytest.mark.parametrize("status", [403, 404, 500, 503])
def test_a_refusal_names_the_address_and_keeps_what_came(server, tmp_path, status):
    (tmp_path / "a.tar.gz.partial").write_bytes(DATA[:10])
    server.status = status
    with pytest.raises(ArchiveError, match=f"{server.address}: the server answered {status}"):
        download(server.address, tmp_path / "a.tar.gz", quiet)
    assert files_below(tmp_path) == {"a.tar.gz.partial": DATA[:10]}


def test_a_server_that_is_not_there_is_told_with_the_way_out(tmp_path):
    gone = Server()
    gone.httpd.server_close()
    with pytest.raises(ArchiveError, match=r"run again to go on, or .*a\.tar\.gz.* mirror"):
        download(gone.address, tmp_path / "a.tar.gz", quiet)
    assert files_below(tmp_path) == {}


@pytest.mark.parametrize("address", ["file:///etc/hostname", "ftp://host.example/a", "a.tar.gz"])
def test_only_web_addresses_are_downloaded(tmp_path, address):
    with pytest.raises(ArchiveError, match="http or https"):
        download(address, tmp_path / "a.tar.gz", quiet)


# Manifests


def test_a_manifest_is_what_sha256sum_writes(tmp_path):
    rows = "".join(f"{MANIFEST[name]}  {name}\n" for name in MANIFEST)
    (tmp_path / "news.sha256").write_text(rows)
    assert read_manifest(tmp_path / "news.sha256") == MANIFEST


@pytest.mark.parametrize(
    "row",
    [
        f"{'0' * 64}  /etc/passwd",
        f"{'0' * 64}  ../outside",
        f"{'0' * 64}  a/../../outside",
        f"{'0' * 63}  short",
        f"{'0' * 64}",
        "",
    ],
)
def test_a_manifest_with_a_bad_line_is_refused(tmp_path, row):
    (tmp_path / "news.sha256").write_text(f"{'0' * 64}  good\n{row}\n")
    with pytest.raises(ArchiveError, match="not a line of a manifest"):
        read_manifest(tmp_path / "news.sha256")


def test_a_missing_manifest_says_so(tmp_path):
    with pytest.raises(ArchiveError, match="no manifest"):
        read_manifest(tmp_path / "news.sha256")


# Unpacking


def unpack(folder: Path, archive: bytes, manifest: dict[str, str]) -> dict[str, bytes]:
    """Unpack below `folder / "in"` and return all files that there are afterwards."""
    (folder / "news.tar.gz").write_bytes(archive)
    try:
        archives.unpack(folder / "news.tar.gz", manifest, folder / "in", quiet)
    finally:
        (folder / "news.tar.gz").unlink()
    return files_below(folder)


def test_only_what_the_manifest_names_is_unpacked(tmp_path):
    archive = archive_of(FILES | {"html/3.html": b"three", "secret": b"no"})
    assert unpack(tmp_path, archive, MANIFEST) == {f"in/{k}": v for k, v in FILES.items()}


@pytest.mark.parametrize(
    "extra",
    [
        regular("../../outside", b"no"),
        regular("/../outside", b"no"),
        special("html/link", tarfile.SYMTYPE, "/etc/passwd"),
        special("../../link", tarfile.SYMTYPE, "/etc/passwd"),
        special("html/hard", tarfile.LNKTYPE, "news-0123/LICENSE"),
        special("device", tarfile.CHRTYPE),
        special("block", tarfile.BLKTYPE),
        special("pipe", tarfile.FIFOTYPE),
        special("html", tarfile.SYMTYPE, "../outside"),
        special("html", tarfile.DIRTYPE),
    ],
    ids=lambda extra: f"{extra[0].name}-{extra[0].type.decode()}",
)
def test_hostile_members_have_no_effect(tmp_path, extra):
    (tmp_path / "outside").mkdir()
    archive = packed(extra, *(regular(name, data) for name, data in FILES.items()))
    assert unpack(tmp_path, archive, MANIFEST) == {f"in/{k}": v for k, v in FILES.items()}
    assert not any(path.is_symlink() for path in tmp_path.rglob("*"))


@pytest.mark.parametrize(
    "member",
    [
        special("page", tarfile.SYMTYPE, "LICENSE"),
        special("page", tarfile.LNKTYPE, "news-0123/LICENSE"),
        special("page", tarfile.FIFOTYPE),
        special("page", tarfile.DIRTYPE),
    ],
    ids=["symlink", "hard link", "pipe", "folder"],
)
def test_a_name_of_the_manifest_must_be_a_regular_file(tmp_path, member):
    files = {"LICENSE": b"Free."}
    archive = packed(regular("LICENSE", b"Free."), member)
    with pytest.raises(ArchiveError, match="1 of 2 files are not in it, such as page"):
        unpack(tmp_path, archive, manifest_of(files | {"page": b"Free."}))
    assert files_below(tmp_path) == {"in/LICENSE": b"Free."}


def test_an_absolute_member_name_stays_in_the_folder(tmp_path):
    info, data = regular("", b"here")
    info.name = "/etc/page"
    assert unpack(tmp_path, packed((info, data)), manifest_of({"etc/page": b"here"})) == {
        "in/etc/page": b"here"
    }


def test_a_missing_file_is_named(tmp_path):
    archive = archive_of({"LICENSE": b"Free.", "html/1.html": b"<p>one"})
    with pytest.raises(ArchiveError, match=r"1 of 3 files are not in it, such as html/2\.html"):
        unpack(tmp_path, archive, MANIFEST)


def test_another_content_is_refused_and_not_written(tmp_path):
    with pytest.raises(ArchiveError, match=r"html/1\.html: is not the file"):
        unpack(tmp_path, archive_of(FILES | {"html/1.html": b"<p>0ne"}), MANIFEST)
    assert files_below(tmp_path) == {"in/LICENSE": b"Free."}


def test_a_second_copy_of_a_name_does_not_replace_the_first(tmp_path):
    archive = packed(regular("a", b"good"), regular("a", b"evil"))
    assert unpack(tmp_path, archive, manifest_of({"a": b"good"})) == {"in/a": b"good"}


def damaged() -> dict[str, bytes]:
    whole = archive_of(FILES)
    half = len(whole) // 2
    return {
        "cut in half": whole[:half],
        "cut in the header": whole[:5],
        "one byte changed": whole[:half] + bytes([whole[half] ^ 0xFF]) + whole[half + 1 :],
        "not gzip": b"<html>Not found</html>",
        "gzip of something else": gzip.compress(b"text" * 1000),
        "plain tar": gzip.decompress(whole),
        "empty": b"",
    }


@pytest.mark.parametrize("kind", damaged())
def test_a_damaged_archive_is_refused(tmp_path, kind):
    with pytest.raises(ArchiveError, match=r"news\.tar\.gz"):
        unpack(tmp_path, damaged()[kind], MANIFEST)


def test_a_file_too_large_for_a_page_is_not_read(tmp_path, monkeypatch):
    monkeypatch.setattr(archives, "_LARGEST_FILE", 100)
    with pytest.raises(ArchiveError, match="3000 bytes are too many"):
        unpack(tmp_path, archive_of(FILES), MANIFEST)


def test_an_archive_of_endless_entries_is_given_up(tmp_path, monkeypatch):
    monkeypatch.setattr(archives, "_MOST_MEMBERS", 5)
    archive = packed(*(special(f"{i}", tarfile.DIRTYPE) for i in range(10)))
    with pytest.raises(ArchiveError, match="more than 5 entries"):
        unpack(tmp_path, archive, MANIFEST)


# Fetching


def fetch_news(folder: Path, *, mirror: Path | None = None, url: str = NOWHERE, manifest=MANIFEST):
    return fetch(SOURCE, manifest, folder, mirror=mirror, url=url, progress=quiet)


def test_a_set_comes_from_the_mirror_where_it_is(mirror, tmp_path):
    folder = fetch_news(tmp_path / "raw", mirror=mirror)
    assert folder == tmp_path / "raw" / "news"
    assert files_below(tmp_path / "raw") == {f"news/{k}": v for k, v in FILES.items()}
    assert is_unpacked(folder, MANIFEST)


@pytest.mark.parametrize("has_mirror", [False, True])
def test_a_set_that_no_mirror_holds_is_downloaded(server, tmp_path, has_mirror):
    server.data = archive_of(FILES)
    mirror = tmp_path if has_mirror else None
    folder = fetch_news(tmp_path / "raw", mirror=mirror, url=server.address)
    assert files_below(folder) == FILES


def test_the_address_is_made_of_repository_and_commit(tmp_path):
    url = "ftp://host.example/{repository}/{commit}.tar.gz"
    with pytest.raises(ArchiveError, match=rf"host\.example/owner/news/{SOURCE.commit}\.tar\.gz"):
        fetch_news(tmp_path, url=url)


def test_a_second_fetch_does_nothing(mirror, tmp_path):
    folder = fetch_news(tmp_path / "raw", mirror=mirror)
    (mirror / SOURCE.archive).unlink()
    (folder / "html" / "1.html").write_bytes(b"touched")
    assert fetch_news(tmp_path / "raw", mirror=mirror) == folder
    assert (folder / "html" / "1.html").read_bytes() == b"touched"


def test_another_manifest_fetches_anew(mirror, tmp_path):
    fewer = {"LICENSE": MANIFEST["LICENSE"]}
    fetch_news(tmp_path / "raw", mirror=mirror)
    folder = fetch_news(tmp_path / "raw", mirror=mirror, manifest=fewer)
    assert files_below(folder) == {"LICENSE": b"Free."}


@pytest.mark.parametrize("kind", damaged())
def test_a_failed_fetch_leaves_no_folder_and_the_mirror_alone(mirror, tmp_path, kind):
    (mirror / SOURCE.archive).write_bytes(damaged()[kind])
    with pytest.raises(ArchiveError):
        fetch_news(tmp_path / "raw", mirror=mirror)
    assert not (tmp_path / "raw" / "news").exists()
    assert (mirror / SOURCE.archive).exists()


def test_a_failed_fetch_keeps_the_set_that_was_there(mirror, tmp_path):
    folder = fetch_news(tmp_path / "raw", mirror=mirror)
    with pytest.raises(ArchiveError, match="such as new"):
        fetch_news(tmp_path / "raw", mirror=mirror, manifest=MANIFEST | {"new": digest(b"new")})
    assert files_below(folder) == FILES
    assert is_unpacked(folder, MANIFEST)


def test_leftovers_of_a_failed_fetch_are_not_taken_over(mirror, tmp_path):
    (mirror / SOURCE.archive).write_bytes(archive_of({"html/1.html": b"<p>one"}))
    with pytest.raises(ArchiveError):
        fetch_news(tmp_path / "raw", mirror=mirror)
    (mirror / SOURCE.archive).write_bytes(archive_of(FILES))
    folder = fetch_news(tmp_path / "raw", mirror=mirror, manifest={"LICENSE": MANIFEST["LICENSE"]})
    assert files_below(folder) == {"LICENSE": b"Free."}


def test_an_interrupted_unpacking_is_not_taken_for_a_whole_set(mirror, tmp_path):
    folder = fetch_news(tmp_path / "raw", mirror=mirror)
    (folder / ".complete").unlink()
    (folder / "html" / "2.html").unlink()
    assert not is_unpacked(folder, MANIFEST)
    assert files_below(fetch_news(tmp_path / "raw", mirror=mirror)) == FILES


@pytest.mark.parametrize("kind", damaged())
def test_a_bad_download_is_removed_so_that_the_next_one_can_succeed(server, tmp_path, kind):
    server.data = damaged()[kind]
    with pytest.raises(ArchiveError):
        fetch_news(tmp_path, url=server.address)
    server.data = archive_of(FILES)
    assert files_below(fetch_news(tmp_path, url=server.address)) == FILES


def test_a_fetch_after_a_broken_download_goes_on(server, tmp_path):
    server.data, server.breaks_after = archive_of(FILES), 50
    with pytest.raises(ArchiveError, match="run again to go on"):
        fetch_news(tmp_path, url=server.address)
    server.breaks_after = None
    assert files_below(fetch_news(tmp_path, url=server.address)) == FILES
    assert server.ranges == [None, "bytes=50-"]


# Manifests


def test_a_manifest_is_made_of_what_is_read_and_read_back(mirror, tmp_path):
    made = make_manifest(replace(SOURCE, files=("html/*", "none/*")), mirror)
    assert made == {name: MANIFEST[name] for name in ("html/1.html", "html/2.html")}
    write_manifest(tmp_path / "news.sha256", dict(reversed(made.items())))
    rows = [f"{digest}  {name}\n" for name, digest in sorted(made.items())]
    assert (tmp_path / "news.sha256").read_text() == "".join(rows)
    assert read_manifest(tmp_path / "news.sha256") == made


def test_of_pairs_the_single_ones_are_left_out(mirror):
    (mirror / SOURCE.archive).write_bytes(
        archive_of({"gold/1": b"a", "gold/2": b"b", "html/2": b"c", "html/3": b"d", "list": b"e"})
    )
    source = replace(SOURCE, files=("gold/*", "html/*", "list"), pairs=("gold/", "html/"))
    assert sorted(make_manifest(source, mirror)) == ["gold/2", "html/2", "html/3", "list"]


def test_no_manifest_is_made_of_links_and_folders(mirror):
    members = [
        regular("html/1.html", b"a"),
        special("html/2.html", tarfile.SYMTYPE, "/etc/hostname"),
        special("html/3.html", tarfile.DIRTYPE),
    ]
    (mirror / SOURCE.archive).write_bytes(packed(*members))
    assert list(make_manifest(replace(SOURCE, files=("html/*",)), mirror)) == ["html/1.html"]


@pytest.mark.parametrize(
    ("source", "message"),
    [
        (
            replace(SOURCE, name="olds", files=("*",)),
            r"olds-0123456789ab\.tar\.gz: no such",
        ),
        (replace(SOURCE, files=("gold/*", "*.xml")), r"none of its files is gold/\* or \*\.xml"),
    ],
)
def test_without_files_there_is_no_manifest(mirror, source, message):
    with pytest.raises(ArchiveError, match=message):
        make_manifest(source, mirror)


BUNDLE = Source("bundle", "", "")


@pytest.mark.parametrize("has_mirror", [False, True])
def test_a_bundle_comes_from_the_mirror_or_not_at_all(mirror, tmp_path, has_mirror):
    where = {"mirror": mirror if has_mirror else None, "url": NOWHERE, "progress": quiet}
    with pytest.raises(OnlyFromMirrorError, match=r"bundle: .*; put bundle\.tar\.gz into"):
        fetch(BUNDLE, MANIFEST, tmp_path / "raw", **where)
    assert not (tmp_path / "raw").exists()


def test_a_bundle_is_unpacked_like_any_other(mirror, tmp_path):
    (mirror / "bundle.tar.gz").write_bytes(archive_of(FILES))
    folder = fetch(BUNDLE, MANIFEST, tmp_path / "raw", mirror=mirror, url=NOWHERE, progress=quiet)
    assert files_below(folder) == FILES
