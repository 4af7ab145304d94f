"""A cache of image inspections, so that an unchanged dataset is not decoded at every start.

It lies in the user's cache folder, because the content of a file does not depend on the run, and
the folder of the dataset belongs to the user and may be read-only. Bad files are not cached; they
are opened again each time.
"""

from __future__ import annotations

import contextlib
import hashlib
import json
import os
import time
from pathlib import Path
from typing import Any

import numpy as np
import PIL

from pix2pix_tf.data.checking.inspection import ImageInfo
from pix2pix_tf.images.georeference import Georeference
from pix2pix_tf.images.image_file import Reading
from pix2pix_tf.utils.files import write_text
from pix2pix_tf.version import __version__

# Two writes within the clock resolution of some file systems leave a file with the same time stamp.
_SETTLED_NS = 2 * 10**9

_RECORD = 4  # the version of the format of an entry; it is raised when the content changes
_Stamp = tuple[int, int]  # size in bytes, time of the last change in nanoseconds


class InspectionCache:
    """The content of the sound files of one dataset, by path, size and time of the last change.

    A damaged or unwritable cache is ignored, since losing it only costs time.
    """

    def __init__(self, root: Path) -> None:
        """Reads the cache of the dataset in the folder `root`."""
        self._file = _cache_file(root)
        self._known = _read(self._file)
        self._started = time.time_ns()
        self._changed = False

    def get(self, path: Path, reading: Reading) -> ImageInfo | None:
        """Returns what a file holds; None if it is not in the cache or has changed.

        Args:
            path: The file.
            reading: The number of channels, the order of axes and the values for no data that are
                asked for. What was found by other channels and axes counts for colours only, which
                do not depend on them.
        """
        entry = self._known.get(os.path.abspath(path))  # noqa: PTH100  resolve() reads the disk
        if not entry or tuple(entry[:2]) != _stamp(path):
            return None
        image, known = _image_info(entry), _asked(reading)
        own = entry[-1] == known if image.colour_mode == "bands" else entry[-1][-1] == known[-1]
        return image if own else None

    def stamp(self, path: Path) -> _Stamp | None:
        """Returns size and time of the last change of a file; None if it does not exist.

        It must be taken before the file is opened.
        """
        return _stamp(path)

    def add(self, path: Path, stamp: _Stamp | None, info: ImageInfo, reading: Reading) -> None:
        """Adds what a file holds if it last changed over 2 seconds before the cache was read.

        Args:
            path: The file.
            stamp: The result of `stamp` from before the file was opened.
            info: What the file holds.
            reading: The number of channels and the order of axes that were asked for.
        """
        if stamp is not None and stamp[1] < self._started - _SETTLED_NS:
            self._known[os.path.abspath(path)] = _entry(stamp, info, reading)  # noqa: PTH100
            self._changed = True

    def save(self) -> None:
        """Writes the cache; errors of the file system are ignored."""
        if self._file is None or not self._changed:
            return
        with contextlib.suppress(OSError, UnicodeError):
            self._file.parent.mkdir(parents=True, exist_ok=True)
            write_text(self._file, json.dumps({"made by": _versions(), "files": self._known}))


def _versions() -> list[Any]:
    """Returns the versions that decide whether a file counts as sound, and that of an entry."""
    return [__version__, PIL.__version__, _RECORD]


def _entry(stamp: _Stamp, info: ImageInfo, reading: Reading) -> list[Any]:
    """Returns the entry of a file as JSON values; `_image_info` is the inverse."""
    size, place = [info.height, info.width, info.channels], info.georeference
    return [
        *stamp,
        *size,
        info.dtype.name,
        info.colour_mode,
        info.halves,
        info.missing,
        None if place is None else [place.transform, list(place.keys.items())],
        _asked(reading),
    ]


def _asked(reading: Reading) -> list[Any]:
    """Returns what decides about the content of an entry, as JSON values."""
    return [reading.channels, reading.axes, [rule.value for rule in reading.nodata]]


def _image_info(entry: list[Any]) -> ImageInfo:
    height, width, channels, dtype, colour_mode, halves, missing, place, _ = entry[2:]
    left, right = (tuple((low, high) for low, high in half) for half in halves)
    return ImageInfo(
        height,
        width,
        np.dtype(dtype),
        channels,
        colour_mode,
        (left, right),
        (missing[0], missing[1]),
        None if place is None else _georeference(*place),
    )


def _georeference(transform: list[float] | None, keys: list[tuple[int, Any]]) -> Georeference:
    """Returns what pairs are compared by; the tags are not kept."""
    a, b, c, d, e, f = transform or [0.0] * 6
    plain = {key: tuple(value) if isinstance(value, list) else value for key, value in keys}
    return Georeference((a, b, c, d, e, f) if transform else None, plain, (), ())


def _is_sound(entry: list[Any]) -> bool:
    """Whether a JSON value is a valid entry; raises any of several exceptions for some others."""
    *numbers, dtype, colour_mode, (left, right), missing, _, reading = entry
    _image_info(entry)  # raises an error for a damaged georeference
    values = [value for low, high in (*left, *right) for value in (low, high)]
    return (
        len(numbers) == 5
        and all(type(value) is int for value in numbers)
        and all(type(value) in (int, float) for value in values)
        and np.dtype(dtype).kind in "uif"
        and isinstance(colour_mode, str)
        and len(left) == len(right) == numbers[4]
        and all(type(count) is int for count in missing)
        and isinstance(reading, list)
        and len(reading) == 3
    )


def _cache_file(root: Path) -> Path | None:
    """Returns a file below XDG_CACHE_HOME, by default ~/.cache; None without a home directory."""
    try:
        cache_home = Path(os.environ.get("XDG_CACHE_HOME", ""))
        folder = cache_home if cache_home.is_absolute() else Path.home() / ".cache"
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
        status = path.stat()
    except (OSError, ValueError):
        return None
    return status.st_size, status.st_mtime_ns
