"""GPUs: those of the machine, those that TensorFlow sees, and why it does not see one."""

from __future__ import annotations

import os
import platform
import re
import shutil
import subprocess
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from pix2pix_tf.doctor.finding import Finding
from pix2pix_tf.doctor.libraries import Version, installed_version

_PCI = Path("/sys/bus/pci/devices")
_NVIDIA, _DISPLAY = "0x10de", "0x03"  # vendor; class of PCI devices
_WSL_LIBRARY = Path("/usr/lib/wsl/lib")
_CUDA_PACKAGE = "nvidia-cudnn-cu12"  # of the extra gpu, whatever else it brings
_SECONDS = 30
_HIDING = ("", "-1", "NoDevFiles")  # values of CUDA_VISIBLE_DEVICES that hide all GPUs
# Lines in which TensorFlow says why it uses no GPU, without what its logger puts before them.
_REASON = re.compile(
    r"^[IWEF]?\d.*?\] "
    r"(.*(?:GPU will not be used|Skipping registering GPU|dlopen|cuInit|driver version).*)$",
    re.MULTILINE,
)


@dataclass(frozen=True)
class Driver:
    """What the machine itself says of its NVIDIA GPUs.

    Attributes:
        cards: Number of cards on the bus, with or without a driver.
        gpus: Names and driver versions as `nvidia-smi` lists them; empty without a driver.
        error: What `nvidia-smi` said instead of a list; empty if it is not installed.
        wsl: Whether the system is the Windows Subsystem for Linux.
        wsl_gpu: Whether Windows shares a GPU with it, and its driver's library.
    """

    cards: int = 0
    gpus: tuple[str, ...] = ()
    error: str = ""
    wsl: bool = False
    wsl_gpu: tuple[bool, bool] = (False, False)


def find_driver() -> Driver:
    """Asks the system for NVIDIA GPUs, without TensorFlow."""
    gpus, error = _nvidia_smi()
    return Driver(
        cards=sum(map(_is_nvidia, _PCI.iterdir())) if _PCI.is_dir() else 0,
        gpus=gpus,
        error=error,
        wsl="microsoft" in platform.release().lower(),
        wsl_gpu=(Path("/dev/dxg").exists(), (_WSL_LIBRARY / "libcuda.so.1").exists()),
    )


def _nvidia_smi() -> tuple[tuple[str, ...], str]:
    program = shutil.which("nvidia-smi") or shutil.which("nvidia-smi", path=str(_WSL_LIBRARY))
    if program is None:
        return (), ""
    words = [program, "--query-gpu=name,driver_version,memory.total", "--format=csv,noheader"]
    try:
        done = subprocess.run(
            words, capture_output=True, text=True, timeout=_SECONDS, check=False, errors="replace"
        )
    except (OSError, subprocess.TimeoutExpired) as error:
        return (), str(error)
    lines = tuple(line.strip() for line in done.stdout.splitlines() if line.strip())
    return (lines, "") if done.returncode == 0 else ((), (lines or ("no answer",))[0])


def _is_nvidia(device: Path) -> bool:
    try:
        vendor = (device / "vendor").read_text().strip()
        return vendor == _NVIDIA and (device / "class").read_text().startswith(_DISPLAY)
    except OSError:
        return False


def device_findings(
    found: Mapping[str, Any],
    messages: str,
    driver: Driver,
    environment: Mapping[str, str] = os.environ,
    system: str = platform.system(),
    version: Version = installed_version,
) -> list[Finding]:
    """Judges TensorFlow's build and its GPUs.

    Args:
        found: The result of the worker's stage `devices`.
        messages: What TensorFlow wrote to standard error meanwhile.
        driver: What the system says of its GPUs.
        environment: The environment variables.
        system: Name of the operating system.
        version: Returns the version of an installed distribution.

    Returns:
        The build, the threads, and a finding for each GPU that TensorFlow sees, or one that says
        why it sees none. A GPU of the machine that it does not see is a problem, unless it was
        hidden on purpose.
    """
    build = found["build"]
    findings = [
        Finding("tensorflow", "build", _build_text(found["version"], build), value=dict(build)),
        Finding("tensorflow", "threads", str(found["threads"]), value=found["threads"]),
    ]
    if not found["gpus"]:
        return [*findings, _unseen(build, messages, driver, environment, system, version)]
    for number, gpu in enumerate(found["gpus"]):
        capability = gpu["compute_capability"]
        text = gpu["name"] + (f", compute capability {_dotted(capability)}" if capability else "")
        findings.append(Finding("gpu", f"GPU {number}", text, value=gpu))
    if found["newer"] is not None:
        advice = (
            "training.jit_compile: auto leaves XLA off; kernels are compiled when they are used "
            "first, which takes minutes once; a later TensorFlow may have them"
        )
        findings.append(Finding("gpu", "newer than TensorFlow", found["newer"], "note", advice))
    if len(driver.gpus) > len(found["gpus"]) and "CUDA_VISIBLE_DEVICES" not in environment:
        text = f"the driver lists {len(driver.gpus)} GPUs: {'; '.join(driver.gpus)}"
        advice = _reason(messages) or "see what TensorFlow says as it starts"
        findings.append(Finding("gpu", "not seen", text, "problem", advice))
    return findings


def _build_text(version: str, build: Mapping[str, Any]) -> str:
    if not build.get("is_cuda_build"):
        return f"{version}, for CPUs" if not build.get("is_rocm_build") else f"{version}, for ROCm"
    kernels = " ".join(build.get("cuda_compute_capabilities", ()))
    return (
        f"{version}, for CUDA {build.get('cuda_version', '?')} and cuDNN "
        f"{build.get('cudnn_version', '?')}, with kernels for {kernels or 'unknown GPUs'}"
    )


def _dotted(capability: list[int]) -> str:
    return ".".join(map(str, capability))


def _unseen(
    build: Mapping[str, Any],
    messages: str,
    driver: Driver,
    environment: Mapping[str, str],
    system: str,
    version: Version,
) -> Finding:
    """Says why TensorFlow sees no GPU."""

    def problem(text: str, advice: str) -> Finding:
        return Finding("gpu", "GPU", text, "problem", advice)

    if system == "Windows" and driver.gpus:
        return problem(
            f"TensorFlow uses no GPU under Windows itself; there is {'; '.join(driver.gpus)}",
            "install pix2pix-tf in WSL2, with its extra: pip install 'pix2pix-tf[gpu]'",
        )
    if driver.wsl and driver.wsl_gpu == (True, False):
        return problem(
            "WSL shares a GPU, and the driver's library is missing in it",
            "install NVIDIA's driver in Windows (none within Linux), then `wsl --shutdown`",
        )
    if not (driver.cards or driver.gpus):
        return Finding("gpu", "GPU", "none found; the CPU trains")
    hidden = environment.get("CUDA_VISIBLE_DEVICES")
    if hidden is not None and hidden.strip() in _HIDING and driver.gpus:
        return Finding(
            "gpu",
            "GPU",
            f"hidden by CUDA_VISIBLE_DEVICES={hidden}: {'; '.join(driver.gpus)}",
            "note",
            "unset CUDA_VISIBLE_DEVICES to train on it",
        )
    if not driver.gpus:
        said = f" (nvidia-smi: {driver.error})" if driver.error else ""
        return problem(
            f"there is an NVIDIA card, and no driver that answers{said}",
            "install NVIDIA's driver, or restart after it was renewed; in a container, start it "
            "with --gpus all",
        )
    there = "; ".join(driver.gpus)
    if not build.get("is_cuda_build"):
        return problem(
            f"this TensorFlow is built without CUDA; there is {there}",
            "pip install 'pix2pix-tf[gpu]', which needs Linux",
        )
    if version(_CUDA_PACKAGE) is None:
        return problem(
            f"the libraries of CUDA are not installed; there is {there}",
            "pip install 'pix2pix-tf[gpu]'",
        )
    return problem(
        f"TensorFlow sees no GPU; there is {there}",
        _reason(messages)
        or "its libraries and driver are there: look at what it says as it starts",
    )


def _reason(messages: str) -> str:
    """Returns what TensorFlow says of GPUs that it does not use, empty if nothing."""
    found = [match[1] for match in _REASON.finditer(messages)]
    return f"TensorFlow says: {found[0]}" if found else ""
