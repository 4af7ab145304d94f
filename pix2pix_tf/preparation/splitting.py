"""Division of a folder of pairs into train, val and test."""

from __future__ import annotations

import shutil
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

from pix2pix_tf.data.held_out import divide
from pix2pix_tf.data.layout.layout import Layout, LayoutSetting, find_layout
from pix2pix_tf.images.folder_names import SPLITS, read_name, renamed
from pix2pix_tf.preparation.geographic import LatitudeSplit
from pix2pix_tf.utils.errors import UserError
from pix2pix_tf.utils.files import atomic_directory, check_new_directory
from pix2pix_tf.utils.parallel import parallel_map


@dataclass(frozen=True)
class SplitResult:
    """The result of `split_folder`.

    Attributes:
        counts: The number of pairs of each split that has any.
        layout: The layout of the folder, in words.
        notes: Sentences about files that were not read.
    """

    counts: dict[str, int]
    layout: str
    notes: list[str]


def split_folder(
    folder: str | Path,
    output: str | Path | None,
    *,
    val: float = 0.1,
    test: float = 0.0,
    seed: int = 0,
    move: bool = False,
    setting: LayoutSetting = "auto",
    latitude: LatitudeSplit | None = None,
    advance: Callable[[int], None] = lambda total: None,
) -> SplitResult:
    """Divides pairs into splits by a hash of their names and a seed, or by latitude.

    By the hash, a pair stays in its split when others are added. By latitude (see
    `preparation.geographic`), pairs within the buffer are in no split and are neither copied nor
    moved.

    Side-by-side files go to SPLIT/..., those of A and B to A/SPLIT/... and B/SPLIT/..., or beside
    the folders of train if only those exist; names and sub-folders are kept. Copies appear only
    when all are written. Files are moved one by one, and moved back if one cannot be moved.

    Args:
        folder: Pairs without splits, or in train alone, see `pix2pix_tf.data.layout.layout`.
        output: A new folder; None for the folder itself, which requires `move`.
        val: The share of the validation pairs, in 0..1; at least one pair unless it is 0.
        test: The share of the test pairs, with the same rules.
        seed: The seed of the hashes; another seed gives another division.
        move: Whether files are moved rather than copied.
        setting: The layout to look for, see `find_layout`.
        latitude: The coordinates of the images and the distance between splits; None to divide by
            the hash.
        advance: Called after each file with the total number.

    Returns:
        The number of pairs of each split, the layout, and notes for the user.

    Raises:
        UserError: The shares leave no training pairs, the folder is split already or has no pairs,
            images have no counterpart, or a file or folder is in the way.
        OSError: A file cannot be copied or moved.
    """
    root = Path(folder)
    target = root if output is None else Path(output)
    if output is None and not move:
        raise UserError("--output: give a new folder for the copies, or --move to move the files")
    if not (0 <= val < 1 and 0 <= test < 1 and 0 < val + test < 1):
        raise UserError(
            f"--val {val:g}, --test {test:g}: expected shares of at least 0 that are together more "
            "than 0 and less than 1"
        )
    if output is not None:
        check_new_directory(target)
    layout = find_layout(root, setting)
    if layout.is_table:
        raise UserError(f"{root}: is a table of pairs: its column split says where each belongs")
    undivided = _undivided(layout)
    pairs = {pair.name: pair for pair in layout.pairs(undivided)}
    notes = layout.notes
    if latitude is None:
        divided = divide(list(pairs), {"val": val, "test": test}, "train", seed)
    else:
        divided, latitude_notes = latitude.divide(list(pairs.values()), val, test)
        notes = [*notes, *latitude_notes]
    folders = layout.splits[undivided].folders
    files = [
        (path, _split_path(layout.root, folder, split) / path.relative_to(folder))
        for split, names in divided.items()
        for pair in map(pairs.__getitem__, names)
        for path, folder in zip((pair.a, pair.b), folders, strict=False)
        if path is not None
    ]
    if move:
        _move(root, target, files, advance)
    else:
        _copy(target, files, advance)
    counts = {split: len(divided[split]) for split in SPLITS if divided.get(split)}
    return SplitResult(counts, layout.described, notes)


def _undivided(layout: Layout) -> str:
    """Returns the name of the only split: train, or "" without splits."""
    if not set(layout.splits) <= {"train", ""}:
        raise UserError(f"{layout.root} is split already: there is {', '.join(layout.splits)}")
    return next(iter(layout.splits))


def _split_path(root: Path, folder: Path, split: str) -> Path:
    """Returns the new folder of the files of a folder, relative to the new root."""
    inside = folder.relative_to(root)
    if any(read_name(part).split for part in inside.parts):
        return Path(*(renamed(part, split) for part in inside.parts))
    return inside / split


def _copy(target: Path, files: list[tuple[Path, Path]], advance: Callable[[int], None]) -> None:
    with atomic_directory(target) as aside:

        def copy(file: tuple[Path, Path]) -> None:
            source, relative = file
            (aside / relative).parent.mkdir(parents=True, exist_ok=True)
            shutil.copy2(source, aside / relative)

        parallel_map(copy, files, advance)


def _move(
    root: Path, target: Path, files: list[tuple[Path, Path]], advance: Callable[[int], None]
) -> None:
    real = root.resolve()
    for source, _ in files:
        if source.resolve() != real / source.relative_to(root):
            raise UserError(f"{source} is a link or lies behind one: copy, do not --move")
    moved: list[tuple[Path, Path]] = []
    try:
        for source, relative in files:
            goal = target / relative
            if goal != source:  # files of train/ may keep their path
                goal.parent.mkdir(parents=True, exist_ok=True)
                moved.append((source, goal))
                shutil.move(source, goal)
            advance(len(files))
    except BaseException:  # includes KeyboardInterrupt
        for source, goal in moved:
            if source.exists():  # the last file, which may be partly copied to another disk
                goal.unlink(missing_ok=True)
            else:
                shutil.move(goal, source)
        _remove_empty([goal.parent for _, goal in moved], target.parent)
        raise
    _remove_empty([source.parent for source, _ in files], root)


def _remove_empty(folders: list[Path], root: Path) -> None:
    """Removes empty folders, and their parents if these become empty, except the root."""
    for folder in sorted(set(folders), key=lambda path: -len(path.parts)):
        while folder != root and folder.is_dir() and not any(folder.iterdir()):
            folder.rmdir()
            folder = folder.parent
