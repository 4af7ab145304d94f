"""Checkpoint files, written atomically so that they survive kills and power failures.

A checkpoint of step 50 consists of `step-50.data-...` and `step-50.index`. TensorFlow writes both
into a hidden folder beside them. Then they are flushed to the disk and renamed, the index last, so
that a checkpoint with an index is complete. The newest checkpoint is the one with the highest step.
TensorFlow by itself would write the index in place, and not flush the files to the disk. The file
`checkpoint` is the list that `tf.train.latest_checkpoint` reads.
"""

from __future__ import annotations

import re
import shutil
from pathlib import Path

import tensorflow as tf

from pix2pix_tf.utils.errors import UserError
from pix2pix_tf.utils.files import fsync, write_text, writing
from pix2pix_tf.utils.text import readable

LIST = "checkpoint"
_INDEX = re.compile(r"([a-z]+)-(\d+)\.index")
# Temporary folders and incomplete files that a killed process can leave.
_LEFT_BEHIND = re.compile(r"\.[a-z]+-\d+\.partial|[a-z]+-\d+_temp|\.?checkpoint\..*tmp.*")
_DATA = re.compile(r"([a-z]+-\d+)\.data-\d+-of-\d+")


def saved_steps(folder: Path) -> list[int]:
    """Returns the steps of the checkpoints in a folder, in ascending order."""
    names = [file.name for file in folder.iterdir()] if folder.is_dir() else []
    return sorted(int(match[2]) for match in map(_INDEX.fullmatch, names) if match)


def check_path(folder: Path) -> None:
    """Checks that TensorFlow can read and write files in a folder of this name.

    Raises:
        UserError: The path contains characters that TensorFlow takes for patterns, or is not UTF-8.
    """
    if set(str(folder)) & set("*?["):  # TensorFlow can write such paths, but not read them
        raise UserError(
            f"{folder}: TensorFlow takes a path with *, ? or [ for a pattern and reads no "
            "checkpoint there; rename the folder, or choose another"
        )
    if readable(str(folder)) != str(folder):
        raise UserError(
            f"{folder}: TensorFlow takes only paths in UTF-8, which this is not, or not by the "
            "locale that the command runs in; rename the folder, or choose another"
        )


def newest_step(folder: Path) -> int | None:
    """Returns the step of the newest checkpoint; None if none was written yet.

    Raises:
        UserError: A checkpoint is listed but missing; or TensorFlow cannot read the path.
    """
    check_path(folder)
    steps = saved_steps(folder)
    if not steps and (listed := listed_step(folder)) is not None:
        raise UserError(
            f"{folder}: lists a checkpoint of step {listed}, but holds none: put its files back, "
            "or start over with --fresh"
        )
    return steps[-1] if steps else None


def listed_step(folder: Path) -> int | None:
    """Returns the newest step in the list of checkpoints, even if its files do not exist.

    Returns:
        The step; None if there is no list.
    """
    try:
        text = (folder / LIST).read_text(encoding="utf-8", errors="replace")
    except FileNotFoundError:
        return None
    match = re.search(r'^model_checkpoint_path: ".*?(\d+)"', text, re.MULTILINE)
    return int(match[1]) if match else None


def write_checkpoint(
    checkpoint: tf.train.Checkpoint, folder: Path, step: int, keep: int, name: str = "step"
) -> None:
    """Writes a checkpoint, and then removes the oldest ones.

    Args:
        checkpoint: The variables to save.
        folder: The folder of checkpoints, created if it does not exist.
        step: The training step.
        keep: Number of checkpoints to keep, including this one.
        name: Prefix of the files' names, before the step.

    Raises:
        UserError: The checkpoint cannot be written; earlier checkpoints are unchanged.
    """
    prefix = f"{name}-{step}"
    partial = folder / f".{prefix}.partial"
    with writing(folder, f"checkpoint of {name} {step}, "):
        try:
            shutil.rmtree(partial, ignore_errors=True)
            partial.mkdir(parents=True)
            checkpoint.write(str(partial / prefix))
            data, index = (sorted(partial.glob(f"{prefix}.{kind}*")) for kind in ("data", "index"))
            for file in (*data, *index):
                fsync(file)
            for files in (data, index):
                for file in files:
                    file.replace(folder / file.name)
                fsync(folder)
        finally:
            shutil.rmtree(partial, ignore_errors=True)
        others = [other for other in saved_steps(folder) if other != step]
        kept = [*others[max(0, len(others) + 1 - keep) :], step]
        write_text(folder / LIST, _list_of([f"{name}-{other}" for other in kept]))
    for other in set(others) - set(kept):
        _remove(folder, f"{name}-{other}")


def _list_of(names: list[str]) -> str:
    paths = [f'model_checkpoint_path: "{names[-1]}"']
    paths += [f'all_model_checkpoint_paths: "{name}"' for name in names]
    return "\n".join(paths) + "\n"


def _remove(folder: Path, prefix: str) -> None:
    # The index is removed first: without it, the other files do not count as a checkpoint.
    (folder / f"{prefix}.index").unlink(missing_ok=True)
    for file in folder.glob(f"{prefix}.data-*"):
        file.unlink(missing_ok=True)


def remove_leftovers(folder: Path) -> None:
    """Removes the incomplete checkpoints of killed processes."""
    for path in folder.iterdir() if folder.is_dir() else ():
        data = _DATA.fullmatch(path.name)
        if data and not (folder / f"{data[1]}.index").exists():
            path.unlink(missing_ok=True)
        elif _LEFT_BEHIND.fullmatch(path.name):
            shutil.rmtree(path) if path.is_dir() else path.unlink(missing_ok=True)


def intact_steps(folder: Path, name: str = "step") -> list[int]:
    """Returns the steps of the checkpoints whose tensors can all be read; each has a checksum."""
    return [step for step in saved_steps(folder) if _is_intact(folder / f"{name}-{step}")]


def _is_intact(prefix: Path) -> bool:
    try:
        reader = tf.train.load_checkpoint(str(prefix))
        for tensor in reader.get_variable_to_shape_map():
            reader.get_tensor(tensor)
    except (tf.errors.OpError, RuntimeError, LookupError, ValueError):
        return False
    return True
