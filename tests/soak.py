"""Trainings killed at random instants, again and again: `make soak`, or in a checkout

    .venv/bin/python -m tests.soak --kills 50 --seed 0

A tiny network is trained on the sample city by the command, in a process of its own that is killed
(SIGKILL) before it ends and started again, until it does end. Then everything it wrote must be bit
for bit what the run never killed wrote: every tensor of the newest and the best checkpoint, scores,
sheets. After every kill, whatever has its final name must be whole. So run follows run until there
were enough kills. A table is printed; the status is 1 where anything differed.
"""

from __future__ import annotations

import argparse
import os
import random
import re
import signal
import subprocess
import sys
import tempfile
import time
from dataclasses import dataclass, field
from pathlib import Path

os.environ.setdefault("TF_CPP_MIN_LOG_LEVEL", "3")

import tensorflow as tf
from PIL import Image

from pix2pix_tf.runs.checkpoint_files import intact_steps, newest_step, saved_steps
from pix2pix_tf.runs.run import Run

COMMAND = str(Path(sys.executable).with_name("pix2pix-tf"))
SETTINGS = {
    "data.load_size": 18,
    "data.crop_size": 16,
    "data.sample_train": 8,
    "data.sample_val": 2,
    "generator.width": 4,
    "discriminator.width": 4,
    "discriminator.receptive_field": 16,
    "training.steps": 360,
    "logging.keep": 2,
    "logging.checkpoint_every": 12,
    "logging.validate_every": 40,
    "logging.sheet_every": 40,
}
# When to kill: while a checkpoint is written, while it trains, or at any time, starting included.
KINDS = ("writing", "training", "any time")
SHARES = (0.5, 0.3, 0.2)
PATIENCE = 600.0  # seconds a session may take


@dataclass
class Tally:
    """What happened, by kind of kill, and everything that should not have."""

    aimed: dict[str, int] = field(default_factory=lambda: dict.fromkeys(KINDS, 0))
    unfinished_checkpoints: int = 0  # kills that left a checkpoint half written or half removed
    unfinished_others: int = 0  # ... a sheet, scores or another small file
    resumed: int = 0
    from_start: int = 0
    runs: int = 0
    seconds: float = 0.0
    wrong: list[str] = field(default_factory=list)

    @property
    def kills(self) -> int:
        return sum(self.aimed.values())

    def table(self) -> str:
        rows = {
            "kills": f"{self.kills} ({', '.join(f'{k}: {n}' for k, n in self.aimed.items())})",
            "left a checkpoint half written": self.unfinished_checkpoints,
            "left another file half written": self.unfinished_others,
            "resumed from a checkpoint": self.resumed,
            "started over: none was written yet": self.from_start,
            "runs that ended, compared": self.runs,
            "minutes": f"{self.seconds / 60:.1f}",
            "wrong": len(self.wrong),
        }
        return "\n".join(f"{name:36} {value}" for name, value in rows.items())


def start(folder: Path, run: str) -> subprocess.Popen[str]:
    words = [word for key, value in SETTINGS.items() for word in ("--set", f"{key}={value}")]
    return subprocess.Popen(
        [COMMAND, "train", "--config", "sample", "--run", run, *words],
        cwd=folder,
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
    )


def soak(folder: Path, kills: list[str], chance: random.Random, say=print) -> Tally:
    """Kills as often, and in such ways, as `kills` lists, and lets every run come to its end."""
    tally, begun = Tally(), time.monotonic()
    reference = start(folder, "whole")
    left, number = list(kills), 0
    while left:
        number += 1
        name = f"killed-{number}"
        ended = False
        while not ended:
            ended = session(folder, name, left, chance, tally)
        if number == 1:
            _, errors = reference.communicate(timeout=PATIENCE)
            assert reference.returncode == 0, errors
        tally.wrong += compare(Run(folder / "whole"), Run(folder / name))
        tally.runs += 1
        say(f"run {number}: {tally.kills} kills so far, {len(tally.wrong)} wrong")
    tally.seconds = time.monotonic() - begun
    return tally


def session(folder: Path, name: str, left: list[str], chance: random.Random, tally: Tally) -> bool:
    """One process of a training; whether it came to its end, killed or not."""
    run = Run(folder / name)
    before = newest_step(run.checkpoints) or 0
    kind = left[0] if left else None
    old = half_written(run)
    process = start(folder, name)
    if kind and wait(kind, run, before, process, chance):
        process.send_signal(signal.SIGKILL)
    output, errors = process.communicate(timeout=PATIENCE)
    resuming = re.search(r"resuming at step (\d+)", output)
    if resuming or "starting of" in output:
        found = int(resuming[1]) if resuming else 0
        if found != before:
            tally.wrong.append(f"{name}: went on from step {found}, where {before} was saved")
        tally.resumed += bool(resuming)
        tally.from_start += not resuming
    if process.returncode == 0:
        return True
    if process.returncode != -signal.SIGKILL:
        tally.wrong.append(f"{name}: ended with {process.returncode}: {errors.strip()}")
        return True
    tally.aimed[left.pop(0)] += 1
    inspect(run, tally)
    fresh = half_written(run) - old
    checkpoints = {path for path, _ in fresh if run.checkpoints in path.parents}
    tally.unfinished_checkpoints += bool(checkpoints)
    tally.unfinished_others += len(fresh) > len(checkpoints)
    return False


def wait(
    kind: str,
    run: Run,
    before: int,
    process: subprocess.Popen[str],
    chance: random.Random,
) -> bool:
    """Returns at the instant to kill; False if the process ended before."""
    deadline = time.monotonic() + PATIENCE
    if kind == "any time":
        until = time.monotonic() + chance.uniform(0, 15)
        while process.poll() is None and time.monotonic() < until:
            time.sleep(0.01)
        return process.poll() is None
    # A checkpoint some way on from here: of one or the other kind, that is where the kill falls.
    saves = chance.randint(1, 3)
    seen: set[str] = set()
    while process.poll() is None and time.monotonic() < deadline:
        writing = {path.name for path in run.checkpoints.glob(".step-*.partial")}
        seen |= writing
        if kind == "writing" and writing and len(seen) >= saves:
            time.sleep(chance.uniform(0, 0.02))
            return process.poll() is None
        if kind == "training" and (newest_step(run.checkpoints) or 0) > before:
            time.sleep(chance.uniform(0, 1.0))
            return process.poll() is None
        time.sleep(0.0005)
    return False


def inspect(run: Run, tally: Tally) -> None:
    """After a kill: whatever has its final name must be whole."""
    for folder in (run.checkpoints, run.checkpoints / "best"):
        for step in set(saved_steps(folder)) - set(intact_steps(folder)):
            tally.wrong.append(f"{folder}: step-{step} is damaged")
    if run.exists():
        run.load_config()
        run.metrics()
    for sheet in run.samples.glob("*.png"):
        Image.open(sheet).load()


def half_written(run: Run) -> set[tuple[Path, int]]:
    """What a kill left of a write: hidden parts, data without their index; each with its inode."""
    parts = {*run.path.rglob(".*.partial"), *run.path.rglob(".*.tmp")}
    data = run.checkpoints.rglob("step-*.data-*")
    parts |= {path for path in data if not path.with_suffix(".index").exists()}
    return {(path, path.stat().st_ino) for path in parts}


def compare(whole: Run, killed: Run) -> list[str]:
    """Everything that the killed run wrote otherwise than the other."""
    wrong = []
    for place in (Path("checkpoints"), Path("checkpoints/best")):
        one, other = tensors(whole.path / place), tensors(killed.path / place)
        if one.keys() != other.keys():
            wrong.append(f"{killed.path / place}: other tensors")
        wrong += [
            f"{killed.path / place}: {name} differs"
            for name in one.keys() & other.keys()
            if one[name].tobytes() != other[name].tobytes()
        ]
    if whole.metrics() != killed.metrics():
        wrong.append(f"{killed.metrics_file}: differs")
    sheets = {path.name: path.read_bytes() for path in whole.samples.iterdir()}
    if sheets != {path.name: path.read_bytes() for path in killed.samples.iterdir()}:
        wrong.append(f"{killed.samples}: differ")
    files = {path.name for path in whole.checkpoints.rglob("*")}
    more = {path.name for path in killed.checkpoints.rglob("*")} - files
    if more:
        wrong.append(f"{killed.checkpoints}: left behind are {', '.join(sorted(more))}")
    return wrong


def tensors(folder: Path):
    reader = tf.train.load_checkpoint(str(folder / f"step-{newest_step(folder)}"))
    names = reader.get_variable_to_shape_map().keys() - {"_CHECKPOINTABLE_OBJECT_GRAPH"}
    return {name: reader.get_tensor(name) for name in names}


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.partition("\n")[0])
    parser.add_argument("--kills", type=int, default=50)
    parser.add_argument("--seed", type=int, default=0)
    words = parser.parse_args()
    chance = random.Random(words.seed)
    kinds = chance.choices(KINDS, SHARES, k=words.kills)
    with tempfile.TemporaryDirectory(prefix="soak-") as folder:
        tally = soak(Path(folder), kinds, chance, lambda line: print(line, flush=True))
    print(tally.table())
    sys.exit("\n".join(tally.wrong) or 0)


if __name__ == "__main__":
    main()
