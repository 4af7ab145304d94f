"""Safe unpacking of untrusted archives of images.

Only plain files and folders of a .tar.gz or .zip are written, inside the target folder, as new
files that belong to the user. These members raise an error that names them: absolute paths, `..`,
symbolic and hard links, devices, pipes, sparse and encrypted files, repeated names, more than
`MEMBERS_AT_MOST` members, and more than `BYTES_AT_MOST` bytes in total or than the disk has room
for. The size of a member is checked both before and while it is unpacked.
"""

from __future__ import annotations

import gzip
import re
import shutil
import stat
import tarfile
import zipfile
import zlib
from collections.abc import Callable
from pathlib import Path
from typing import IO

from pix2pix_tf.utils.errors import UserError

BYTES_AT_MOST = 64 * 2**30  # eight times the largest dataset of the catalogue
MEMBERS_AT_MOST = 1_000_000

_CHUNK = 1 << 20
_ONE_READ = 1 << 22  # tarfile reads an extended header at once, which may claim any size
_DAMAGED = (
    tarfile.TarError,
    zipfile.BadZipFile,
    gzip.BadGzipFile,
    zlib.error,
    EOFError,
    UnicodeError,
    NotImplementedError,  # a compression that zipfile does not know
    ValueError,  # numbers in tar headers
    RecursionError,  # nested headers
)


class BadArchive(UserError):  # noqa: N818  # users see only the text
    """A file is not an archive of images: it is of another kind, damaged, or hostile."""


class _Refused(Exception):  # noqa: N818
    """A member cannot be unpacked; the text is the end of a sentence about it."""

    def __init__(self, name: str, why: str) -> None:
        super().__init__(f"its member {name!r} {why}")


def unpack(
    archive: Path,
    target: Path,
    advance: Callable[[int, int | None], None] = lambda done, total: None,
    *,
    bytes_at_most: int = BYTES_AT_MOST,
    members_at_most: int = MEMBERS_AT_MOST,
) -> None:
    """Unpacks a .tar.gz or .zip, recognized by its content, into an existing folder.

    Args:
        archive: The file.
        target: An empty folder. After an error it holds the members that were unpacked before.
        advance: Called with the number of bytes of the archive that were processed, and its size.
        bytes_at_most: The largest total size of all files in bytes.
        members_at_most: The largest number of files and folders.

    Raises:
        BadArchive: The file is not such an archive, or is damaged or hostile.
        UserError: The disk is full or cannot be written to.
    """
    with archive.open("rb") as file:
        head = file.read(64)
    if head[:2] == b"\x1f\x8b":
        unpack_it = _unpack_tar
    elif head[:4] in (b"PK\x03\x04", b"PK\x05\x06"):
        unpack_it = _unpack_zip
    else:
        page = "; it seems to be a web page" if head.lstrip()[:1] == b"<" else ""
        raise BadArchive(f"{archive} is neither a .tar.gz nor a .zip archive{page}")
    writer = _Writer(target, bytes_at_most, members_at_most)
    try:
        unpack_it(archive, writer, advance)
    except _Refused as refused:
        raise BadArchive(f"{archive} was not unpacked: {refused}") from refused
    except _DAMAGED as error:
        raise BadArchive(f"{archive} is damaged: {error or type(error).__name__}") from error


class _Writer:
    """Writes members below a folder after checking their names and sizes."""

    def __init__(self, target: Path, bytes_at_most: int, members_at_most: int) -> None:
        self._target = target
        self._bytes_at_most, self._bytes_left = bytes_at_most, bytes_at_most
        self._members_at_most, self._members = members_at_most, 0

    def folder(self, name: str) -> None:
        self._count(name)
        self._make(self._path(name), name)

    def file(self, name: str, size: int, content: IO[bytes]) -> None:
        """Writes a file of exactly `size` bytes."""
        self._count(name)
        path = self._path(name)
        if path == self._target:
            raise _Refused(name, "is a file without a name")
        self._refuse_too_large(name, size)
        self._make(path.parent, name)
        written = 0
        try:
            with path.open("xb") as file:
                while chunk := content.read(_CHUNK):
                    written += len(chunk)
                    if written > size:
                        raise _Refused(name, f"has more than the {size:,} bytes it claims")
                    file.write(chunk)
        except FileExistsError as error:
            raise _Refused(name, "is there twice") from error
        except gzip.BadGzipFile:
            raise
        except OSError as error:
            raise UserError(f"{path} cannot be written: {error.strerror}") from error
        if written < size:
            raise EOFError(f"{name!r} is cut short")

    def _count(self, name: str) -> None:
        self._members += 1
        if self._members > self._members_at_most:
            raise _Refused(name, f"is one more than the {self._members_at_most:,} allowed")

    def _refuse_too_large(self, name: str, size: int) -> None:
        if size > self._bytes_left:
            raise _Refused(
                name,
                f"of {size:,} bytes goes beyond the {self._bytes_at_most:,} bytes that all files "
                "together may have",
            )
        self._bytes_left -= size
        if size > shutil.disk_usage(self._target).free:
            raise UserError(
                f"{self._target.parent} has no room for the {size:,} bytes of {name!r}: make some, "
                "or give --output a folder on another disk"
            )

    def _path(self, name: str) -> Path:
        """Returns the path of a member inside the target."""
        parts = [part for part in name.split("/") if part not in ("", ".")]
        if name.startswith("/") or re.match("[A-Za-z]:", name):
            raise _Refused(name, "has an absolute path")
        if ".." in parts:
            raise _Refused(name, "has a path with '..'")
        if re.search(r"[\x00-\x1f\x7f-\x9f\ud800-\udfff\\]", name):
            raise _Refused(name, "has a name with backslashes or control characters")
        return self._target.joinpath(*parts)

    def _make(self, folder: Path, name: str) -> None:
        try:
            folder.mkdir(parents=True, exist_ok=True)
        except (FileExistsError, NotADirectoryError) as error:
            raise _Refused(name, "needs a folder where there is a file") from error
        except OSError as error:
            raise UserError(f"{folder} cannot be made: {error.strerror}") from error


class _Bounded:
    """A file that limits the size of single reads, which archives of images do not exceed."""

    def __init__(self, file: gzip.GzipFile) -> None:
        self._file = file
        self.seek, self.tell = file.seek, file.tell

    def read(self, size: int = -1) -> bytes:
        if not 0 <= size <= _ONE_READ:
            raise tarfile.ReadError(f"a header of {size:,} bytes")
        return self._file.read(size)


def _unpack_tar(archive: Path, writer: _Writer, advance: Callable[[int, int | None], None]) -> None:
    total = archive.stat().st_size
    with archive.open("rb") as packed, gzip.GzipFile(fileobj=packed) as plain:
        with tarfile.open(fileobj=_Bounded(plain), mode="r:") as tar:  # type: ignore[call-overload]
            for member in tar:
                _unpack_member(tar, member, writer)
                tar.members.clear()  # otherwise tarfile would keep all of them in memory
                advance(packed.tell(), total)
        _read_on(plain)


def _unpack_member(tar: tarfile.TarFile, member: tarfile.TarInfo, writer: _Writer) -> None:
    if member.size < 0:  # it would lead back to an earlier header
        raise _Refused(member.name, "claims a negative size")
    if member.isdir():
        writer.folder(member.name)
        return
    if member.issym() or member.islnk():
        raise _Refused(member.name, f"is a link, to {member.linkname!r}")
    if member.type not in (tarfile.REGTYPE, tarfile.AREGTYPE) or member.issparse():
        raise _Refused(member.name, "is neither a plain file nor a folder")
    content = tar.extractfile(member)
    assert content is not None  # it is None only for members that are not files
    with content:
        writer.file(member.name, member.size, content)


def _read_on(plain: gzip.GzipFile) -> None:
    """Reads past the zeros at the end of a tar, so that the checksum of gzip is verified."""
    for _ in range(64):
        if not plain.read(_CHUNK):
            return
    raise tarfile.ReadError("there is something after its end")


def _unpack_zip(archive: Path, writer: _Writer, advance: Callable[[int, int | None], None]) -> None:
    total, done = archive.stat().st_size, 0
    with zipfile.ZipFile(archive) as packed:
        for member in packed.infolist():
            kind = stat.S_IFMT(member.external_attr >> 16)
            if kind == stat.S_IFLNK:
                raise _Refused(member.filename, "is a link")
            if kind not in (0, stat.S_IFREG, stat.S_IFDIR):
                raise _Refused(member.filename, "is neither a plain file nor a folder")
            if member.flag_bits & 1:
                raise _Refused(member.filename, "is encrypted")
            if member.is_dir():
                writer.folder(member.filename)
            else:
                with packed.open(member) as content:
                    writer.file(member.filename, member.file_size, content)
            done += member.compress_size
            advance(min(done, total), total)
