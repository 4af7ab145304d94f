"""The program that the files are given to, in a process of its own: a crash, a hang and memory
without bound are findings there, and not the end of the fuzzer.

As a program it reads cases, a line of JSON each, and answers each by another.
"""

import base64
import io
import json
import os
import resource
import selectors
import subprocess
import sys
import time
import traceback
from pathlib import Path

import numpy as np

SECONDS = 180.0  # for one file and all targets, on a busy machine; most take less than one
MEMORY = 3 * 2**30  # bytes of addresses beyond those of the start


class Victim:
    """Starts the program, gives it cases, and starts it anew when it has died."""

    def __init__(self, folder):
        self._folder = Path(folder)
        self._process = None
        self.starts = 0
        self.slowest = (0.0, "")
        self.largest = 0  # bytes held, at most

    def __enter__(self):
        return self

    def __exit__(self, *_):
        self._end()

    def give(self, file, keep=None):
        """Outcomes by target, and what went wrong in words, or None."""
        if self._process is None:
            self._start()
        case = {
            "name": file.name,
            "data": base64.b64encode(file.data).decode(),
            "pixels": None if file.pixels is None else _packed(file.pixels),
            "sound": file.sound,
        }
        start = time.monotonic()
        try:
            self._process.stdin.write(json.dumps(case).encode() + b"\n")
            self._process.stdin.flush()
            answer = self._line(SECONDS)
        except BrokenPipeError:
            answer = b""
        seconds = time.monotonic() - start
        self.slowest = max(self.slowest, (seconds, file.what))
        if not answer:
            return {}, self._died(seconds)
        told = json.loads(answer)
        self.largest = max(self.largest, told["bytes"])
        return told["outcomes"], told["wrong"]

    def _start(self):
        self._folder.mkdir(parents=True, exist_ok=True)
        self._errors = (self._folder / "stderr").open("wb")
        self._process = subprocess.Popen(
            [
                sys.executable,
                "-m",
                "tests.fuzz.victim",
                (self._folder / f"{self.starts}").resolve(),
            ],
            cwd=Path(__file__).parents[2],
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            stderr=self._errors,
        )
        self.starts += 1
        assert self._line(300) == b"ready\n", (self._folder / "stderr").read_text()

    def _line(self, seconds):
        """The next one; empty where there is none in time, or none any more."""
        with selectors.DefaultSelector() as selector:
            selector.register(self._process.stdout, selectors.EVENT_READ)
            return self._process.stdout.readline() if selector.select(seconds) else b""

    def _died(self, seconds):
        code = self._process.poll()
        said = (self._folder / "stderr").read_bytes()[-2000:].decode(errors="replace")
        self._end()
        if code is None and seconds >= SECONDS:
            return f"hangs: no answer in {SECONDS:.0f} s"
        return f"crash: exit code {code}: {said}"

    def _end(self):
        if self._process is not None:
            self._process.kill()
            self._process.communicate()
            self._process = None


def _packed(pixels):
    file = io.BytesIO()
    np.save(file, np.ascontiguousarray(pixels), allow_pickle=False)
    return base64.b64encode(file.getvalue()).decode()


def _serve(folder):
    os.environ.setdefault("TF_CPP_MIN_LOG_LEVEL", "2")
    os.environ["XDG_CACHE_HOME"] = str(folder / "cache")
    answers = os.fdopen(os.dup(1), "wb", buffering=0)
    os.dup2(2, 1)  # whatever a library prints is no answer
    from tests.fuzz.odd_files import soft
    from tests.fuzz.targets import Targets

    targets = Targets(folder)
    file = io.BytesIO()
    soft(16, 16).save(file, "PNG")
    targets.run("x.png", file.getvalue(), None, sound=True)  # all is traced and started
    used = int(Path("/proc/self/statm").read_text().split()[0]) * resource.getpagesize()
    resource.setrlimit(resource.RLIMIT_AS, (used + MEMORY, used + MEMORY))
    answers.write(b"ready\n")
    for line in sys.stdin.buffer:
        case = json.loads(line)
        pixels = case["pixels"]
        if pixels is not None:
            pixels = np.load(io.BytesIO(base64.b64decode(pixels)), allow_pickle=False)
        outcomes, wrong = {}, None
        try:
            data = base64.b64decode(case["data"])
            outcomes = targets.run(case["name"], data, pixels, case["sound"])
        except Exception as error:
            wrong = f"{error}" if type(error).__name__ == "WrongError" else traceback.format_exc()
        held = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss * 1024
        told = {"outcomes": outcomes, "wrong": wrong, "bytes": held}
        answers.write(json.dumps(told).encode() + b"\n")


if __name__ == "__main__":
    _serve(Path(sys.argv[1]))
