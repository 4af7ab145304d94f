"""The operating system: memory, processors and signals.

Functions return None for what the system does not report. Only the standard library is imported.
"""

from __future__ import annotations

import contextlib
import os
import platform
import re
import signal
import sys
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

_PROC, _CGROUPS = Path("/proc"), Path("/sys/fs/cgroup")

# Signals that request a program to exit, and the signal of a broken pipe. Windows has neither
# SIGHUP nor SIGPIPE.
STOP_SIGNALS = tuple(
    signal.Signals[name]
    for name in ("SIGTERM", "SIGINT", "SIGHUP")
    if name in signal.Signals.__members__
)
CLOSED_PIPE = signal.Signals.__members__.get("SIGPIPE", signal.SIGTERM)


def available_memory(proc: Path = _PROC, cgroups: Path = _CGROUPS) -> int | None:
    """Bytes of memory and swap that this process can still allocate; None if unknown.

    The minimum of the machine's free memory and of what remains below the limits of the process'
    control groups (its container) and of its address space.

    Args:
        proc: Mount point of Linux's process file system.
        cgroups: Mount point of the control groups, used unless `proc` names another one.
    """
    swap = _meminfo(proc, "SwapFree") or 0
    free = _meminfo(proc, "MemAvailable")
    machine = _windows_memory("ullAvailPageFile") if free is None else free + swap
    limits = [group.available(swap) for group in _control_groups(proc, cgroups)]
    return min(
        (n for n in (machine, *limits, _available_addresses(proc)) if n is not None), default=None
    )


def total_memory(proc: Path = _PROC, cgroups: Path = _CGROUPS) -> int | None:
    """Maximal number of bytes of memory that this process may use; None if unknown.

    The machine's memory, or a lower limit of the process' control groups or address space.

    Args:
        proc: Mount point of Linux's process file system.
        cgroups: Mount point of the control groups, used unless `proc` names another one.
    """
    machine = _meminfo(proc, "MemTotal") or _physical_memory()
    limits = [group.limit for group in _control_groups(proc, cgroups)]
    return min((n for n in (machine, *limits, _address_limit()) if n is not None), default=None)


def peak_memory() -> int | None:
    """Peak memory of this process in bytes; None if unknown."""
    # getrusage is only the fallback, since its value starts at the memory of the parent process.
    found = re.search(r"VmHWM:\s*(\d+) kB", _text(_PROC / "self/status"))
    if found:
        return int(found[1]) * 1024
    try:
        import resource
    except ImportError:
        return None
    peak = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
    return peak if sys.platform == "darwin" else peak * 1024


def cpu_count() -> int:
    """Number of processor cores that this process may use."""
    if hasattr(os, "sched_getaffinity"):
        return len(os.sched_getaffinity(0))
    return os.cpu_count() or 1


def load_average() -> float | None:
    """Load average of the last minute; None if unknown."""
    with contextlib.suppress(AttributeError, OSError):
        return os.getloadavg()[0]
    return None


def cpu_name() -> str:
    """Name of the processor."""
    found = re.search(r"^model name\s*: (.+)$", _text(_PROC / "cpuinfo"), re.MULTILINE)
    return found[1] if found else platform.processor() or platform.machine()


def cpu_has_feature(feature: str) -> bool:
    """Whether the processor has a feature, given by its Linux name; False if unknown."""
    return feature in _text(_PROC / "cpuinfo").split()


@dataclass(frozen=True)
class _ControlGroup:
    """Limits and usage of a memory control group, of version 1 or 2.

    Attributes:
        limit: Maximal bytes of memory of all its processes; None if unlimited.
        used: Bytes of memory in use, without cached files, which the system can evict.
        swap: Remaining bytes of swap; None if unlimited.
        both: Remaining bytes of memory and swap together; None if unlimited.
    """

    limit: int | None
    used: int
    swap: int | None
    both: int | None

    def available(self, swap: int) -> int | None:
        """Bytes that its processes can still allocate; None if unlimited.

        Args:
            swap: Bytes of swap that are free on the machine.
        """
        if self.limit is None:
            return self.both
        swap = swap if self.swap is None else min(swap, self.swap)
        available = max(self.limit - self.used, 0) + swap
        return available if self.both is None else min(available, self.both)


def _control_groups(proc: Path, cgroups: Path) -> Iterator[_ControlGroup]:
    """Yields the memory control group of this process and its visible parents."""
    for line in _text(proc / "self/cgroup").splitlines():
        number, _, rest = line.partition(":")
        controllers, _, path = rest.partition(":")
        if number == "0" and not controllers:
            for folder in _folders(*_mount(proc, "cgroup2", "", cgroups), path):
                yield _version_2(folder)
        elif "memory" in controllers.split(","):
            for folder in _folders(*_mount(proc, "cgroup", "memory", cgroups / "memory"), path):
                yield _version_1(folder)


def _mount(proc: Path, kind: str, controller: str, default: Path) -> tuple[Path, str]:
    """Mount point of the control groups of a kind, and the group that is mounted as its root."""
    for line in _text(proc / "self/mountinfo").splitlines():
        mount, _, file_system = line.partition(" - ")
        mount_fields, type_fields = mount.split(), file_system.split()
        if len(mount_fields) < 5 or len(type_fields) < 3 or type_fields[0] != kind:
            continue
        if not controller or controller in type_fields[2].split(","):
            return Path(_unescaped(mount_fields[4])), _unescaped(mount_fields[3])
    return default, "/"


def _unescaped(path: str) -> str:
    """Decodes a path of mountinfo, in which a space is written as \\040."""
    return re.sub(r"\\([0-7]{3})", lambda match: chr(int(match[1], 8)), path)


def _folders(mounted: Path, top: str, path: str) -> list[Path]:
    """Folders of a control group and of its parents, as far as they are visible in `mounted`."""
    if path != top and not path.startswith(f"{top.rstrip('/')}/"):
        path = top  # in a container that sees only its own group
    below = [part for part in path[len(top) :].split("/") if part]
    if ".." in below:
        below = []
    return [mounted.joinpath(*below[:count]) for count in range(len(below), -1, -1)]


def _version_2(folder: Path) -> _ControlGroup:
    used, limit = _number(folder / "memory.swap.current"), _number(folder / "memory.swap.max")
    cache = _cache(folder, "")
    return _ControlGroup(
        limit=_number(folder / "memory.max"),
        used=max((_number(folder / "memory.current") or 0) - cache, 0),
        swap=None if limit is None else max(limit - (used or 0), 0),
        both=None,
    )


def _version_1(folder: Path) -> _ControlGroup:
    cache = _cache(folder, "total_")  # includes child groups, as the usage does
    both = _number(folder / "memory.memsw.limit_in_bytes")
    used = _number(folder / "memory.memsw.usage_in_bytes") or 0
    return _ControlGroup(
        limit=_number(folder / "memory.limit_in_bytes"),
        used=max((_number(folder / "memory.usage_in_bytes") or 0) - cache, 0),
        swap=None,
        both=None if both is None else max(both - max(used - cache, 0), 0),
    )


def _cache(folder: Path, prefix: str) -> int:
    """Bytes of cached files in a group's memory, which the system evicts when memory is scarce."""
    names = (f"{prefix}inactive_file", f"{prefix}active_file")
    lines = (line.split() for line in _text(folder / "memory.stat").splitlines())
    return sum(
        int(words[1])
        for words in lines
        if len(words) == 2 and words[0] in names and words[1].isdecimal()
    )


def _number(file: Path) -> int | None:
    """Reads a number from a file.

    Returns:
        The number; None if there is none, or if it means that there is no limit: `max` in version
        2, a number close to 2**63 in version 1.
    """
    text = _text(file).strip()
    return int(text) if text.isdecimal() and int(text) < 2**62 else None


def _meminfo(proc: Path, name: str) -> int | None:
    found = re.search(rf"^{name}:\s*(\d+) kB$", _text(proc / "meminfo"), re.MULTILINE)
    return int(found[1]) * 1024 if found else None


def _physical_memory() -> int | None:
    """The machine's memory in bytes, on systems without /proc/meminfo."""
    with contextlib.suppress(AttributeError, ValueError, OSError):
        pages, size = os.sysconf("SC_PHYS_PAGES"), os.sysconf("SC_PAGE_SIZE")
        if pages > 0 and size > 0:
            return pages * size
    return _windows_memory("ullTotalPhys")


def _windows_memory(name: str) -> int | None:
    """A field of Windows' MEMORYSTATUSEX; None on other systems."""
    import ctypes

    class Status(ctypes.Structure):
        _fields_ = (
            ("dwLength", ctypes.c_uint32),
            ("dwMemoryLoad", ctypes.c_uint32),
            ("ullTotalPhys", ctypes.c_uint64),
            ("ullAvailPhys", ctypes.c_uint64),
            ("ullTotalPageFile", ctypes.c_uint64),
            ("ullAvailPageFile", ctypes.c_uint64),
            ("ullTotalVirtual", ctypes.c_uint64),
            ("ullAvailVirtual", ctypes.c_uint64),
            ("ullAvailExtendedVirtual", ctypes.c_uint64),
        )

    try:
        query = ctypes.windll.kernel32.GlobalMemoryStatusEx  # type: ignore[attr-defined]
    except (AttributeError, OSError):
        return None
    status = Status(dwLength=ctypes.sizeof(Status))
    return int(getattr(status, name)) if query(ctypes.byref(status)) else None


def _address_limit() -> int | None:
    """Limit of this process' address space in bytes (`ulimit -v`); None if there is none."""
    try:
        import resource

        limit, _ = resource.getrlimit(resource.RLIMIT_AS)
    except (ImportError, AttributeError, OSError, ValueError):
        return None
    return None if limit == resource.RLIM_INFINITY else limit


def _available_addresses(proc: Path) -> int | None:
    limit = _address_limit()
    found = re.search(r"VmSize:\s*(\d+) kB", _text(proc / "self/status"))
    if limit is None or found is None:
        return limit
    return max(limit - int(found[1]) * 1024, 0)


def _text(file: Path) -> str:
    try:
        return file.read_text(encoding="utf-8", errors="replace")
    except OSError:
        return ""
