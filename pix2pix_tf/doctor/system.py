"""The machine: Python, processor, memory and disk."""

from __future__ import annotations

import platform
import shutil
import sys
from pathlib import Path

from pix2pix_tf.doctor.finding import Finding
from pix2pix_tf.utils.system import available_memory, cpu_count, cpu_name, total_memory
from pix2pix_tf.version import __version__

PYTHONS = ((3, 10), (3, 13))  # the oldest and the newest one that is supported
_LITTLE_DISK = 2 * 2**30  # a checkpoint of the paper's networks has half a gibibyte


def system_findings(
    folder: Path = Path(),
    python: tuple[int, int] = sys.version_info[:2],
    bits: int = 64 if sys.maxsize > 2**32 else 32,
) -> list[Finding]:
    """Returns the findings on the machine.

    Args:
        folder: The folder whose disk is meant.
        python: Version of Python, major and minor.
        bits: Bits of this Python's addresses.
    """
    return [
        Finding("system", "pix2pix-tf", __version__),
        _python(python, bits),
        Finding("system", "system", f"{platform.system()} {platform.release()}"),
        Finding("system", "processor", f"{cpu_name()}, {cpu_count()} cores", value=cpu_count()),
        _memory(total_memory(), available_memory()),
        _disk(folder, shutil.disk_usage(folder).free),
    ]


def _python(version: tuple[int, int], bits: int) -> Finding:
    oldest, newest = (".".join(map(str, each)) for each in PYTHONS)
    text = f"{platform.python_version()}, {bits} bits, {sys.executable}"
    if PYTHONS[0] <= version <= PYTHONS[1] and bits == 64:
        return Finding("system", "Python", text)
    advice = f"make an environment of Python {oldest} to {newest} of 64 bits"
    return Finding("system", "Python", text, "problem", advice)


def _memory(total: int | None, available: int | None) -> Finding:
    value = {"total": total, "available": available}
    text = f"{_gibibytes(total)}, of which {_gibibytes(available)} are free (with swap)"
    return Finding("system", "memory", text, value=value)


def _disk(folder: Path, free: int) -> Finding:
    text = f"{_gibibytes(free)} free in {folder.resolve()}"
    if free >= _LITTLE_DISK:
        return Finding("system", "disk", text, value=free)
    advice = "a run keeps several checkpoints: free some space, or train elsewhere, --run DIR"
    return Finding("system", "disk", text, "note", advice, free)


def _gibibytes(count: int | None) -> str:
    return "an unknown amount" if count is None else f"{count / 2**30:.1f} GiB"
