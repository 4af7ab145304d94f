"""Numbering of the versions of a served model."""

from __future__ import annotations

import re
from pathlib import Path

from pix2pix_tf.utils.errors import UserError


def next_version(model: Path) -> Path:
    """Returns the folder of the next version of a served model: MODEL/1, MODEL/2 and so on.

    Args:
        model: The folder of the model, which need not exist.

    Returns:
        The folder of the version, which does not exist yet.

    Raises:
        UserError: `model` exists and is not a folder of versions.
    """
    if not model.exists():
        return model / "1"
    numbers = [
        int(entry.name)
        for entry in (model.iterdir() if model.is_dir() else [])
        if entry.is_dir() and re.fullmatch("[0-9]+", entry.name)
    ]
    if not numbers and (not model.is_dir() or any(model.iterdir())):
        raise UserError(
            f"{model}: already exists and holds no versions of a served model; "
            "choose another --output or --name"
        )
    return model / str(max(numbers, default=0) + 1)
