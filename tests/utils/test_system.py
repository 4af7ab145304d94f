"""Memory limits of containers, on fake /proc and /sys/fs/cgroup; what systems lack, hidden."""

import os
import subprocess
import sys

import pytest

from pix2pix_tf.utils import system
from pix2pix_tf.utils.system import available_memory, peak_memory, total_memory

MB = 10**6


class Machine:
    """A machine of 1000 MB, of which 800 and 100 MB of swap are free."""

    def __init__(self, folder):
        self.proc, self.cgroups = folder / "proc", folder / "cgroup"
        (self.proc / "self").mkdir(parents=True)
        self.cgroups.mkdir()
        kilobytes = {"MemTotal": 1_000_000, "MemAvailable": 800_000, "SwapFree": 100_000}
        self.write(
            self.proc / "meminfo",
            "".join(f"{name}: {n * 1000 // 1024} kB\n" for name, n in kilobytes.items()),
        )

    def write(self, file, content):
        file.parent.mkdir(parents=True, exist_ok=True)
        file.write_text(content)

    def group(self, path, **numbers):
        for name, content in numbers.items():
            self.write(self.cgroups / path / name.replace("__", "."), f"{content}\n")

    def within(self, *lines, mounts=()):
        """Says which control groups the process is in, and where they are mounted."""
        self.write(self.proc / "self/cgroup", "".join(f"{line}\n" for line in lines))
        self.write(self.proc / "self/mountinfo", "".join(f"{line}\n" for line in mounts))

    @property
    def megabytes(self):
        """Available and in all."""
        numbers = (fun(self.proc, self.cgroups) for fun in (available_memory, total_memory))
        return tuple(number and round(number / MB) for number in numbers)


@pytest.fixture
def machine(tmp_path, monkeypatch):
    monkeypatch.setattr(system, "_address_limit", lambda: None)
    return Machine(tmp_path)


def test_without_containers_the_machine_counts(machine):
    assert machine.megabytes == (900, 1000)
    machine.within("0::/")
    assert machine.megabytes == (900, 1000)
    machine.within("0::/user.slice")
    machine.group("user.slice", memory__max="max", memory__current=700 * MB)
    assert machine.megabytes == (900, 1000)


def test_limits_of_version_2_count_at_every_level(machine):
    machine.within("0::/pod/container")
    machine.group("pod/container", memory__max="max", memory__current=30 * MB)
    machine.group("pod", memory__max=300 * MB, memory__current=100 * MB)
    machine.group("pod", memory__swap__max=0, memory__swap__current=0)
    assert machine.megabytes == (200, 300)
    machine.group("pod/container", memory__max=120 * MB, memory__swap__max=50 * MB)
    machine.group("pod/container", memory__swap__current=20 * MB)
    assert machine.megabytes == (120 - 30 + 50 - 20, 120)


def test_files_that_the_system_keeps_in_memory_are_free(machine):
    machine.within("0::/")
    machine.group("", memory__max=300 * MB, memory__current=290 * MB, memory__swap__max=0)
    machine.group("", memory__stat=f"anon 1\ninactive_file {150 * MB}\nactive_file {90 * MB}")
    assert machine.megabytes == (250, 300)
    machine.group("", memory__current=400 * MB)  # above the limit, as it was lowered since
    machine.group("", memory__stat="inactive_file 0")
    assert machine.megabytes == (0, 300)


def test_limits_of_version_1_count(machine):
    machine.within("12:cpu,cpuacct:/", "4:memory:/docker/abc", "1:name=systemd:/")
    nothing = 9223372036854771712
    machine.group("memory/docker/abc", memory__limit_in_bytes=nothing)
    machine.group("memory/docker/abc", memory__usage_in_bytes=100 * MB)
    assert machine.megabytes == (900, 1000)
    machine.group("memory/docker/abc", memory__limit_in_bytes=250 * MB)
    assert machine.megabytes == (250, 250)  # 150 and all of the swap
    machine.group("memory/docker/abc", memory__memsw__limit_in_bytes=250 * MB)
    machine.group("memory/docker/abc", memory__memsw__usage_in_bytes=100 * MB)
    assert machine.megabytes == (150, 250)
    machine.group("memory/docker/abc", memory__stat=f"cache 9\ntotal_inactive_file {40 * MB}")
    assert machine.megabytes == (190, 250)
    machine.group("memory", memory__limit_in_bytes=100 * MB, memory__usage_in_bytes=100 * MB)
    assert machine.megabytes == (100, 100)  # no memory, all of the swap


def test_containers_that_see_only_their_own_group(machine):
    """Docker's version 1 names the group as the host does, and mounts it at the top."""
    mounted = machine.cgroups / "my memory"
    escaped = str(mounted).replace(" ", r"\040")
    machine.within(
        "4:memory:/docker/abc",
        mounts=[
            "29 23 0:26 / /proc rw - proc proc rw",
            f"35 31 0:32 /docker/abc {escaped} ro,nosuid master:1 - cgroup cgroup rw,memory",
        ],
    )
    machine.group("my memory", memory__limit_in_bytes=200 * MB, memory__usage_in_bytes=50 * MB)
    machine.group("my memory", memory__memsw__limit_in_bytes=200 * MB)
    assert machine.megabytes == (200, 200)
    machine.within("0::/../other")  # outside of the namespace
    machine.group("", memory__max=70 * MB, memory__current=0, memory__swap__max=0)
    assert machine.megabytes == (70, 70)


def test_hybrid_hierarchies_count_both(machine):
    machine.within(
        "4:memory:/a",
        "0::/b",
        mounts=[f"38 31 0:38 / {machine.cgroups}/unified rw - cgroup2 cgroup2 rw"],
    )
    machine.group("memory/a", memory__limit_in_bytes=500 * MB, memory__usage_in_bytes=0)
    machine.group("unified/b", memory__max=400 * MB, memory__current=0, memory__swap__max=0)
    assert machine.megabytes == (400, 400)


@pytest.mark.parametrize("content", ["", "nonsense", "-5", "12 34", "\0", "max"])
def test_what_cannot_be_read_limits_nothing(machine, content):
    machine.within("0::/a", "4:memory:/a", content)
    for name in ("memory__max", "memory__current", "memory__swap__max", "memory__stat"):
        machine.group("a", **{name: content})
    machine.group("memory/a", memory__limit_in_bytes=content, memory__usage_in_bytes=content)
    assert machine.megabytes == (900, 1000)
    machine.write(machine.proc / "self/mountinfo", content)
    assert machine.megabytes == (900, 1000)
    machine.write(machine.proc / "meminfo", content)
    assert machine.megabytes[0] is None


def test_limit_of_addresses_counts(machine, monkeypatch):
    monkeypatch.setattr(system, "_address_limit", lambda: 600 * MB)
    machine.write(machine.proc / "self/status", f"VmSize: {100 * MB // 1024} kB\n")
    assert machine.megabytes == (500, 600)


@pytest.mark.skipif(sys.platform == "win32", reason="ulimit is POSIX'")
def test_ulimit_is_read():
    code = "from pix2pix_tf.utils.system import total_memory; print(total_memory())"
    command = f"ulimit -v 900000; exec {sys.executable} -c '{code}'"
    done = subprocess.run(["sh", "-c", command], capture_output=True, text=True, check=True)
    assert int(done.stdout) == 900_000 * 1024


def test_numbers_of_this_process():
    if sys.platform == "linux":
        assert available_memory() > 0
        assert total_memory() > 0
        assert peak_memory() > 0


# What is POSIX only, hidden from a process before anything else is imported.
HIDDEN = """
import os, signal, socket, sys
for module in ("resource", "fcntl", "pwd", "grp", "termios"):
    sys.modules[module] = None
import pathlib
read = pathlib.Path.read_text
def read_text(self, *words, **more):
    if str(self).startswith(("/proc", "/sys")):
        raise FileNotFoundError(str(self))
    return read(self, *words, **more)
pathlib.Path.read_text = read_text
"""
HIDDEN_LATER = """
import platform, tempfile, subprocess, multiprocessing, asyncio
import rich.console, PIL.Image, yaml, numpy
for name in ("sysconf", "getloadavg", "sched_getaffinity", "getuid", "statvfs", "fork"):
    if hasattr(os, name):
        delattr(os, name)
"""


@pytest.mark.skipif(sys.platform == "win32", reason="has none of it anyway")
def test_numbers_without_posix():
    code = f"""{HIDDEN}{HIDDEN_LATER}
signal.Signals._member_map_.pop("SIGHUP")
from pix2pix_tf.benchmark.machine import machine_lines
from pix2pix_tf.utils import system
assert "SIGHUP" not in [each.name for each in system.STOP_SIGNALS]
assert system.available_memory() is system.total_memory() is system.peak_memory() is None
assert system.load_average() is None
assert system.cpu_count() >= 1
assert not system.cpu_has_feature("avx512f")
print(machine_lines())
"""
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stderr
    assert "GiB" not in done.stdout


@pytest.mark.slow("starts Python with TensorFlow")
@pytest.mark.skipif(sys.platform == "win32", reason="has none of it anyway")
def test_train_translate_and_evaluate_without_posix(tmp_path, pairs_folder):
    """With the platform's name as it is: locks are its other half's, see run_lock.py."""
    from tests.conftest import TINIEST

    root = pairs_folder(size=(18, 18), train=3, val=1)
    settings = {**TINIEST, "data.root": str(root), "training.steps": 1}
    code = f"""{HIDDEN.replace('"fcntl", ', "")}
import tensorflow
{HIDDEN_LATER}
from pix2pix_tf import Translator, evaluate, load_config, train
train(load_config("facades", {settings!r}), "run")
import numpy
from pix2pix_tf.images.io import write_image
from pathlib import Path
write_image(Path("x.png"), numpy.zeros((20, 20, 3), numpy.uint8))
translator = Translator("run")
from pix2pix_tf.inference.memory import refuse_too_large
refuse_too_large(Path("x.png"), 9999, 9999, translator.config.generator)
assert translator(numpy.zeros((20, 20, 3), numpy.uint8)).shape == (20, 20, 3)
evaluate("run")
"""
    done = subprocess.run(
        [sys.executable, "-c", code],
        cwd=tmp_path,
        capture_output=True,
        text=True,
        check=False,
        env={**os.environ, "TF_CPP_MIN_LOG_LEVEL": "3"},
    )
    assert done.returncode == 0, done.stderr
