"""versions.json of a run or a segmenter: folder format, seed, and packages of every session."""

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

# Increased when the folder changes in a way that an older or newer program would misread.
FORMAT = 2
# Packages whose version can affect numerical results.
_PACKAGES = ("tensorflow", "keras", "numpy", "pillow")


def check_format(file: Path, kind: str) -> None:
    """Checks that this version of the program can read a folder.

    Args:
        file: The folder's `versions.json`; it does not exist before the first training.
        kind: The kind of the folder, `run` or `segmenter`.

    Raises:
        UserError: The folder was written in another format, or the file is damaged.
    """
    content = _read(file)
    if content["format"] == FORMAT:
        return
    sessions = content["sessions"] or [{}]
    by = sessions[-1].get("pix2pix_tf", "unknown")
    age, remedy = (
        ("a newer", "use that version or a newer one")
        if content["format"] > FORMAT
        else ("an older", f"use that version, or train the {kind} again with this one")
    )
    raise UserError(
        f"{kind} {file.parent}: was made by {age} pix2pix-tf ({by}, {kind} format "
        f"{content['format']}; this is {__version__}, {kind} format {FORMAT}): {remedy}"
    )


def record_session(file: Path, seed: int, step: int) -> list[str]:
    """Adds an entry for this session.

    Args:
        file: The run's `versions.json`.
        seed: The training's random seed.
        step: The step that the session starts from.

    Returns:
        Notes about packages that have changed since the last session.

    Raises:
        UserError: The file cannot be written.
    """
    content = _read(file)
    now = {
        "step": step,
        "began": datetime.now(timezone.utc).isoformat(timespec="seconds"),
        **_current_versions(),
    }
    # One line per session, since a run may have many.
    lines = ",\n  ".join(
        strict_json(session, indent=None) for session in (*content["sessions"], now)
    )
    text = f'{{\n "format": {FORMAT},\n "seed": {seed},\n "sessions": [\n  {lines}\n ]\n}}\n'
    write_text(file, text)
    return [note for last in content["sessions"][-1:] for note in _changes(last, now)]


def _current_versions() -> dict[str, str]:
    return {
        "pix2pix_tf": __version__,
        "python": platform.python_version(),
        **{name: _version(name) for name in _PACKAGES},
        "platform": platform.platform(),
    }


def _version(package: str) -> str:
    try:
        return version(package)
    except PackageNotFoundError:  # for example, TensorFlow installed under another package name
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
        content = json.loads(file.read_text(encoding="utf-8"))
    except FileNotFoundError:
        return {"format": FORMAT, "sessions": []}
    except ValueError as error:
        raise UserError(f"{file}: is damaged ({error}); move it away to go on") from None
    if not isinstance(content, dict) or not isinstance(content.get("format"), int):
        raise UserError(f"{file}: is damaged (it has no format); move it away to go on")
    content.setdefault("sessions", [])
    return content
