"""What a measurement was made on."""

from __future__ import annotations

import platform
import re
from importlib import metadata

from pix2pix_tf.utils.system import cpu_count, cpu_name, load_average, total_memory
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


def machine_lines() -> list[str]:
    """Processor, memory, system and versions, a line each; a warning if the machine is busy."""
    memory = total_memory()
    size = "" if memory is None else f", {memory / 2**30:.1f} GiB"
    lines = [
        f"{cpu_name()}, {cpu_count()} cores{size}; {platform.system()} {platform.release()}",
        f"pix2pix-tf {__version__}; Python {platform.python_version()}; {versions()}",
    ]
    others = load_average()
    if others is not None and others > BUSY * cpu_count():
        lines.append(f"other programs are running (load {others:.1f}): these times mean little")
    return lines


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
