"""Whether XLA compiles the updates of a training."""

from __future__ import annotations

import re
from collections.abc import Iterable
from dataclasses import dataclass
from typing import TypeAlias

import tensorflow as tf

from pix2pix_tf.config.schema import TrainingConfig

Capability: TypeAlias = tuple[int, int]
"""A compute capability of NVIDIA's GPUs, such as (9, 0)."""


@dataclass(frozen=True)
class XlaChoice:
    """Whether XLA is used, and what to say about it.

    Attributes:
        used: Whether XLA compiles the update of a replica.
        note: A sentence for the user, or None.
    """

    used: bool
    note: str | None = None


def choose_xla(training: TrainingConfig, strategy: tf.distribute.Strategy) -> XlaChoice:
    """Decides whether XLA compiles the update of a replica into one program.

    By default it does so on a single GPU only. It is slower on CPUs; with several GPUs, which sum
    gradients within the program, it has not been measured. On a GPU that is newer than TensorFlow's
    build it ends the process (https://github.com/tensorflow/tensorflow/issues/111958).

    Args:
        training: The section `training` of the config.
        strategy: The strategy of the training.

    Returns:
        The choice.
    """
    if training.jit_compile is False:
        return XlaChoice(False)
    on_gpu = "GPU" in strategy.extended.worker_devices[0]
    newer = newer_gpu() if on_gpu else None
    if training.jit_compile == "auto":
        used = strategy.num_replicas_in_sync == 1 and on_gpu
        if used and newer is not None:
            return XlaChoice(False, f"training.jit_compile: auto leaves XLA off: {newer}")
        return XlaChoice(used)
    if newer is not None:
        return XlaChoice(
            True, f"training.jit_compile: true: {newer}, where XLA may end the process"
        )
    return XlaChoice(True)


def newer_gpu() -> str | None:
    """Names a visible GPU that is newer than the newest one that TensorFlow was built for.

    Returns:
        A sentence with both compute capabilities; None if there is no such GPU, or TensorFlow does
        not say what it was built for.
    """
    newest = newest_capability(tf.sysconfig.get_build_info().get("cuda_compute_capabilities", ()))
    if newest is None:
        return None
    for device in tf.config.get_visible_devices("GPU"):
        details = tf.config.experimental.get_device_details(device)
        capability = details.get("compute_capability")
        if capability is not None and tuple(capability) > newest:
            return (
                f"{details.get('device_name', device.name)} has compute capability "
                f"{_text(tuple(capability))}, and TensorFlow {tf.__version__} was built for up to "
                f"{_text(newest)}"
            )
    return None


def newest_capability(built_for: Iterable[str]) -> Capability | None:
    """Returns the newest compute capability of TensorFlow's build.

    Args:
        built_for: As in `tf.sysconfig.get_build_info`: `sm_89` for code, `compute_90` for an
            intermediate form; the last digit is the minor number.

    Returns:
        The capability, None if there is none.

    Example:
        >>> newest_capability(["sm_60", "sm_89", "compute_90"]), newest_capability(["sm_120a"])
        ((9, 0), (12, 0))
    """
    found = (re.fullmatch(r"(?:sm|compute)_(\d+)(\d)[a-z]*", name) for name in built_for)
    return max(((int(match[1]), int(match[2])) for match in found if match), default=None)


def _text(capability: Capability) -> str:
    return ".".join(map(str, capability))
