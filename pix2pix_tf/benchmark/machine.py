"""The machine that a benchmark runs on: processor, memory, versions, peak rates of GPUs."""

from __future__ import annotations

import platform
import re
from importlib import metadata

from pix2pix_tf.utils.system import cpu_count, cpu_name, load_average, total_memory
from pix2pix_tf.version import __version__

PACKAGES = ("tensorflow", "keras", "numpy", "ai-edge-litert")
BUSY_LOAD = 0.25  # load per core above which other programs disturb the timings

# Dense peak rates in TFLOP/s from the vendors' data sheets: of float32 as TensorFlow computes
# convolutions (in TF32 if the GPU has it), and of the faster format of 16 bits.
_PEAKS = {
    r"V100-SXM": (15.7, 125.0),
    r"\bT4\b": (8.1, 65.0),
    r"\bA100\b": (156.0, 312.0),
    r"\bL4\b": (60.0, 121.0),
    r"H100.*HBM3": (494.7, 989.4),  # the SXM modules; the PCIe cards are slower
    r"\bH200\b(?!.*NVL)": (494.7, 989.4),
}


def machine_lines() -> list[str]:
    """Lines on processor, memory, system and versions, and a warning if the machine is busy."""
    memory = total_memory()
    size = "" if memory is None else f", {memory / 2**30:.1f} GiB"
    lines = [
        f"{cpu_name()}, {cpu_count()} cores{size}; {platform.system()} {platform.release()}",
        f"pix2pix-tf {__version__}; Python {platform.python_version()}; {versions()}",
    ]
    others = load_average()
    if others is not None and others > BUSY_LOAD * cpu_count():
        lines.append(f"other programs are running (load {others:.1f}): timings are unreliable")
    return lines


def versions() -> str:
    """Versions of the installed packages that the speed depends on."""
    found = []
    for name in PACKAGES:
        try:
            found.append(f"{name} {metadata.version(name)}")
        except metadata.PackageNotFoundError:
            continue
    return ", ".join(found)


def peak_tflops(gpu: str, precision: str) -> float | None:
    """Peak rate of a GPU.

    Args:
        gpu: Name of the GPU as TensorFlow reports it, such as `NVIDIA A100-SXM4-40GB`.
        precision: `training.precision` of the config.

    Returns:
        The peak rate in TFLOP/s, or None if it is not known.
    """
    for pattern, (float32, half) in _PEAKS.items():
        if re.search(pattern, gpu):
            return float32 if precision == "float32" else half
    return None
