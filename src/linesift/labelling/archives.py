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
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

_CHUNK = 1 << 20
_LARGEST_FILE = 64 << 20
_MOST_MEMBERS = 200_000
_TIMEOUT = 60
_MARK = ".complete"

Progress = Callable[[str, int, int], None]
"""Called with what is done, how much of it, and of how much (0 where not known)."""


class ArchiveError(RuntimeError):
    """An archive that cannot be had or is not what the manifest says; the message says why."""


@dataclass(frozen=True)
class Source:
    """One public data set at one commit.

    Parameters
    ----------
    name : str
        Name of the repository; the archive is `name-commit.tar.gz`.
    repository : str
        `owner/name` on GitHub.
    commit : str
        The whole hash.
    """

    name: str
    repository: str
    commit: str

    @property
    def archive(self) -> str:
        """File name of the archive in a mirror."""
        return f"{self.name}-{self.commit[:12]}.tar.gz"


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
    ArchiveError
        It cannot be downloaded, or is not what the manifest says.
    """
    target = folder / source.name
    if is_unpacked(target, manifest):
        return target
    archive = mirror / source.archive if mirror else None
    if archive is None or not archive.is_file():
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
    try:
        with tarfile.open(archive, "r:gz") as tar:
            for count, member in enumerate(tar):
                if count > _MOST_MEMBERS:
                    raise ArchiveError(f"{archive.name}: more than {_MOST_MEMBERS} entries")
                # GitHub packs everything into one folder, named after the commit.
                name = member.name.partition("/")[2]
                if name not in missing or not member.isreg():
                    continue
                _unpack_member(tar, member, folder / name, missing.pop(name))
                progress(f"unpack {archive.name}", len(manifest) - len(missing), len(manifest))
    except (tarfile.TarError, gzip.BadGzipFile, EOFError, zlib.error) as error:
        raise ArchiveError(f"{archive.name}: damaged archive ({error})") from error
    if missing:
        raise ArchiveError(
            f"{archive.name}: {len(missing)} of {len(manifest)} files are not in it, "
            f"such as {next(iter(missing))}"
        )


def _unpack_member(
    tar: tarfile.TarFile, member: tarfile.TarInfo, target: Path, expected: str
) -> None:
    file = tar.extractfile(member)
    if file is None or member.size > _LARGEST_FILE:
        raise ArchiveError(f"{member.name}: {member.size} bytes are too many for a page")
    data = file.read()
    if hashlib.sha256(data).hexdigest() != expected:
        raise ArchiveError(f"{member.name}: is not the file that the manifest names")
    target.parent.mkdir(parents=True, exist_ok=True)
    target.write_bytes(data)


def _digest_of(manifest: dict[str, str]) -> str:
    rows = (f"{digest}  {name}\n" for name, digest in sorted(manifest.items()))
    return hashlib.sha256("".join(rows).encode()).hexdigest()
