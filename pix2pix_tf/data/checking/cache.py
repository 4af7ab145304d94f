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
import sqlite3
import threading
import time
from pathlib import Path
from typing import Any

import numpy as np
import PIL

from pix2pix_tf.data.checking.inspection import ImageInfo
from pix2pix_tf.images.georeference import Georeference
from pix2pix_tf.images.image_file import Reading
from pix2pix_tf.version import __version__

# Two writes within the clock resolution of some file systems leave a file with the same time stamp.
_SETTLED_NS = 2 * 10**9

_RECORD = 4  # the version of the format of an entry; it is raised when the content changes
Stamp = tuple[int, int]  # size in bytes, time of the last change in nanoseconds
_CONTENT = ""  # the key of the entry with what a file holds; others count values outside a range
_SELECT = "SELECT entry FROM facts WHERE path = ? AND key = ?"
_TABLES = """
CREATE TABLE IF NOT EXISTS versions (text TEXT);
CREATE TABLE IF NOT EXISTS facts (path BLOB, key TEXT, entry TEXT, PRIMARY KEY (path, key));
"""


class InspectionCache:
    """The content of the sound files of one dataset, by path, size and time of the last change.

    It is a database, so that a million files are neither read nor written at once. A damaged or
    unwritable cache is ignored, since losing it only costs time.
    """

    def __init__(self, root: Path) -> None:
        """Opens the cache of the dataset in the folder `root`."""
        self._started = time.time_ns()
        self._lock = threading.Lock()
        self._added: list[tuple[bytes, str, str]] = []
        self._database = _open_database(_cache_file(root))

    def get(self, path: Path, reading: Reading) -> ImageInfo | None:
        """Returns what a file holds; None if it is not in the cache or has changed.

        Args:
            path: The file.
            reading: The number of channels, the order of axes and the values for no data that are
                asked for. What was found by other channels and axes counts for colours only, which
                do not depend on them.
        """
        entry = self._entry(path, _CONTENT)
        if entry is None or tuple(entry[:2]) != _stamp(path):
            return None
        try:
            image, known = _image_info(entry), _asked(reading)
            own = entry[-1] == known if image.colour_mode == "bands" else entry[-1][2] == known[2]
        except (ValueError, TypeError, LookupError):  # damaged
            return None
        return image if own else None

    def stamp(self, path: Path) -> Stamp | None:
        """Returns size and time of the last change of a file; None if it does not exist.

        It must be taken before the file is opened.
        """
        return _stamp(path)

    def add(self, path: Path, stamp: Stamp | None, info: ImageInfo, reading: Reading) -> None:
        """Adds what a file holds if it last changed over 2 seconds before the cache was opened.

        Args:
            path: The file.
            stamp: The result of `stamp` from before the file was opened.
            info: What the file holds.
            reading: The number of channels and the order of axes that were asked for.
        """
        self._add(path, _CONTENT, stamp, _entry(stamp, info, reading) if stamp else [])

    def counts(self, path: Path, key: str) -> tuple[list[int], Any] | None:
        """Returns the numbers that were added by `add_counts`; None if the file has changed.

        Args:
            path: The file.
            key: What the numbers depend on beside the file.
        """
        entry = self._entry(path, key)
        if entry is None or len(entry) != 4 or tuple(entry[:2]) != _stamp(path):
            return None
        return entry[2], entry[3]

    def add_counts(
        self, path: Path, stamp: Stamp | None, key: str, outside: list[int], values: Any
    ) -> None:
        """Adds how many values of a file lie outside a range, see `add`.

        Args:
            path: The file.
            stamp: The result of `stamp` from before the file was opened.
            key: What the numbers depend on beside the file.
            outside: The number of values outside, of each channel.
            values: The number of values of a channel.
        """
        self._add(path, key, stamp, [*(stamp or ()), outside, values])

    def save(self) -> None:
        """Writes what was added; errors of the database are ignored."""
        with contextlib.suppress(sqlite3.Error), self._lock:
            added, self._added = self._added, []
            if self._database is not None and added:
                with self._database:
                    self._database.executemany("REPLACE INTO facts VALUES (?, ?, ?)", added)

    def close(self) -> None:
        """Writes what was added and closes the database."""
        self.save()
        if self._database is not None:
            self._database.close()

    def _add(self, path: Path, key: str, stamp: Stamp | None, entry: list[Any]) -> None:
        if stamp is not None and stamp[1] < self._started - _SETTLED_NS:
            self._added.append((_absolute(path), key, json.dumps(entry)))

    def _entry(self, path: Path, key: str) -> list[Any] | None:
        """Returns an entry of a file; None if there is none, or the cache is damaged."""
        if self._database is None:
            return None
        try:
            with self._lock:
                found = self._database.execute(_SELECT, [_absolute(path), key]).fetchone()
            entry = json.loads(found[0]) if found else None
        except (sqlite3.Error, ValueError, TypeError, RecursionError):
            return None
        return entry if isinstance(entry, list) else None


def _absolute(path: Path) -> bytes:
    return os.fsencode(os.path.abspath(path))  # noqa: PTH100  resolve() reads the disk


def _versions() -> list[Any]:
    """Returns the versions that decide whether a file counts as sound, and that of an entry."""
    return [__version__, PIL.__version__, _RECORD]


def _entry(stamp: Stamp, info: ImageInfo, reading: Reading) -> list[Any]:
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
    nodata = list(
        dict.fromkeys(rule.value for rule in reading.nodata)
    )  # of halves, mostly the same
    return [reading.channels, reading.axes, nodata, reading.array]


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


def _cache_file(root: Path) -> Path | None:
    """Returns a file below XDG_CACHE_HOME, by default ~/.cache; None without a home directory."""
    try:
        cache_home = Path(os.environ.get("XDG_CACHE_HOME", ""))
        folder = cache_home if cache_home.is_absolute() else Path.home() / ".cache"
    except RuntimeError:
        return None
    digest = hashlib.sha256(os.fsencode(root.absolute())).hexdigest()[:16]
    return folder / "pix2pix-tf" / f"images-{digest}.sqlite"


def _open_database(file: Path | None) -> sqlite3.Connection | None:
    """Opens the database of a cache; a damaged one, or one of other versions, is emptied."""
    if file is None:
        return None
    with contextlib.suppress(OSError, sqlite3.Error, UnicodeError):
        file.parent.mkdir(parents=True, exist_ok=True)
        try:
            return _connect(file)
        except sqlite3.DatabaseError as error:
            if isinstance(error, sqlite3.OperationalError):  # locked, or not to be opened
                raise
            file.unlink()
            return _connect(file)
    return None


def _connect(file: Path) -> sqlite3.Connection:
    database = sqlite3.connect(file, check_same_thread=False)
    try:
        database.executescript(_TABLES)
        made_by = json.dumps(_versions())
        if database.execute("SELECT text FROM versions").fetchall() != [(made_by,)]:
            with database:
                database.execute("DELETE FROM facts")
                database.execute("DELETE FROM versions")
                database.execute("INSERT INTO versions VALUES (?)", [made_by])
    except sqlite3.Error:
        database.close()
        raise
    return database


def _stamp(path: Path) -> Stamp | None:
    try:
        status = path.stat()
    except (OSError, ValueError):
        return None
    return status.st_size, status.st_mtime_ns
