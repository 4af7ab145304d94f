"""The examination of an installation."""

from __future__ import annotations

import json
import math
import os
import signal
import subprocess
import sys
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from pix2pix_tf.doctor.devices import device_findings, find_driver
from pix2pix_tf.doctor.finding import Examination, Finding
from pix2pix_tf.doctor.libraries import package_findings
from pix2pix_tf.doctor.system import system_findings

SECONDS = 10.0  # of the training
_STAGE_SECONDS = 600.0  # after which a stage is given up
_TOLERANCE = 0.02  # of losses of the first steps, relative; TF32 and atomic sums cost 0.002


@dataclass(frozen=True)
class StageResult:
    """What a stage of the worker left.

    Attributes:
        values: Its result, None if it failed.
        messages: What it wrote to standard error.
        failure: Why it failed, in words; empty if it did not.
    """

    values: dict[str, Any] | None
    messages: str
    failure: str = ""


def examine(
    seconds: float = SECONDS,
    *,
    run_stage: Callable[..., StageResult] | None = None,
    advance: Callable[[str], None] = lambda stage: None,
) -> Examination:
    """Examines the installation on this machine, by a training too.

    Args:
        seconds: Seconds of the training.
        run_stage: Runs a stage of the worker, see `run_worker`, the default.
        advance: Called before each part, with what it does.

    Returns:
        The findings.
    """
    run_stage = run_stage or run_worker
    advance("system and packages")
    system, packages = system_findings(), package_findings()
    advance("TensorFlow and GPUs")
    devices = run_stage("devices")
    if devices.values is None:
        advice = "install it anew: pip install --force-reinstall tensorflow"
        failed = Finding("tensorflow", "import", devices.failure, "problem", advice)
        return Examination([*system, *packages, failed])
    findings = [
        *system,
        *packages,
        *device_findings(devices.values, devices.messages, find_driver()),
    ]
    advance("XLA")
    findings.append(xla_finding(devices.values, run_stage))
    advance(f"training for {seconds:g} s")
    findings += training_findings(run_stage("train", str(seconds)))
    extras = [finding for finding in findings if finding.section == "extras"]
    return Examination([each for each in findings if each.section != "extras"] + extras)


def run_worker(stage: str, *arguments: str, seconds: float = _STAGE_SECONDS) -> StageResult:
    """Runs a stage in a process of its own.

    Args:
        stage: `devices`, `xla` or `train`.
        *arguments: Its arguments.
        seconds: Seconds until it is given up.

    Returns:
        Its result.
    """
    words = [sys.executable, "-m", "pix2pix_tf.doctor.worker", stage, *arguments]
    # All of TensorFlow's messages are kept, which say why it does not use a GPU.
    environment = {**os.environ, "TF_CPP_MIN_LOG_LEVEL": "0", "TF_ENABLE_ONEDNN_OPTS": "1"}
    try:
        done = subprocess.run(
            words,
            capture_output=True,
            text=True,
            errors="replace",
            timeout=seconds,
            env=environment,
            check=False,
        )
    except subprocess.TimeoutExpired as error:
        # These are bytes, whatever was asked for.
        messages = (error.stderr or b"").decode(errors="replace")
        return StageResult(None, messages, f"did not end within {seconds:g} s")
    if done.returncode == 0:
        return StageResult(json.loads(done.stdout.splitlines()[-1]), done.stderr)
    last = done.stderr.strip().splitlines()[-1:]
    if done.returncode < 0:
        name = signal.Signals(-done.returncode).name
        return StageResult(None, done.stderr, f"the process was ended by {name}")
    return StageResult(None, done.stderr, (last or ["the process failed"])[0])


def xla_finding(
    devices: Mapping[str, Any], run_stage: Callable[..., StageResult] = run_worker
) -> Finding:
    """Judges whether XLA can be used on the device that trains.

    Args:
        devices: The result of the stage `devices`.
        run_stage: See `examine`.

    Returns:
        The finding. A failure on a GPU is a problem, because `auto` uses XLA there; on a CPU it is
        not, and a GPU that is newer than TensorFlow's build is not tried.
    """
    if devices["newer"] is not None:
        text = "not tried: on a GPU that is newer than TensorFlow's build it may end the process"
        return Finding("xla", "XLA", text, "note", value={"usable": False})
    result, where = run_stage("xla"), "GPU" if devices["gpus"] else "CPU"
    if result.values is not None and result.values["difference"] < _TOLERANCE:
        auto = "used by default" if len(devices["gpus"]) == 1 else "off by default"
        return Finding("xla", "XLA", f"works on the {where}; {auto}", value={"usable": True})
    failure = result.failure or "it computes something else than TensorFlow without it"
    return Finding(
        "xla",
        "XLA",
        f"fails on the {where}: {failure}",
        "problem" if devices["gpus"] else "note",
        "train with --set training.jit_compile=false",
        {"usable": False},
    )


def training_findings(result: StageResult) -> list[Finding]:
    """Judges the training of the sample.

    Args:
        result: The result of the stage `train`.

    Returns:
        Whether it ran with finite losses, and whether its first steps agree with the CPU's.
    """
    if result.values is None:
        advice = "the last lines of `python -m pix2pix_tf.doctor.worker train 10` say more"
        return [Finding("training", "sample", result.failure, "problem", advice)]
    values = result.values
    speed = values["steps_per_second"]
    text = f"{values['steps']} steps on {values['devices']}" + (
        f", {speed:.3g} steps/s" if speed else ""
    )
    if not values["finite"]:
        text += ": losses are not finite"
        return [Finding("training", "sample", text, "problem", _DEVICE_ADVICE, values)]
    return [
        Finding("training", "sample", f"{text}, losses finite", value=values),
        _agreement(values["losses"], values["cpu_losses"]),
    ]


_DEVICE_ADVICE = (
    "another driver, or another version of TensorFlow, may compute correctly; "
    "CUDA_VISIBLE_DEVICES=-1 trains on the CPU"
)


def _agreement(
    losses: Sequence[Mapping[str, float]], expected: Sequence[Mapping[str, float]]
) -> Finding:
    """Judges whether losses of the first steps are those that the CPU computes."""
    distances = [
        abs(found[name] - value) / max(abs(value), 1e-3)
        for found, each in zip(losses, expected, strict=True)
        for name, value in each.items()
    ]
    distance = math.inf if any(map(math.isnan, distances)) else max(distances)
    text = f"losses of the first {len(expected)} steps within {distance:.2g} of the plain CPU's"
    if distance <= _TOLERANCE:
        return Finding("training", "numbers", text, value=distance)
    text = (
        f"losses of the first {len(expected)} steps differ by {distance:.2g} from the plain CPU's"
    )
    return Finding("training", "numbers", text, "problem", _DEVICE_ADVICE, distance)
