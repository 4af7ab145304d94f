"""Workers of a cluster on this machine, started and ended as a user and a scheduler do."""

import json
import os
import signal
import socket
import subprocess
import time

from tests.conftest import COMMAND

# Six pairs, so that a step of two or three workers is an epoch; nothing looked at on the way.
CLUSTER = {
    "data.sample_train": 6,
    "data.sample_val": 2,
    "data.direction": "AtoB",
    "data.load_size": 36,
    "data.crop_size": 32,
    "generator.width": 4,
    "discriminator.width": 4,
    "discriminator.receptive_field": 34,
    "training.batch_size": 6,
    "training.seed": 1,
    "logging.validate_every": 1_000_000,
    "logging.sheet_every": 1_000_000,
    "logging.keep": 100,
    "logging.tensorboard": False,
}
START = 600.0  # seconds in which TensorFlow has started everywhere, on a busy machine too


def free_addresses(count):
    sockets = [socket.socket() for _ in range(count)]
    for each in sockets:
        each.bind(("127.0.0.1", 0))
    addresses = [f"127.0.0.1:{each.getsockname()[1]}" for each in sockets]
    for each in sockets:
        each.close()
    return addresses


class Workers:
    """`count` processes of one training, killed at the end of the block if they are still there.

    `settings` and `runs` are those that some of them are given other than the rest, by number.
    """

    def __init__(self, count, run, settings=None, runs=None, **overrides):
        self.run = run
        self.addresses = free_addresses(count)
        common = {**CLUSTER, **{k.replace("__", "."): v for k, v in overrides.items()}}
        self.processes = []
        for index in range(count):
            own = {**common, **(settings or {}).get(index, {})}
            sets = [word for key, value in own.items() for word in ("--set", f"{key}={value}")]
            place = (runs or {}).get(index, run)
            command = [COMMAND, "train", "--config", "sample.yaml", "--run", str(place), *sets]
            tree = {
                "cluster": {"worker": self.addresses},
                "task": {"type": "worker", "index": index},
            }
            environment = {**os.environ, "TF_CONFIG": json.dumps(tree)}
            pipes = {"stdout": subprocess.PIPE, "stderr": subprocess.STDOUT, "text": True}
            self.processes.append(subprocess.Popen(command, env=environment, **pipes))

    def __enter__(self):
        return self

    def __exit__(self, *error):
        for process in self.processes:
            process.kill()
            process.wait()

    def wait_for_checkpoint(self, step):
        """Waits until the checkpoint of a step, or one behind it, is complete."""
        end = time.monotonic() + START
        while self.newest() < step:
            gone = [process.poll() for process in self.processes]
            assert gone == [None] * len(gone), [p.stdout.read() for p in self.processes if p.poll()]
            assert time.monotonic() < end
            time.sleep(0.02)

    def newest(self):
        """The newest checkpoint's step; 0 where there is none."""
        files = (self.run / "checkpoints").glob("step-*.index")
        return max((int(file.stem.split("-")[1]) for file in files), default=0)

    def send(self, index, name):
        """Sends the signal of that name to one of them."""
        self.processes[index].send_signal(signal.Signals[name])

    def ends(self, within=START):
        """Waits for all; returns (exit status, output) of each."""
        end, ended = time.monotonic() + within, []
        for process in self.processes:
            output, _ = process.communicate(timeout=end - time.monotonic())
            ended.append((process.returncode, output))
        return ended
