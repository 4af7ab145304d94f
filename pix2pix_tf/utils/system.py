"""The operating system: memory, processors and signals.

What a system does not tell is None. Only the standard library is imported.
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

# Signals that ask a program to exit, and the one of a broken pipe; Windows has neither SIGHUP nor
# SIGPIPE.
STOP_SIGNALS = tuple(
    signal.Signals[name]
    for name in ("SIGTERM", "SIGINT", "SIGHUP")
    if name in signal.Signals.__members__
)
CLOSED_PIPE = signal.Signals.__members__.get("SIGPIPE", signal.SIGTERM)


def available_memory(proc: Path = _PROC, cgroups: Path = _CGROUPS) -> int | None:
    """Bytes of memory and swap that this process can still get; None if that is not known.

    The least of what the machine has free and of what the limits of the process' control groups
    (its container) and of its address space leave.

    Args:
        proc: Where Linux describes processes.
        cgroups: Where control groups are mounted, unless `proc` says otherwise.
    """
    swap = _meminfo(proc, "SwapFree") or 0
    free = _meminfo(proc, "MemAvailable")
    machine = _windows_memory("ullAvailPageFile") if free is None else free + swap
    limits = [group.left(swap) for group in _control_groups(proc, cgroups)]
    return min(
        (n for n in (machine, *limits, _addresses_left(proc)) if n is not None), default=None
    )


def total_memory(proc: Path = _PROC, cgroups: Path = _CGROUPS) -> int | None:
    """Bytes of memory that this process may use at most; None if that is not known.

    The machine's memory, or a lower limit of the process' control groups or address space.
    """
    machine = _meminfo(proc, "MemTotal") or _physical_memory()
    limits = [group.limit for group in _control_groups(proc, cgroups)]
    return min((n for n in (machine, *limits, _address_limit()) if n is not None), default=None)


def peak_memory() -> int | None:
    """Peak memory of this process in bytes; None if that is not known."""
    # Not getrusage, whose value starts at the memory of the parent process.
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
    """Load average of the last minute; None if that is not known."""
    with contextlib.suppress(AttributeError, OSError):
        return os.getloadavg()[0]
    return None


def cpu_name() -> str:
    """Name of the processor."""
    found = re.search(r"^model name\s*: (.+)$", _text(_PROC / "cpuinfo"), re.MULTILINE)
    return found[1] if found else platform.processor() or platform.machine()


def cpu_has_feature(feature: str) -> bool:
    """Whether the processor has a feature, by its Linux name; False if that is not known."""
    return feature in _text(_PROC / "cpuinfo").split()


@dataclass(frozen=True)
class _ControlGroup:
    """A folder of a memory controller, of either version; what it does not limit is None.

    Attributes:
        limit: Bytes of memory that its processes may have together.
        used: What they have, without what the system can take back: files that it keeps.
        swap: Bytes of swap that they can still have; None for all there is.
        both: Bytes of memory and swap together that they can still have.
    """

    limit: int | None
    used: int
    swap: int | None
    both: int | None

    def left(self, swap: int) -> int | None:
        """Bytes that its processes can still have, of the `swap` that the machine has free."""
        if self.limit is None:
            return self.both
        swap = swap if self.swap is None else min(swap, self.swap)
        left = max(self.limit - self.used, 0) + swap
        return left if self.both is None else min(left, self.both)


def _control_groups(proc: Path, cgroups: Path) -> Iterator[_ControlGroup]:
    """The memory controls of this process' own group and of all above it that are seen here."""
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
    """Where control groups of a kind are mounted, and which of them is at the top there."""
    for line in _text(proc / "self/mountinfo").splitlines():
        fields, _, described = line.partition(" - ")
        words, about = fields.split(), described.split()
        if len(words) < 5 or len(about) < 3 or about[0] != kind:
            continue
        if not controller or controller in about[2].split(","):
            return Path(_unescaped(words[4])), _unescaped(words[3])
    return default, "/"


def _unescaped(path: str) -> str:
    """A path of mountinfo, which has spaces as \\040."""
    return re.sub(r"\\([0-7]{3})", lambda match: chr(int(match[1], 8)), path)


def _folders(mounted: Path, top: str, path: str) -> list[Path]:
    """The folder of a group and those above it, as far as they are seen below `mounted`."""
    if path != top and not path.startswith(f"{top.rstrip('/')}/"):
        path = top  # as in a container that sees its own group only
    below = [part for part in path[len(top) :].split("/") if part]
    if ".." in below:
        below = []
    return [mounted.joinpath(*below[:count]) for count in range(len(below), -1, -1)]


def _version_2(folder: Path) -> _ControlGroup:
    used, most = _number(folder / "memory.swap.current"), _number(folder / "memory.swap.max")
    cache = _cache(folder, "")
    return _ControlGroup(
        limit=_number(folder / "memory.max"),
        used=max((_number(folder / "memory.current") or 0) - cache, 0),
        swap=None if most is None else max(most - (used or 0), 0),
        both=None,
    )


def _version_1(folder: Path) -> _ControlGroup:
    cache = _cache(folder, "total_")  # with that of the groups below, as in what is used
    both = _number(folder / "memory.memsw.limit_in_bytes")
    used = _number(folder / "memory.memsw.usage_in_bytes") or 0
    return _ControlGroup(
        limit=_number(folder / "memory.limit_in_bytes"),
        used=max((_number(folder / "memory.usage_in_bytes") or 0) - cache, 0),
        swap=None,
        both=None if both is None else max(both - max(used - cache, 0), 0),
    )


def _cache(folder: Path, prefix: str) -> int:
    """Bytes of files that a group's memory holds, and that are given up when it gets scarce."""
    names = (f"{prefix}inactive_file", f"{prefix}active_file")
    lines = (line.split() for line in _text(folder / "memory.stat").splitlines())
    return sum(
        int(words[1])
        for words in lines
        if len(words) == 2 and words[0] in names and words[1].isdecimal()
    )


def _number(file: Path) -> int | None:
    """A file's number; None without one, or where it stands for no limit: max, or 2**63 nearly."""
    text = _text(file).strip()
    return int(text) if text.isdecimal() and int(text) < 2**62 else None


def _meminfo(proc: Path, name: str) -> int | None:
    found = re.search(rf"^{name}:\s*(\d+) kB$", _text(proc / "meminfo"), re.MULTILINE)
    return int(found[1]) * 1024 if found else None


def _physical_memory() -> int | None:
    """The machine's memory where there is no /proc/meminfo."""
    with contextlib.suppress(AttributeError, ValueError, OSError):
        pages, size = os.sysconf("SC_PHYS_PAGES"), os.sysconf("SC_PAGE_SIZE")
        if pages > 0 and size > 0:
            return pages * size
    return _windows_memory("ullTotalPhys")


def _windows_memory(name: str) -> int | None:
    """A number of Windows' MEMORYSTATUSEX; None elsewhere."""
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
        ask = ctypes.windll.kernel32.GlobalMemoryStatusEx  # type: ignore[attr-defined]
    except (AttributeError, OSError):
        return None
    status = Status(dwLength=ctypes.sizeof(Status))
    return int(getattr(status, name)) if ask(ctypes.byref(status)) else None


def _address_limit() -> int | None:
    """The most bytes of addresses that this process may have (`ulimit -v`)."""
    try:
        import resource

        limit, _ = resource.getrlimit(resource.RLIMIT_AS)
    except (ImportError, AttributeError, OSError, ValueError):
        return None
    return None if limit == resource.RLIM_INFINITY else limit


def _addresses_left(proc: Path) -> int | None:
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
