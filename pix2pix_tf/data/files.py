"""Where image pairs lie on disk, found without leaving one out in silence.

A root folder holds its pairs in one of these layouts, never in two at once:

    SPLIT/*.png                     side by side: A is the left half of each file, B the right half
    SPLIT/A/*.png + SPLIT/B/*.png   two folders, within each split
    A/SPLIT/*.png + B/SPLIT/*.png   two folders, each with its splits
    *.png                           side by side, without splits
    A/*.png + B/*.png               two folders, without splits

*.png stands for any of `IMAGE_SUFFIXES` in upper or lower case, at any depth. Files of A and B that
have the same path without suffix are a pair, so A/1.jpg goes with B/1.png. Folders below a
side-by-side folder may have any name but A and B and, without splits, those of `SPLITS`.
"""

from __future__ import annotations

import os
import re
from collections import Counter
from collections.abc import Collection, Iterable, Iterator
from dataclasses import dataclass
from pathlib import Path

import numpy as np

from pix2pix_tf.data.images import (
    IMAGE_SUFFIXES,
    decode_image,
    image_depth,
    read_image,
    to_channels,
)
from pix2pix_tf.errors import UserError

SPLITS = ("train", "val", "test")  # folders that are never part of a layout without splits

_SIDES = ("A", "B")
_NAMED_AT_MOST = 10
_ACCEPTED = (
    "Accepted are SPLIT/*.png or *.png side by side (A left, B right), or the folders "
    "SPLIT/A + SPLIT/B, A/SPLIT + B/SPLIT or A + B."
)
_WAYS_OUT = f"Files must end in {', '.join(IMAGE_SUFFIXES)}: convert them, or name another folder."


@dataclass(frozen=True)
class PairFiles:
    """The file or the two files that hold one pair.

    name: the path without suffix, relative to the folder of the layout, '/'-separated, unique.
    a, b: the two images; b is None for one side-by-side file, A its left half and B its right half.
    """

    name: str
    a: Path
    b: Path | None


def find_split(root: Path, split: str) -> list[PairFiles] | None:
    """The pairs of one split in natural order of their names, None when root has no such split.

    Raises `UserError` when root is missing, when the split is there but has no images, has two
    layouts at once, only one of A and B, or files without a mate.
    """
    root = _existing(root)
    folders = [(root / split / "A", root / split / "B"), (root / "A" / split, root / "B" / split)]
    if not any(folder.is_dir() for folder in (root / split, *folders[1])):
        return None
    return _find(root / split, folders, leave_out=())


def find_flat(root: Path) -> list[PairFiles]:
    """The pairs that lie in root without split folders; folders named as `SPLITS` are left out.

    Order and errors are those of `find_split`.
    """
    root = _existing(root)
    return _find(root, [(root / "A", root / "B")], leave_out=SPLITS)


def list_images(folder: Path) -> list[Path]:
    """The images below a folder at any depth, in natural order of their paths (img2 before img10).

    Hidden files and folders (.name, __MACOSX) are left out, linked folders are entered. Raises
    `UserError` for a folder that cannot be listed.
    """
    return _images(folder, leave_out=())


def read_pair(files: PairFiles, channels_a: int, channels_b: int) -> tuple[np.ndarray, np.ndarray]:
    """Read A as [H, W, channels_a] and B as [H, W, channels_b], each uint8 or uint16 as its file.

    A and B of two files may differ in size, not in shape. Raises `UserError` for a side-by-side
    file of odd width, for aspect ratios more than 2% apart, and for files that cannot be read.
    """
    if files.b is None:
        both = decode_image(files.a)
        refuse_misfit(files, both.shape[:2], both.shape[:2])
        middle = both.shape[1] // 2
        return to_channels(both[:, :middle], channels_a), to_channels(both[:, middle:], channels_b)
    a, b = read_image(files.a, channels_a), read_image(files.b, channels_b)
    refuse_misfit(files, a.shape[:2], b.shape[:2])
    return a, b


def refuse_misfit(files: PairFiles, size_a: tuple[int, ...], size_b: tuple[int, ...]) -> None:
    """Checks that a pair's sizes (height, width) make it one; of one file both are its own.

    Raises `UserError` as `read_pair` does.
    """
    if files.b is not None:
        _refuse_other_shape(files.a, files.b, size_a, size_b)
    elif size_a[1] % 2:
        raise UserError(
            f"{files.a} is {size_a[1]} pixels wide: a side-by-side pair has an even width, A in "
            "the left half and B in the right half."
        )


def pair_depth(files: PairFiles) -> np.dtype:
    """uint8 or uint16, the wider of the pair's two sides, from the files' headers alone."""
    if files.b is None:
        return image_depth(files.a)
    return np.promote_types(image_depth(files.a), image_depth(files.b))


def _refuse_other_shape(
    path_a: Path, path_b: Path, size_a: tuple[int, ...], size_b: tuple[int, ...]
) -> None:
    (height_a, width_a), (height_b, width_b) = size_a, size_b
    # Ratios by their cross products: in whole numbers exactly 2% is still accepted.
    smaller, larger = sorted((width_a * height_b, width_b * height_a))
    if 100 * larger > 102 * smaller:
        raise UserError(
            f"{path_a} is {width_a}×{height_a} (width×height) and its mate {path_b} is "
            f"{width_b}×{height_b}: their shapes differ by more than 2%, crop one to match."
        )


def _find(
    beside: Path, folders: list[tuple[Path, Path]], leave_out: Collection[str]
) -> list[PairFiles]:
    """The pairs of the one layout present: images below `beside` itself, or a couple of folders."""
    reserved = (*_SIDES, *leave_out)
    images = _images(beside, reserved) if beside.is_dir() else []
    couples = [(a, b) for a, b in folders if a.is_dir() or b.is_dir()]
    _refuse_two_layouts(beside, images, couples)
    if couples:
        return _mates(*couples[0], leave_out)
    if not images:
        raise UserError(_no_images([beside], leave_out))
    _refuse_deeper_layout(beside, images, reserved)
    return [PairFiles(name, path, None) for name, path in _by_name(beside, images).items()]


def _refuse_two_layouts(beside: Path, images: list[Path], couples: list[tuple[Path, Path]]) -> None:
    present = [f"the folders {' and '.join(str(f) for f in c if f.is_dir())}" for c in couples]
    if images:
        present.insert(0, f"{_count(len(images), 'side-by-side image')} in {beside}")
    if len(present) > 1:
        raise UserError(
            f"Pairs are there in two layouts, {' and in '.join(present[:2])}: remove one of them."
        )


def _refuse_deeper_layout(folder: Path, images: list[Path], reserved: Collection[str]) -> None:
    """A folder above the real root would mix its splits, or take A's images for pairs."""
    for path in images:
        for parent in path.parents[: len(path.relative_to(folder).parts) - 1]:
            if parent.name in reserved:
                raise UserError(
                    f"{path} cannot be a side-by-side pair of {folder}, since the folder "
                    f"{parent.name} belongs to another layout: give {parent.parent} as the root, "
                    "or rename that folder."
                )


def _mates(folder_a: Path, folder_b: Path, leave_out: Collection[str]) -> list[PairFiles]:
    for folder, other in ((folder_a, folder_b), (folder_b, folder_a)):
        if not folder.is_dir():
            raise UserError(
                f"{other} is there but its counterpart {folder} is not: A and B go together."
            )
    a, b = (_by_name(f, _images(f, leave_out)) for f in (folder_a, folder_b))
    if not a and not b:
        raise UserError(_no_images([folder_a, folder_b], leave_out))
    _refuse_unmatched(
        folder_a, folder_b, [n for n in a if n not in b], [n for n in b if n not in a]
    )
    return [PairFiles(name, path, b[name]) for name, path in a.items()]


def _refuse_unmatched(folder_a: Path, folder_b: Path, only_a: list[str], only_b: list[str]) -> None:
    sides = ((folder_a, only_a), (folder_b, only_b))
    unmatched = [f"{len(names)} of {folder} ({_some(names)})" for folder, names in sides if names]
    if unmatched:
        raise UserError(
            f"Images without a mate of the same path without suffix: {' and '.join(unmatched)}; "
            "add their mates or remove them."
        )


def _by_name(folder: Path, images: Iterable[Path]) -> dict[str, Path]:
    """Images by path without suffix, which no two of them may share."""
    named: dict[str, Path] = {}
    for path in images:
        name = path.relative_to(folder).with_suffix("").as_posix()
        if name in named:
            raise UserError(
                f"{named[name]} and {path.name} have the same name without suffix: "
                "remove one of them."
            )
        named[name] = path
    return named


def _images(folder: Path, leave_out: Collection[str]) -> list[Path]:
    files = (f for f in _walk(folder, leave_out) if f.suffix.lower() in IMAGE_SUFFIXES)
    return sorted(files, key=lambda path: _natural(path.relative_to(folder).as_posix()))


def _natural(text: str) -> tuple[list[str | int], str]:
    """A sort key under which img2 precedes img10; the text itself settles img1 against img01."""
    parts = re.split(r"([0-9]+)", text)  # text and digits in turn, so equal places compare
    return [int(part) if k % 2 else part for k, part in enumerate(parts)], text


def _walk(
    folder: Path, leave_out: Collection[str] = (), above: frozenset[Path] = frozenset()
) -> Iterator[Path]:
    """Every file below a folder but hidden ones and the folders left out at the top."""
    real = folder.resolve()
    if real in above:  # a link back up
        return
    for entry in _entries(folder):
        if not entry.is_dir():
            yield folder / entry.name  # broken links too: whoever reads one learns of it
        elif entry.name not in leave_out:
            yield from _walk(folder / entry.name, above=above | {real})


def _entries(folder: Path) -> list[os.DirEntry[str]]:
    try:
        with os.scandir(folder) as entries:
            return [e for e in entries if not e.name.startswith(".") and e.name != "__MACOSX"]
    except OSError as error:
        raise UserError(f"The folder {folder} cannot be listed: {error.strerror}.") from error


def _existing(root: Path) -> Path:
    root = Path(root)
    if root.is_dir():
        return root
    looked_for = root.absolute()
    if root.exists():
        raise UserError(f"{looked_for} is a file, not a folder of image pairs.\n{_ACCEPTED}")
    parent = next((folder for folder in looked_for.parents if folder.is_dir()), Path.cwd())
    raise UserError(
        f"There is no folder {looked_for}.\n"
        f"The nearest that exists is {parent}, with {_contents(parent)}.\n{_ACCEPTED}"
    )


def _contents(folder: Path) -> str:
    """What lies directly in a folder; sub-folders with images in them are marked."""
    entries = _entries_if_readable(folder)
    folders = sorted((e.name for e in entries if e.is_dir()), key=_natural)
    shown = [
        f"{name} (images)" if any(map(_is_image, _entries_if_readable(folder / name))) else name
        for name in folders[:_NAMED_AT_MOST]  # looking into more could take long
    ]
    images = sum(map(_is_image, entries))
    found = [f"the sub-folders {_some(shown + folders[_NAMED_AT_MOST:])}"] if folders else []
    if images:
        found.append(_count(images, "image"))
    return " and ".join(found) or "neither sub-folders nor images"


def _entries_if_readable(folder: Path) -> list[os.DirEntry[str]]:
    try:
        return _entries(folder)
    except UserError:  # only a hint is lost
        return []


def _is_image(entry: os.DirEntry[str]) -> bool:
    return Path(entry.name).suffix.lower() in IMAGE_SUFFIXES and not entry.is_dir()


def _no_images(folders: list[Path], leave_out: Collection[str]) -> str:
    found = "; ".join(
        f"{folder.absolute()} has {_instead(folder, leave_out)}" for folder in folders
    )
    return f"No image pairs were found: {found}. {_WAYS_OUT}"


def _instead(folder: Path, leave_out: Collection[str]) -> str:
    """For instance "12 files ending .txt, .mat and the split folders train, val"."""
    endings = Counter(f.suffix.lower() or "(no suffix)" for f in _walk(folder, leave_out))
    names = sorted((e.name for e in _entries(folder) if e.is_dir()), key=_natural)
    splits = [name for name in names if name in leave_out]
    found = []
    if endings:
        commonest_first = sorted(endings, key=lambda ending: (-endings[ending], ending))
        found.append(f"{_count(endings.total(), 'file')} ending {_some(commonest_first)}")
    elif names and not splits:
        found.append(f"only empty folders ({_some(names)})")
    if splits:
        found.append(f"the split folders {', '.join(splits)}")
    return " and ".join(found) or "nothing in it"


def _some(names: list[str]) -> str:
    more = len(names) - _NAMED_AT_MOST
    return ", ".join(names[:_NAMED_AT_MOST]) + (f" and {more} more" if more > 0 else "")


def _count(number: int, thing: str) -> str:
    return f"{number} {thing}{'' if number == 1 else 's'}"
