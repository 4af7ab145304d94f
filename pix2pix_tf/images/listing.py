"""Listing of the images below a folder, and of all other files and folders in it.

Images are files with one of `IMAGE_SUFFIXES`, in upper or lower case, at any depth. Hidden files
and folders (.name) and those that operating systems make, such as thumbnails and recycle bins, are
skipped. Links to folders are followed, but no folder is listed twice.
"""

from __future__ import annotations

import os
import re
import unicodedata
from collections import Counter
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass, field
from pathlib import Path

from pix2pix_tf.images.formats import IMAGE_SUFFIXES, without_suffix
from pix2pix_tf.utils.errors import UserError
from pix2pix_tf.utils.text import shorten_list

# In lower case. Thumbnails, indices and recycle bins of network drives (Synology, QNAP), Windows,
# macOS (also in archives made there), Linux and Python.
_SYSTEM_FOLDERS = {
    "@eadir",
    "@tmp",
    "@recycle",
    "@recently-snapshot",
    "@sharebin",
    "@sharesnap",
    "@snapshot",
    "@__thumb",
    "#recycle",
    "#snapshot",
    "~snapshot",
    "$recycle.bin",
    "recycler",
    "recycled",
    "system volume information",
    "__macosx",
    "network trash folder",
    "temporary items",
    "lost+found",
    "_gsdata_",
    "__pycache__",
}
_SYSTEM_FILES = {"thumbs.db", "ehthumbs.db", "ehthumbs_vista.db", "desktop.ini", "icon\r"}
_SYSTEM_BEGINNINGS = (".", "~$")  # hidden files; lock files of programs that have a file open
_SYSTEM_ENDINGS = ("@synoeastream", "@synoresource", ":zone.identifier")
_RESCUED = re.compile(r"found\.\d{3}")  # folders in which Windows puts files from a damaged disk

_SUFFIXES = set(IMAGE_SUFFIXES)
_NUMBER = re.compile(r"[0-9]+")

_Identity = tuple[int, int]  # device and inode, the same for every path to a file or folder


@dataclass
class Listing:
    """The files below a folder.

    Attributes:
        folder: The folder.
        images: Image files, by their suffix, in natural order of their paths (img2 before img10).
        names: Their names, see `image_name`.
        others: The other files, except those that were skipped.
        system: The hidden and system files and folders, which were skipped.
        repeated: Links that were not followed, because their target is listed already or contains
            the folder itself.
        links: Images that are links.
        linked_images: Links to images that are listed too.
    """

    folder: Path
    images: list[Path] = field(default_factory=list)
    names: list[str] = field(default_factory=list)
    others: list[Path] = field(default_factory=list)
    system: list[Path] = field(default_factory=list)
    repeated: list[Path] = field(default_factory=list)
    links: list[Path] = field(default_factory=list)
    linked_images: list[Path] = field(default_factory=list)

    def sort(self) -> None:
        """Sorts images and other files in natural order, the same on every system."""
        self.others.sort(key=lambda path: natural(_inside(path, self.folder)))
        inside = [_inside(path, self.folder) for path in self.images]
        order = sorted(range(len(inside)), key=lambda index: natural(inside[index]))
        self.images = [self.images[index] for index in order]
        self.names = [without_suffix(inside[index]) for index in order]

    def folders(self) -> list[Path]:
        """Returns the folders that hold images, in the order of the images."""
        return list(map(Path, dict.fromkeys(map(os.path.dirname, map(str, self.images)))))


@dataclass(frozen=True)
class Entries:
    """The direct content of a folder, see `Listing`; only folders are in natural order."""

    folders: list[Path]
    images: list[Path]
    others: list[Path]
    system: list[Path]


def list_images(folder: Path) -> list[Path]:
    """Lists the images below a folder at any depth, in natural order of their paths.

    Raises:
        UserError: The folder cannot be listed.
    """
    return list_folder(folder).images


def list_folder(folder: Path) -> Listing:
    """Lists a folder with all its sub-folders.

    Raises:
        UserError: The folder, or a folder below it, cannot be listed.
    """
    return list_folders([folder])[0]


def list_folders(folders: Sequence[Path]) -> list[Listing]:
    """Lists several folders such that every folder below them is listed only once.

    A folder that is reached both with and without a link is listed where it is reached without.

    Args:
        folders: The folders.

    Returns:
        One listing for each folder.

    Raises:
        UserError: A folder cannot be listed.
    """
    listings = [Listing(Path(folder)) for folder in folders]
    visited: set[_Identity] = set()
    links: list[tuple[Listing, Path]] = []
    for listing in listings:
        links += [(listing, link) for link in _walk(listing, listing.folder, visited)]
    # A link to a folder that contains a listed folder is not followed.
    above = {
        _identity(parent) for listing in listings for parent in listing.folder.resolve().parents
    }
    while links:
        listing, link = links.pop(0)
        if _identity(link) in visited | above:
            listing.repeated.append(link)
        else:
            links += [(listing, other) for other in _walk(listing, link, visited)]
    for listing in listings:
        _find_linked_images(listing)
        listing.sort()
    return listings


def list_entries(folder: Path) -> Entries:
    """Lists the direct content of a folder.

    Raises:
        UserError: The folder cannot be listed.
    """
    entries = Entries([], [], [], [])
    for entry in _scan(folder):
        path = folder / entry.name
        if is_system(entry.name):
            entries.system.append(path)
        elif _is_folder(entry):
            entries.folders.append(path)
        else:
            (entries.images if is_image(entry.name) else entries.others).append(path)
    entries.folders.sort(key=lambda path: natural(path.name))
    return entries


def is_image(name: str) -> bool:
    """Whether a file name has the suffix of an image."""
    suffix = os.path.splitext(name)[1].lower()  # noqa: PTH122  faster, for many files
    return suffix in _SUFFIXES or (suffix == ".gz" and name.lower().endswith(".nii.gz"))


def is_system(name: str) -> bool:
    """Whether a file or folder of this name is hidden or made by an operating system."""
    lower = name.lower()
    return (
        lower.startswith(_SYSTEM_BEGINNINGS)
        or lower in _SYSTEM_FOLDERS
        or lower in _SYSTEM_FILES
        or lower.endswith(_SYSTEM_ENDINGS)
        or _RESCUED.fullmatch(lower) is not None
    )


def image_name(path: Path, folder: Path) -> str:
    """Returns the name of an image: its path below a folder without suffix, separated by '/'.

    The name is in NFC, so that it is the same whether accents are stored as one character (NFC) or
    as a letter and a mark (NFD, by macOS).

    Args:
        path: The image.
        folder: A folder that contains it, at any depth.
    """
    return without_suffix(_inside(path, folder))


def natural(text: str) -> tuple[str, str]:
    """Returns a sort key by which img2 precedes img10; the text decides between img1 and img01."""
    return _NUMBER.sub(_number_key, text), text


def _number_key(number: re.Match[str]) -> str:
    """Returns a text that sorts as a number does: before other text, fewer digits first."""
    digits = number[0].lstrip("0")
    return f"\0{chr(len(digits))}{digits}"


def by_suffix(files: Iterable[Path]) -> str:
    """Counts files by suffix, the most common first: `3 .txt, 1 .xml`."""
    counts = Counter(path.suffix.lower() or "without a suffix" for path in files)
    commonest = sorted(counts, key=lambda suffix: (-counts[suffix], suffix))
    return shorten_list([f"{counts[suffix]} {suffix}" for suffix in commonest])


def listing_notes(listings: Sequence[Listing]) -> list[str]:
    """Returns notes for the user on files that are not read or counted twice, one per reason."""
    others = [path for listing in listings for path in listing.others]
    system = Counter(path.name for listing in listings for path in listing.system)
    repeated = [path for listing in listings for path in listing.repeated]
    linked = [path for listing in listings for path in listing.linked_images]
    notes = []
    if others:
        notes.append(f"not images by their suffix: {by_suffix(others)}")
    if system:
        names = [
            f"{name} ({system[name]}×)" if system[name] > 1 else name for name in sorted(system)
        ]
        notes.append(f"passed over, as systems make them or hide them: {shorten_list(names)}")
    if repeated:
        paths = shorten_list([str(path) for path in repeated])
        notes.append(f"links to folders that are read already, counted once: {paths}")
    if linked:
        paths = shorten_list([str(path) for path in linked])
        notes.append(f"links to images that are read as well, so that they count twice: {paths}")
    return notes


def composed(text: str) -> str:
    """Converts a text to NFC, in which a letter with its accent is one character."""
    return text if text.isascii() else unicodedata.normalize("NFC", text)


def _inside(path: Path, folder: Path) -> str:
    """Returns the path of a file below a folder; five times as fast as `relative_to`."""
    text, above = str(path), str(folder)
    if above != ".":  # paths below "." do not begin with it
        text = text[len(above) :].lstrip(os.sep)
    return composed(text.replace(os.sep, "/"))


def _walk(listing: Listing, folder: Path, visited: set[_Identity]) -> Iterator[Path]:
    """Adds the files below a folder to a listing; yields the links to folders below it."""
    visited.add(_identity(folder))
    for entry in _scan(folder):
        path = folder / entry.name
        if is_system(entry.name):
            listing.system.append(path)
        elif not _is_folder(entry):  # includes broken links, for which reading raises an error
            (listing.images if is_image(entry.name) else listing.others).append(path)
            if entry.is_symlink() and is_image(entry.name):
                listing.links.append(path)
        elif entry.is_symlink() or _is_junction(entry):
            yield path
        else:
            yield from _walk(listing, path, visited)


def _is_folder(entry: os.DirEntry[str]) -> bool:
    try:
        return entry.is_dir()
    except OSError:  # a link to itself
        return False


def _is_junction(entry: os.DirEntry[str]) -> bool:
    """Whether an entry is a junction, a link to a folder on Windows; Python 3.12 or later."""
    is_junction = getattr(entry, "is_junction", None)
    return bool(is_junction and is_junction())


def _find_linked_images(listing: Listing) -> None:
    """Finds links to images that are listed too; without links no file is accessed."""
    if not listing.links:
        return
    links = set(listing.links)
    listed = {_identity(path) for path in listing.images if path not in links}
    for path in sorted(links):
        if _identity(path) in listed:
            listing.linked_images.append(path)
        listed.add(_identity(path))


def _identity(path: Path) -> _Identity:
    try:
        status = path.stat()
    except OSError:
        return (-1, hash(path))
    return status.st_dev, status.st_ino


def _scan(folder: Path) -> list[os.DirEntry[str]]:
    try:
        with os.scandir(folder) as entries:
            return list(entries)
    except OSError as error:
        raise UserError(f"The folder {folder} cannot be listed: {error.strerror}.") from error
