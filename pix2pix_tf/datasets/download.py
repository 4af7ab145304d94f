"""Download of a published dataset to datasets/NAME, which appears only when it is complete."""

from __future__ import annotations

import hashlib
import re
from collections.abc import Callable
from dataclasses import dataclass
from difflib import get_close_matches
from pathlib import Path

from pix2pix_tf.datasets.catalogue import CATALOGUE, Dataset, archive_suffix, archive_url
from pix2pix_tf.datasets.fetch import TIMEOUT, fetch, forget
from pix2pix_tf.datasets.unpack import BadArchive, unpack
from pix2pix_tf.images.folder_names import FolderName, read_name
from pix2pix_tf.images.listing import list_entries, list_images
from pix2pix_tf.utils.errors import UserError
from pix2pix_tf.utils.files import check_new_directory, temporary_sibling

Progress = Callable[[str, int, int | None], None]

_CHUNK = 1 << 20


@dataclass(frozen=True)
class DownloadResult:
    """The result of `download`.

    Attributes:
        folder: The folder of the dataset.
        url: The address that the archive came from.
        sha256: The checksum of the archive, in hexadecimal.
        images: The number of image files in the folder.
    """

    folder: Path
    url: str
    sha256: str
    images: int


def download(
    name: str,
    output: str | Path = "datasets",
    *,
    url: str | None = None,
    sha256: str | None = None,
    progress: Progress = lambda stage, done, total: None,
    timeout: float = TIMEOUT,
) -> DownloadResult:
    """Downloads a dataset to `output`/`name`.

    The archive is fetched into `output`/NAME.tar.gz.part (or .zip.part) and removed at the end. If
    the download is interrupted, this file is kept, and the next download continues it. If an
    archive has a single folder at its top, as the published ones do, that folder becomes the
    dataset.

    Args:
        name: A name in `CATALOGUE`, or any other if `url` is the address of an archive.
        output: The folder of all datasets, which is created if it does not exist.
        url: An address that replaces the catalogue's: of an archive, or of a folder with
            NAME.tar.gz.
        sha256: The expected checksum of the archive, in hexadecimal; by default that of the
            catalogue, if any.
        progress: Called with the stage (`fetching`, `checking`, `unpacking`), the number of bytes
            done and the total number of bytes, None if unknown.
        timeout: Seconds without an answer or a byte after which a connection counts as cut.

    Returns:
        The folder, the address and checksum of the archive, and the number of images.

    Raises:
        UserError: The name is unknown; the folder exists already; there is no connection, or it was
            cut (the fetched part is kept); the checksum differs; the archive is damaged, hostile
            or without images (it is removed); or the disk is full.
    """
    address, expected = _source(name, url, sha256)
    output = Path(output)
    folder = output / name
    check_new_directory(folder)
    output.mkdir(parents=True, exist_ok=True)
    part = output / f"{name}{archive_suffix(address)}.part"
    fetch(
        address,
        part,
        lambda done, total: progress("fetching", done, total),
        space_for=lambda size: 2 * size,  # the archive and its images, which hardly compress
        timeout=timeout,
    )
    found = _sha256(part, progress)
    if expected is not None and found != expected:
        forget(part)
        raise UserError(
            f"{address} has sha256 {found}, expected was {expected}: the file was removed; try "
            "another address with --url, or another --sha256 if you trust this file"
        )
    images = _unpack(part, folder, address, progress)
    forget(part)
    return DownloadResult(folder, address, found, images)


def _source(name: str, url: str | None, sha256: str | None) -> tuple[str, str | None]:
    """Returns the address of the archive and its expected checksum."""
    dataset = _known(name, url)
    address = archive_url(url or (dataset.base_url if dataset else ""), name)
    if sha256 is not None:
        if not re.fullmatch("[0-9a-fA-F]{64}", sha256):
            raise UserError(f"--sha256 {sha256}: expected 64 hexadecimal digits")
        return address, sha256.lower()
    if dataset is not None and address.endswith(f"/{name}.tar.gz"):  # a mirror of the same file
        return address, dataset.sha256
    return address, None


def _known(name: str, url: str | None) -> Dataset | None:
    if name in CATALOGUE:
        return CATALOGUE[name]
    if url is not None and archive_suffix(url) is not None:
        if not re.fullmatch(r"\w[\w.-]*", name):
            raise UserError(f"{name}: expected a name of letters, digits, '_', '-' and '.'")
        return None
    near = get_close_matches(name, CATALOGUE, n=1)
    hint = f"; did you mean {near[0]}?" if near else ""
    raise UserError(
        f"{name}: expected one of {', '.join(CATALOGUE)}{hint}\n"
        "Any other name takes --url with the address of a .tar.gz or .zip archive."
    )


def _sha256(path: Path, progress: Progress) -> str:
    total, done = path.stat().st_size, 0
    digest = hashlib.sha256()
    with path.open("rb") as file:
        while chunk := file.read(_CHUNK):
            digest.update(chunk)
            done += len(chunk)
            progress("checking", done, total)
    return digest.hexdigest()


def _unpack(part: Path, folder: Path, url: str, progress: Progress) -> int:
    """Unpacks into a hidden folder that becomes `folder`; returns the number of images."""
    with temporary_sibling(folder) as aside:
        try:
            unpack(part, aside, lambda done, total: progress("unpacking", done, total))
            dataset = _top(aside)
            images = len(list_images(dataset))
            if not images:
                raise BadArchive(f"{part} has no images in it")
        except BadArchive as error:
            forget(part)
            raise UserError(
                f"{error}; it came from {url} and was removed; --url takes another address"
            ) from error
        dataset.replace(folder)
        return images


def _top(content: Path) -> Path:
    """Returns the folder of the dataset: a single top folder if there is one, else `content`."""
    entries = list_entries(content)
    if len(entries.folders) == 1 and not entries.images and not entries.others:
        folder = entries.folders[0]
        if read_name(folder.name) == FolderName():  # other names are part of the data
            return folder
    return content
