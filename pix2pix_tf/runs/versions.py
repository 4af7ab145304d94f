"""versions.json of a run or a segmenter: folder format, seed, the packages of every session."""

from __future__ import annotations

import json
import platform
from datetime import datetime, timezone
from importlib.metadata import PackageNotFoundError, version
from pathlib import Path
from typing import Any

from pix2pix_tf.utils.errors import UserError
from pix2pix_tf.utils.files import write_text
from pix2pix_tf.utils.strict_json import strict_json
from pix2pix_tf.version import __version__

# Raised when such a folder changes so that an older or newer program would misread it.
FORMAT = 2
# Those whose other versions can change a number.
_PACKAGES = ("tensorflow", "keras", "numpy", "pillow")


def check_format(file: Path, kind: str) -> None:
    """Checks that this version reads a folder; one that was not trained yet has no such file.

    Args:
        file: The folder's `versions.json`.
        kind: What the folder is: `run` or `segmenter`.

    Raises:
        UserError: A version with another format made it, or the file is damaged.
    """
    made = _read(file)
    if made["format"] == FORMAT:
        return
    sessions = made["sessions"] or [{}]
    by = sessions[-1].get("pix2pix_tf", "unknown")
    age, remedy = (
        ("a newer", "use that version or a newer one")
        if made["format"] > FORMAT
        else ("an older", f"use that version, or train the {kind} again with this one")
    )
    raise UserError(
        f"{kind} {file.parent}: was made by {age} pix2pix-tf ({by}, {kind} format "
        f"{made['format']}; this is {__version__}, {kind} format {FORMAT}): {remedy}"
    )


def record_session(file: Path, seed: int, step: int) -> list[str]:
    """Adds this session, and returns a note if packages have changed since the last one.

    Args:
        file: The run's `versions.json`.
        seed: The training's random seed.
        step: The step that the session starts from.

    Raises:
        UserError: The file cannot be written.
    """
    made = _read(file)
    now = {
        "step": step,
        "began": datetime.now(timezone.utc).isoformat(timespec="seconds"),
        **_present(),
    }
    # A session a line: a run may have many.
    lines = ",\n  ".join(strict_json(session, indent=None) for session in (*made["sessions"], now))
    text = f'{{\n "format": {FORMAT},\n "seed": {seed},\n "sessions": [\n  {lines}\n ]\n}}\n'
    write_text(file, text)
    return [note for last in made["sessions"][-1:] for note in _changes(last, now)]


def _present() -> dict[str, str]:
    return {
        "pix2pix_tf": __version__,
        "python": platform.python_version(),
        **{name: _version(name) for name in _PACKAGES},
        "platform": platform.platform(),
    }


def _version(package: str) -> str:
    try:
        return version(package)
    except PackageNotFoundError:  # such as tensorflow under another name
        return "unknown"


def _changes(before: dict[str, Any], now: dict[str, Any]) -> list[str]:
    words = [
        f"{name} {now[name]} (was {before[name]})"
        for name in (*_PACKAGES, "platform")
        if before.get(name) not in (None, now[name])
    ]
    if not words:
        return []
    return [
        f"now with {', '.join(words)}: from here on the numbers may differ in their last bits from "
        "those of an uninterrupted run"
    ]


def _read(file: Path) -> dict[str, Any]:
    try:
        made = json.loads(file.read_text(encoding="utf-8"))
    except FileNotFoundError:
        return {"format": FORMAT, "sessions": []}
    except ValueError as error:
        raise UserError(f"{file}: is damaged ({error}); move it away to go on") from None
    if not isinstance(made, dict) or not isinstance(made.get("format"), int):
        raise UserError(f"{file}: is damaged (it has no format); move it away to go on")
    made.setdefault("sessions", [])
    return made
