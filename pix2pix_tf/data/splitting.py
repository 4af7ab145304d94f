"""A folder of pairs divided into train, val and test."""

from __future__ import annotations

import hashlib
import shutil
from collections.abc import Callable
from pathlib import Path

from pix2pix_tf.data.files import SPLITS, PairFiles, find_flat
from pix2pix_tf.data.parallel import in_parallel
from pix2pix_tf.errors import UserError
from pix2pix_tf.staging import refuse_existing, written_aside


def split_folder(
    folder: str | Path,
    output: str | Path | None,
    *,
    val: float = 0.1,
    test: float = 0.0,
    seed: int = 0,
    move: bool = False,
    advance: Callable[[int], None] = lambda total: None,
) -> dict[str, int]:
    """Divides pairs at random, and always alike: by seed and names alone.

    Side-by-side files go to SPLIT/..., those of A and B to A/SPLIT/... and B/SPLIT/...; their
    names and sub-folders stay. Copies appear together when all are written. Files are moved one by
    one, and moved back if one cannot be.

    Args:
        folder: Pairs without splits: side-by-side files, or the folders A and B.
        output: A new folder; None, to move only: the folder itself.
        val: Share of the pairs in 0..1, rounded, but one pair at least unless it is 0.
        test: Likewise.
        seed: Another one divides otherwise.
        move: Whether files are moved rather than copied.
        advance: Called after each file with the number of all.

    Returns:
        Pairs of each split that has any.

    Raises:
        UserError: Shares that leave nothing to train on, a folder that is split already or has no
            pairs, names without a mate, something in the way.
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
        refuse_existing(target)
    _refuse_split(root)
    divided = _divide(find_flat(root), val, test, seed)
    files = [
        (path, _place(root, path, split, side))
        for split, pairs in divided.items()
        for pair in pairs
        for path, side in ((pair.a, "A" if pair.b else ""), (pair.b, "B"))
        if path is not None
    ]
    if move:
        _move(root, target, files, advance)
    else:
        _copy(target, files, advance)
    return {split: len(pairs) for split, pairs in divided.items()}


def _refuse_split(root: Path) -> None:
    for name in SPLITS:
        for folder in (root / name, root / "A" / name, root / "B" / name):
            if folder.exists():
                raise UserError(f"{root} is split already: there is {folder}")


def _divide(
    pairs: list[PairFiles], val: float, test: float, seed: int
) -> dict[str, list[PairFiles]]:
    """Pairs of each split in the order they came; splits without any are left out."""
    counts = {
        name: max(1, round(len(pairs) * share)) if share else 0
        for name, share in (("val", val), ("test", test))
    }
    held_out = sum(counts.values())
    if held_out >= len(pairs):
        raise UserError(
            f"{len(pairs)} pair{'s'[: len(pairs) != 1]}: {counts['val']} to validate and "
            f"{counts['test']} to test leave none to train on"
        )
    # By a hash of each name: no library's random numbers, which may change with its version.
    shuffled = sorted(pairs, key=lambda pair: _number(pair.name, seed))
    split_of = dict.fromkeys((pair.name for pair in pairs), "train")
    for position, pair in enumerate(shuffled[:held_out]):
        split_of[pair.name] = "val" if position < counts["val"] else "test"
    divided = {name: [p for p in pairs if split_of[p.name] == name] for name in SPLITS}
    return {name: found for name, found in divided.items() if found}


def _number(name: str, seed: int) -> bytes:
    return hashlib.sha256(f"{seed}/{name}".encode("utf-8", "surrogateescape")).digest()


def _place(root: Path, path: Path, split: str, side: str) -> Path:
    """Where a file belongs, relative to the new root."""
    return Path(side, split, path.relative_to(root / side))


def _copy(target: Path, files: list[tuple[Path, Path]], advance: Callable[[int], None]) -> None:
    with written_aside(target) as aside:

        def copy(file: tuple[Path, Path]) -> None:
            source, place = file
            (aside / place).parent.mkdir(parents=True, exist_ok=True)
            shutil.copy2(source, aside / place)

        in_parallel(copy, files, advance)


def _move(
    root: Path, target: Path, files: list[tuple[Path, Path]], advance: Callable[[int], None]
) -> None:
    real = root.resolve()
    for source, _ in files:
        if source.resolve() != real / source.relative_to(root):
            raise UserError(f"{source} is a link or lies behind one: copy, do not --move")
    moved: list[tuple[Path, Path]] = []
    try:
        for source, place in files:
            goal = target / place
            goal.parent.mkdir(parents=True, exist_ok=True)
            moved.append((source, goal))
            shutil.move(source, goal)
            advance(len(files))
    except BaseException:  # Ctrl-C too
        for source, goal in moved:
            if source.exists():  # the last one, perhaps half copied to another disk
                goal.unlink(missing_ok=True)
            else:
                shutil.move(goal, source)
        _remove_empty([goal.parent for _, goal in moved], target.parent)
        raise
    _remove_empty([source.parent for source, _ in files], root)


def _remove_empty(folders: list[Path], root: Path) -> None:
    """Removes those folders that are empty, and the ones above them, but not the root."""
    for folder in sorted(set(folders), key=lambda path: -len(path.parts)):
        while folder != root and folder.is_dir() and not any(folder.iterdir()):
            folder.rmdir()
            folder = folder.parent
