"""Fetch the archive of a public data set, verify it, and unpack what is known of it.

Nothing in an archive is trusted. The manifest names every file with its SHA-256; only
those are unpacked, under the manifest's name and never the archive's, and only with
that content. So links, devices, paths that climb out and bombs have no effect. A set
stands under its final name only once it is whole.
"""

import gzip
import hashlib
import http.client
import shutil
import tarfile
import urllib.error
import urllib.request
import zlib
from collections.abc import Callable, Container, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from fnmatch import fnmatchcase
from pathlib import Path

from linesift.labelling.labels import write_atomically

_CHUNK = 1 << 20
_LARGEST_FILE = 64 << 20
_MOST_MEMBERS = 200_000
_TIMEOUT = 60
_MARK = ".complete"

Progress = Callable[[str, int, int], None]
"""Called with what is done, how much of it, and of how much (0 where not known)."""


class ArchiveError(RuntimeError):
    """An archive that cannot be had or is not what the manifest says; the message says why."""


class OnlyFromMirrorError(ArchiveError):
    """A set that no server has as one archive, and the mirror has not either."""


@dataclass(frozen=True)
class Source:
    """One public data set at one commit.

    Parameters
    ----------
    name : str
        Name of the repository; the archive is `name-commit.tar.gz`.
    repository : str
        `owner/name` on GitHub; empty for a bundle of several, which only a mirror has.
    commit : str
        The whole hash; empty for such a bundle, whose archive is `name.tar.gz`.
    files : tuple of str
        Patterns of the files that its reader opens, as `fnmatch` has them: a `*` stands for
        slashes too.
    pairs : tuple of str
        Two folders, if a file in the first is read only beside its namesake in the second.

    Examples
    --------
    >>> Source("news", "owner/news", "0123456789abcdef").archive, Source("old", "", "").archive
    ('news-0123456789ab.tar.gz', 'old.tar.gz')
    """

    name: str
    repository: str
    commit: str
    files: tuple[str, ...] = ()
    pairs: tuple[str, str] | None = None

    @property
    def archive(self) -> str:
        """File name of the archive in a mirror."""
        return f"{self.name}-{self.commit[:12]}.tar.gz" if self.commit else f"{self.name}.tar.gz"

    def names(self, file: str) -> bool:
        """Tell whether a file of the archive is one of `files`."""
        return any(fnmatchcase(file, pattern) for pattern in self.files)

    def is_paired(self, file: str, there: Container[str]) -> bool:
        """Tell whether a file has its namesake among those that are there, or needs none."""
        first, second = self.pairs or ("", "")
        if not first or not file.startswith(first):
            return True
        return second + file.removeprefix(first) in there


def read_manifest(path: str | Path) -> dict[str, str]:
    """Return SHA-256 by file name from a manifest in the format of `sha256sum`.

    Raises
    ------
    ArchiveError
        The manifest is missing or a name in it is not a plain relative path.
    """
    try:
        rows = Path(path).read_text(encoding="utf-8").splitlines()
    except OSError as error:
        raise ArchiveError(f"{path}: no manifest ({error.strerror})") from error
    manifest = {}
    for row in rows:
        digest, _, name = row.partition("  ")
        if not name or name.startswith("/") or ".." in name.split("/") or len(digest) != 64:
            raise ArchiveError(f"{path}: not a line of a manifest: {row[:60]!r}")
        manifest[name] = digest
    if not manifest:
        raise ArchiveError(f"{path}: an empty manifest names nothing to unpack")
    return manifest


def make_manifest(source: Source, mirror: Path) -> dict[str, str]:
    """Return SHA-256 by name of the files of an archive that its reader opens.

    Parameters
    ----------
    source : Source
    mirror : Path
        Folder that holds the archive.

    Raises
    ------
    ArchiveError
        The archive is not there, is damaged, or holds nothing that is read.
    """
    archive = mirror / source.archive
    if not archive.is_file():
        raise ArchiveError(f"{archive}: no such archive")
    digests: dict[str, str] = {}
    with _members(archive) as members:
        for name, member, tar in members:
            if name not in digests and source.names(name):
                digests[name] = hashlib.sha256(_content(tar, member)).hexdigest()
    if not digests:
        raise ArchiveError(f"{archive}: none of its files is {' or '.join(source.files)}")
    return {name: digest for name, digest in digests.items() if source.is_paired(name, digests)}


def write_manifest(path: str | Path, manifest: dict[str, str]) -> None:
    """Write a manifest in the format of `sha256sum`; `read_manifest` reads it back."""
    write_atomically(path, _rows(manifest).encode())


def is_unpacked(folder: Path, manifest: dict[str, str]) -> bool:
    """Tell whether a folder holds all that this manifest names."""
    mark = folder / _MARK
    return mark.is_file() and mark.read_text() == _digest_of(manifest)


def fetch(
    source: Source,
    manifest: dict[str, str],
    folder: Path,
    *,
    mirror: Path | None,
    url: str,
    progress: Progress,
) -> Path:
    """Return the folder with the files of a data set, fetched unless they are there.

    Parameters
    ----------
    source : Source
        What to fetch.
    manifest : dict of str to str
        SHA-256 of each file to unpack.
    folder : Path
        Where data sets lie; this one goes into `folder / source.name`.
    mirror : Path or None
        Folder of archives to take it from. Without the archive there, it is downloaded.
    url : str
        Address of the download, with `{repository}` and `{commit}`.
    progress : callable
        See `Progress`.

    Raises
    ------
    OnlyFromMirrorError
        It is a bundle and the mirror does not have it.
    ArchiveError
        It cannot be downloaded, or is not what the manifest says.
    """
    target = folder / source.name
    if is_unpacked(target, manifest):
        return target
    archive = mirror / source.archive if mirror else None
    if archive is None or not archive.is_file():
        if not source.commit:
            raise OnlyFromMirrorError(
                f"{source.name}: a bundle of several repositories, which cannot be downloaded; "
                f"put {source.archive} into a folder and name it with --mirror"
            )
        archive = folder / source.archive
        address = url.format(repository=source.repository, commit=source.commit)
        download(address, archive, progress)
    partial = folder / f"{source.name}.partial"
    shutil.rmtree(partial, ignore_errors=True)
    try:
        unpack(archive, manifest, partial, progress)
    except ArchiveError:
        if archive.parent == folder:
            archive.unlink(missing_ok=True)  # or the same bad download would be met again
        raise
    (partial / _MARK).write_text(_digest_of(manifest))
    shutil.rmtree(target, ignore_errors=True)
    partial.rename(target)
    return target


def download(address: str, target: Path, progress: Progress) -> None:
    """Download a file, going on where an earlier attempt broke off if the server can.

    Raises
    ------
    ArchiveError
        The server cannot be reached, refuses, or ends too early; what came so far is
        kept for the next attempt.
    """
    if target.is_file():
        return
    if not address.startswith(("https://", "http://")):
        raise ArchiveError(f"{address}: expected an http or https address")
    target.parent.mkdir(parents=True, exist_ok=True)
    partial = target.with_name(target.name + ".partial")
    done = partial.stat().st_size if partial.exists() else 0
    request = urllib.request.Request(address)
    if done:
        request.add_header("Range", f"bytes={done}-")
    try:
        # Checked above: an address of the web.
        with urllib.request.urlopen(request, timeout=_TIMEOUT) as answer:  # nosec B310
            resumed = answer.status == 206
            done = done if resumed else 0
            total = done + int(answer.headers.get("Content-Length") or 0)
            with partial.open("ab" if resumed else "wb") as file:
                while chunk := answer.read(_CHUNK):
                    file.write(chunk)
                    done += len(chunk)
                    progress(f"download {target.name}", done, total)
    except urllib.error.HTTPError as error:
        if error.code == 416:  # nothing is left to send, or the file changed: begin anew
            partial.unlink(missing_ok=True)
        raise ArchiveError(f"{address}: the server answered {error.code} {error.reason}") from error
    except (OSError, http.client.HTTPException) as error:
        reason = getattr(error, "reason", error)
        raise ArchiveError(
            f"{address}: {reason}; run again to go on, or put {target.name} into the mirror folder"
        ) from error
    if total and done < total:
        raise ArchiveError(f"{address}: ended after {done} of {total} bytes; run again to go on")
    partial.rename(target)


def unpack(archive: Path, manifest: dict[str, str], folder: Path, progress: Progress) -> None:
    """Write the files of a `tar.gz` that the manifest names, each checked, to a folder.

    Raises
    ------
    ArchiveError
        The archive is damaged, or a file is missing from it or not as the manifest says.
    """
    missing = dict(manifest)
    with _members(archive) as members:
        for name, member, tar in members:
            if name not in missing:
                continue
            data = _content(tar, member)
            if hashlib.sha256(data).hexdigest() != missing.pop(name):
                raise ArchiveError(f"{member.name}: is not the file that the manifest names")
            target = folder / name
            target.parent.mkdir(parents=True, exist_ok=True)
            target.write_bytes(data)
            progress(f"unpack {archive.name}", len(manifest) - len(missing), len(manifest))
    if missing:
        raise ArchiveError(
            f"{archive.name}: {len(missing)} of {len(manifest)} files are not in it, "
            f"such as {next(iter(missing))}"
        )


_Members = Iterator[tuple[str, tarfile.TarInfo, tarfile.TarFile]]


@contextmanager
def _members(archive: Path) -> Iterator[_Members]:
    """Give the regular files of a `tar.gz` in turn, by their names in the repository."""
    try:
        with tarfile.open(archive, "r:gz") as tar:
            yield _regular_files(tar, archive.name)
    except (tarfile.TarError, gzip.BadGzipFile, EOFError, zlib.error) as error:
        raise ArchiveError(f"{archive.name}: damaged archive ({error})") from error


def _regular_files(tar: tarfile.TarFile, archive: str) -> _Members:
    for count, member in enumerate(tar):
        if count > _MOST_MEMBERS:
            raise ArchiveError(f"{archive}: more than {_MOST_MEMBERS} entries")
        if member.isreg():
            # GitHub packs everything into one folder, named after the commit.
            yield member.name.partition("/")[2], member, tar


def _content(tar: tarfile.TarFile, member: tarfile.TarInfo) -> bytes:
    file = tar.extractfile(member)
    if file is None or member.size > _LARGEST_FILE:
        raise ArchiveError(f"{member.name}: {member.size} bytes are too many for a page")
    return file.read()


def _rows(manifest: dict[str, str]) -> str:
    return "".join(f"{digest}  {name}\n" for name, digest in sorted(manifest.items()))


def _digest_of(manifest: dict[str, str]) -> str:
    return hashlib.sha256(_rows(manifest).encode()).hexdigest()
