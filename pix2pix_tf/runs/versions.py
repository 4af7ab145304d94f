"""What a run was made with: the form of its folder, the seed, the packages of every session."""

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

# Raised when a program of before could misread what a new one writes into a run directory.
FORMAT = 1
# Those whose other versions can change a number.
_PACKAGES = ("tensorflow", "keras", "numpy", "pillow")


def check_format(file: Path) -> None:
    """Checks that this program understands the run; one without the file is of before there was it.

    Raises:
        UserError: A newer version made it, or the file is damaged.
    """
    made = _read(file)
    if made["format"] > FORMAT:
        sessions = made.get("sessions") or [{}]
        by = sessions[-1].get("pix2pix_tf", "a newer version")
        raise UserError(
            f"run {file.parent}: was made by a newer pix2pix-tf ({by}; its form is "
            f"{made['format']}, known here are those up to {FORMAT}): use that version or a newer "
            f"one; this is {__version__}"
        )


def record_session(file: Path, seed: int, step: int) -> list[str]:
    """Adds this session, and returns a sentence where it is not what the last one was.

    Args:
        file: The run's `versions.json`.
        seed: Of the training.
        step: That it goes on from.

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
        "those of a run never stopped"
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
