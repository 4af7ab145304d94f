"""A cache of inspections, so that an unchanged dataset is not decoded at every start.

It lies in the user's cache folder: what a file holds has nothing to do with the run that asks, and
a dataset's folder is the user's and may be read-only. Bad files are not kept, but opened anew.
"""

from __future__ import annotations

import contextlib
import hashlib
import json
import os
import time
from pathlib import Path
from typing import Any

import PIL

from pix2pix_tf.data.checking.inspection import ImageInfo
from pix2pix_tf.utils.files import write_text
from pix2pix_tf.version import __version__

# A file written twice within the resolution of some file systems' clocks has one and the same time.
_SETTLED_NS = 2 * 10**9

_RECORD = 2  # the version of an entry: another number for other content
_Stamp = tuple[int, int]  # bytes, and time of the last change in nanoseconds


class InspectionCache:
    """What the sound files of one dataset hold, by path, size and time of the last change.

    A damaged or unwritable cache is ignored: losing it costs time and nothing else.
    """

    def __init__(self, root: Path) -> None:
        """Reads the cache of the dataset in the folder `root`."""
        self._file = _cache_file(root)
        self._known = _read(self._file)
        self._started = time.time_ns()
        self._changed = False

    def get(self, path: Path) -> ImageInfo | None:
        """What a file holds; None where it is not in the cache or has changed."""
        entry = self._known.get(os.path.abspath(path))  # noqa: PTH100  resolve() asks the disk
        return _image_info(entry) if entry and tuple(entry[:2]) == _stamp(path) else None

    def stamp(self, path: Path) -> _Stamp | None:
        """A file's size and time of change, taken before it is opened; None if it is not there."""
        return _stamp(path)

    def add(self, path: Path, stamp: _Stamp | None, info: ImageInfo) -> None:
        """Adds what a file with this stamp holds, unless it was changed a moment ago."""
        if stamp is not None and stamp[1] < self._started - _SETTLED_NS:
            self._known[os.path.abspath(path)] = _entry(stamp, info)  # noqa: PTH100
            self._changed = True

    def save(self) -> None:
        """Writes the cache, where that is possible."""
        if self._file is None or not self._changed:
            return
        with contextlib.suppress(OSError, UnicodeError):
            self._file.parent.mkdir(parents=True, exist_ok=True)
            write_text(self._file, json.dumps({"made by": _versions(), "files": self._known}))


def _versions() -> list[Any]:
    """The versions of programs on which it depends whether a file is sound."""
    return [__version__, PIL.__version__, _RECORD]


def _entry(stamp: _Stamp, info: ImageInfo) -> list[Any]:
    """The entry of a file."""
    size = [info.height, info.width, info.bits, info.channels]
    return [*stamp, *size, info.colour_mode, info.halves]


def _image_info(entry: list[Any]) -> ImageInfo:
    height, width, bits, channels, colour_mode, halves = entry[2:]
    left, right = (tuple((low, high) for low, high in half) for half in halves)
    return ImageInfo(height, width, bits, channels, colour_mode, (left, right))


def _is_sound(entry: list[Any]) -> bool:
    """Whether what was read can be an entry; raises nearly any exception for some that cannot."""
    *numbers, colour_mode, (left, right) = entry
    values = [*numbers, *(value for low, high in (*left, *right) for value in (low, high))]
    channels = numbers[5]
    return (
        len(numbers) == 6
        and all(type(value) is int for value in values)
        and isinstance(colour_mode, str)
        and len(left) == len(right) == channels
    )


def _cache_file(root: Path) -> Path | None:
    """Below XDG_CACHE_HOME, or ~/.cache where that is not given; None where there is no home."""
    try:
        given = Path(os.environ.get("XDG_CACHE_HOME", ""))
        folder = given if given.is_absolute() else Path.home() / ".cache"
    except RuntimeError:
        return None
    digest = hashlib.sha256(os.fsencode(root.absolute())).hexdigest()[:16]
    return folder / "pix2pix-tf" / f"images-{digest}.json"


def _read(file: Path | None) -> dict[str, list[Any]]:
    try:
        content = json.loads(file.read_text(encoding="utf-8")) if file else {}
        known = content["files"] if content["made by"] == _versions() else {}
        return known if all(_is_sound(entry) for entry in known.values()) else {}
    except (OSError, ValueError, LookupError, TypeError, AttributeError, RecursionError):
        return {}


def _stamp(path: Path) -> _Stamp | None:
    try:
        found = path.stat()
    except (OSError, ValueError):
        return None
    return found.st_size, found.st_mtime_ns
