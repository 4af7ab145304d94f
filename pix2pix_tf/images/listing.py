"""The images below a folder, with a record of everything that lies there and is not one of them.

Listed are files that end in one of `IMAGE_SUFFIXES`, in upper or lower case, at any depth. Passed
over are hidden files and folders (.name) and those that systems make, such as thumbnails and
recycle bins. Links to folders are followed, but no folder is listed twice.
"""

from __future__ import annotations

import os
import re
import unicodedata
from collections import Counter
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass, field
from pathlib import Path

from pix2pix_tf.images.formats import IMAGE_SUFFIXES
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
_SYSTEM_BEGINNINGS = (".", "~$")  # hidden; locks of programs that have a file open
_SYSTEM_ENDINGS = ("@synoeastream", "@synoresource", ":zone.identifier")
_RESCUED = re.compile(r"found\.\d{3}")  # folders of files that Windows found on a damaged disk

_SUFFIXES = set(IMAGE_SUFFIXES)

_Identity = tuple[int, int]  # of a file or folder, however it is reached: device and inode


@dataclass
class Listing:
    """What lies below a folder.

    Attributes:
        folder: The folder.
        images: Image files, by their suffix, in natural order of their paths (img2 before img10).
        others: The other files, but for those passed over.
        system: The hidden and system files and folders that were passed over.
        repeated: Links that were not followed, since what they lead to is listed already or holds
            the folder itself.
        links: Images that are links.
        linked_images: Those of them that lead to an image which is listed too.
    """

    folder: Path
    images: list[Path] = field(default_factory=list)
    others: list[Path] = field(default_factory=list)
    system: list[Path] = field(default_factory=list)
    repeated: list[Path] = field(default_factory=list)
    links: list[Path] = field(default_factory=list)
    linked_images: list[Path] = field(default_factory=list)

    def sort(self) -> None:
        """Brings images and other files into natural order, the same on every system."""
        for paths in (self.images, self.others):
            paths.sort(key=lambda path: natural(_inside(path, self.folder)))


@dataclass(frozen=True)
class Entries:
    """What lies directly in a folder, see `Listing`: folders in natural order, files in any."""

    folders: list[Path]
    images: list[Path]
    others: list[Path]
    system: list[Path]


def list_images(folder: Path) -> list[Path]:
    """The images below a folder at any depth, in natural order of their paths.

    Raises:
        UserError: The folder cannot be listed.
    """
    return list_folder(folder).images


def list_folder(folder: Path) -> Listing:
    """Lists a folder with all its sub-folders.

    Raises:
        UserError: It, or a folder below it, cannot be listed.
    """
    return list_folders([folder])[0]


def list_folders(folders: Sequence[Path]) -> list[Listing]:
    """Lists several folders, so that none below them is listed twice, not even in two of them.

    A folder that can be reached with and without a link is listed where it is without.

    Raises:
        UserError: A folder cannot be listed.
    """
    listings = [Listing(Path(folder)) for folder in folders]
    seen: set[_Identity] = set()
    links: list[tuple[Listing, Path]] = []
    for listing in listings:
        links += [(listing, link) for link in _walk(listing, listing.folder, seen)]
    # What holds a listed folder is no part of it.
    above = {
        _identity(parent) for listing in listings for parent in listing.folder.resolve().parents
    }
    while links:
        listing, link = links.pop(0)
        if _identity(link) in seen | above:
            listing.repeated.append(link)
        else:
            links += [(listing, other) for other in _walk(listing, link, seen)]
    for listing in listings:
        _find_linked_images(listing)
        listing.sort()
    return listings


def list_entries(folder: Path) -> Entries:
    """What lies directly in a folder.

    Raises:
        UserError: The folder cannot be listed.
    """
    found = Entries([], [], [], [])
    for entry in _scan(folder):
        path = folder / entry.name
        if is_system(entry.name):
            found.system.append(path)
        elif _is_folder(entry):
            found.folders.append(path)
        else:
            (found.images if is_image(entry.name) else found.others).append(path)
    found.folders.sort(key=lambda path: natural(path.name))
    return found


def is_image(name: str) -> bool:
    """Whether a file's suffix is one of an image."""
    return os.path.splitext(name)[1].lower() in _SUFFIXES  # noqa: PTH122  of very many files


def is_system(name: str) -> bool:
    """Whether a file or folder of this name is hidden, or made by a system rather than a person."""
    lower = name.lower()
    return (
        lower.startswith(_SYSTEM_BEGINNINGS)
        or lower in _SYSTEM_FOLDERS
        or lower in _SYSTEM_FILES
        or lower.endswith(_SYSTEM_ENDINGS)
        or _RESCUED.fullmatch(lower) is not None
    )


def image_name(path: Path, folder: Path) -> str:
    """What an image of a folder is called: its path in there without suffix, '/'-separated, in NFC.

    Accents may be stored as one character (NFC) or as a letter and a mark (NFD, by macOS): the name
    is the same for both.
    """
    return os.path.splitext(_inside(path, folder))[0]  # noqa: PTH122  of very many files


def natural(text: str) -> tuple[list[str | int], str]:
    """A sort key under which img2 precedes img10; the text itself settles img1 against img01."""
    parts = re.split(r"([0-9]+)", text)  # text and digits in turn, so equal places compare
    return [int(part) if k % 2 else part for k, part in enumerate(parts)], text


def by_suffix(files: Iterable[Path]) -> str:
    """Files counted by suffix, the commonest first: `3 .txt, 1 .xml`."""
    counts = Counter(path.suffix.lower() or "without a suffix" for path in files)
    commonest = sorted(counts, key=lambda suffix: (-counts[suffix], suffix))
    return shorten_list([f"{counts[suffix]} {suffix}" for suffix in commonest])


def listing_notes(listings: Sequence[Listing]) -> list[str]:
    """Sentences for the user about what was not read, one for each reason."""
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
    """A text in NFC: accents as one character with their letter."""
    return unicodedata.normalize("NFC", text)


def _inside(path: Path, folder: Path) -> str:
    """The path of a file below a folder, as `relative_to` has it in five times the time."""
    text, above = str(path), str(folder)
    if above != ".":  # which no path begins with
        text = text[len(above) :].lstrip(os.sep)
    return composed(text.replace(os.sep, "/"))


def _walk(listing: Listing, folder: Path, seen: set[_Identity]) -> Iterator[Path]:
    """Adds what lies below a folder to a listing; gives the links to folders on the way."""
    seen.add(_identity(folder))
    for entry in _scan(folder):
        path = folder / entry.name
        if is_system(entry.name):
            listing.system.append(path)
        elif not _is_folder(entry):  # broken links too: reading one raises an error
            (listing.images if is_image(entry.name) else listing.others).append(path)
            if entry.is_symlink() and is_image(entry.name):
                listing.links.append(path)
        elif entry.is_symlink() or _is_junction(entry):
            yield path
        else:
            yield from _walk(listing, path, seen)


def _is_folder(entry: os.DirEntry[str]) -> bool:
    try:
        return entry.is_dir()
    except OSError:  # a link to itself
        return False


def _is_junction(entry: os.DirEntry[str]) -> bool:
    """A link to a folder as Windows makes them; Python knows them since 3.12."""
    is_junction = getattr(entry, "is_junction", None)
    return bool(is_junction and is_junction())


def _find_linked_images(listing: Listing) -> None:
    """Finds images that are one file under two names; without links no file is looked at."""
    if not listing.links:
        return
    links = set(listing.links)
    seen = {_identity(path) for path in listing.images if path not in links}
    for path in sorted(links):
        if _identity(path) in seen:
            listing.linked_images.append(path)
        seen.add(_identity(path))


def _identity(path: Path) -> _Identity:
    try:
        found = path.stat()
    except OSError:
        return (-1, hash(path))
    return found.st_dev, found.st_ino


def _scan(folder: Path) -> list[os.DirEntry[str]]:
    try:
        with os.scandir(folder) as entries:
            return list(entries)
    except OSError as error:
        raise UserError(f"The folder {folder} cannot be listed: {error.strerror}.") from error
