"""What a measurement was made on."""

from __future__ import annotations

import os
import platform
import re
from importlib import metadata
from pathlib import Path

from pix2pix_tf.version import __version__

PACKAGES = ("tensorflow", "keras", "numpy", "ai-edge-litert")
BUSY = 0.25  # of the cores: above it the load of other programs is spoken of

# Dense peaks in TFLOP/s of the makers' data sheets: of float32 as TensorFlow computes convolutions
# (in TF32 where the GPU has it), and of 16 bits, whichever kind is faster there.
_PEAKS = {
    r"V100-SXM": (15.7, 125.0),
    r"\bT4\b": (8.1, 65.0),
    r"\bA100\b": (156.0, 312.0),
    r"\bL4\b": (60.0, 121.0),
    r"H100.*HBM3": (494.7, 989.4),  # the SXM modules; the PCIe cards are slower
    r"\bH200\b(?!.*NVL)": (494.7, 989.4),
}


def cores() -> int:
    """Processor cores that this process may use."""
    if hasattr(os, "sched_getaffinity"):
        return len(os.sched_getaffinity(0))
    return os.cpu_count() or 1


def machine_lines() -> list[str]:
    """Processor, memory, system and versions, a line each; a warning if the machine is busy."""
    lines = [
        f"{processor()}, {cores()} cores, {memory_bytes() / 2**30:.1f} GiB; {platform.system()} "
        f"{platform.release()}",
        f"pix2pix-tf {__version__}; Python {platform.python_version()}; {versions()}",
    ]
    load = os.getloadavg()[0]
    if load > BUSY * cores():
        lines.append(f"other programs are running (load {load:.1f}): these times mean little")
    return lines


def processor() -> str:
    """The processor's name."""
    described = Path("/proc/cpuinfo")
    if described.is_file():
        found = re.search(r"^model name\s*: (.+)$", described.read_text(), re.MULTILINE)
        if found:
            return found[1]
    return platform.processor() or platform.machine()


def memory_bytes() -> int:
    """The machine's memory."""
    return os.sysconf("SC_PAGE_SIZE") * os.sysconf("SC_PHYS_PAGES")


def versions() -> str:
    """Of what the speed depends on, as far as it is installed."""
    found = []
    for name in PACKAGES:
        try:
            found.append(f"{name} {metadata.version(name)}")
        except metadata.PackageNotFoundError:
            continue
    return ", ".join(found)


def peak_tflops(gpu: str, precision: str) -> float | None:
    """A GPU's peak in TFLOP/s by its name, such as `NVIDIA A100-SXM4-40GB`; None if not known.

    Args:
        gpu: As TensorFlow has it.
        precision: The config's `training.precision`.
    """
    for pattern, (float32, half) in _PEAKS.items():
        if re.search(pattern, gpu):
            return float32 if precision == "float32" else half
    return None
