"""Studies of tiny images, and participants who speak HTTP as the page does."""

import http.client
import io
import json
import subprocess
import threading
import time
from contextlib import contextmanager
from urllib.parse import urlsplit

import numpy as np
import uvicorn
from PIL import Image

from pix2pix_tf.images.io import write_image
from pix2pix_tf.study.app import make_app
from pix2pix_tf.study.create import create_study
from pix2pix_tf.study.settings import Protocol
from tests.conftest import COMMAND

SHADES = {"real": 0, "L1": 100, "L1+cGAN": 200}  # red says the side, green the input
QUICK = Protocol(inputs="different", practice=2, trials=3, seconds=0.05)


def write_sides(root, *names, count=6, size=(8, 8)):
    """Writes folders of images of one colour each, which says what it is."""
    for name in names or SHADES:
        (root / name).mkdir(parents=True)
        for number in range(count):
            colour = (SHADES[name], 10 * number, 0)
            write_image(root / name / f"{number}.png", np.full((*size, 3), colour, np.uint8))
    return root


def tiny_study(root, protocol=QUICK, algorithms=("L1", "L1+cGAN"), count=6, **words):
    """A study of such images in root / "study"."""
    if not (root / "sides").exists():
        write_sides(root / "sides", count=count)
    fakes = {name: root / "sides" / name for name in algorithms}
    return create_study(
        root / "study", "tiny", root / "sides" / "real", fakes, protocol=protocol, **words
    )


def seen(png):
    """Of a image of a tiny study: which side it is of, and of which input."""
    red, green, _ = np.array(Image.open(io.BytesIO(png)).convert("RGB"))[0, 0]
    return {shade: name for name, shade in SHADES.items()}[red], int(green) // 10


@contextmanager
def in_thread(study):
    """Serves a study from this process; gives the address."""
    config = uvicorn.Config(make_app(study.folder), port=0, log_level="critical", access_log=False)
    server = uvicorn.Server(config)
    thread = threading.Thread(target=server.run, daemon=True)
    thread.start()
    while not server.started:
        assert thread.is_alive()
        time.sleep(0.01)
    try:
        yield f"http://127.0.0.1:{server.servers[0].sockets[0].getsockname()[1]}/"
    finally:
        server.should_exit = True
        thread.join()


class Served:
    """Serves a study by the command, in a process of its own."""

    def __init__(self, study, port=0):
        words = ["study", "serve", "--study", study.folder, "--port", port]
        self.process = subprocess.Popen(
            [COMMAND, *map(str, words)],
            stdout=subprocess.PIPE,
            stderr=subprocess.PIPE,
            text=True,
        )
        self.said = [self.process.stdout.readline()]
        while self.said[-1] and not self.said[-1].startswith("Ctrl-C stops it"):
            self.said.append(self.process.stdout.readline())
        self.address = self.said[0].split()[-1]
        self.port = urlsplit(self.address).port

    def __enter__(self):
        return self

    def __exit__(self, *_):
        self.process.kill()
        self.process.communicate()

    def end(self, signal):
        """Sends a signal; what was printed then, what as an error, the exit code."""
        self.process.send_signal(signal)
        out, err = self.process.communicate(timeout=30)
        return out, err, self.process.returncode


class Participant:
    """One browser: keeps its cookie."""

    def __init__(self, address):
        self.connection = http.client.HTTPConnection(urlsplit(address).netloc, timeout=60)
        self.cookie = None
        self.headers = {}

    def __enter__(self):
        return self

    def __exit__(self, *_):
        self.connection.close()

    def ask(self, method, path, body=None, headers=()):
        """Status and body of an answer; `body` is sent as JSON, or as it is if it is bytes."""
        own = {} if self.cookie is None else {"cookie": self.cookie}
        if body is not None:
            own["content-type"] = "application/json"
            body = body if isinstance(body, bytes) else json.dumps(body)
        self.connection.request(method, path, body, {**own, **dict(headers)})
        response = self.connection.getresponse()
        content = response.read()
        self.headers = {name.lower(): value for name, value in response.getheaders()}
        if "set-cookie" in self.headers:
            self.cookie = self.headers["set-cookie"].partition(";")[0]
        kind = self.headers.get("content-type", "")
        return response.status, json.loads(content) if "json" in kind else content

    def get(self, path):
        return self.ask("GET", path)

    def start(self, invite=None):
        return self.ask("POST", "/session", {"invite": invite})

    def next(self):
        return self.get("/state")[1]["next"]

    def looks(self, number):
        """What the two images of a trial are: two couples of side and input."""
        return [seen(self.get(f"/trials/{number}/{place}")[1]) for place in ("first", "second")]

    def answers(self, number, fake="first", **changes):
        times = {"first_ms": 50.0, "second_ms": 50.5, "response_ms": 1, "showings": 1}
        return self.ask("POST", f"/trials/{number}", {"fake": fake, **times, **changes})

    def takes_part(self, fooled=lambda number: False, invite=None):
        """A whole session; `fooled` says of which trials the fake is taken for real."""
        assert self.start(invite)[0] == 200
        state = self.get("/state")[1]
        for number in range(state["next"], state["practice"] + state["trials"]):
            real_first = self.looks(number)[0][0] == "real"
            fake = "first" if real_first == fooled(number) else "second"
            status, told = self.answers(number, fake)
            assert (status, told["next"]) == (200, number + 1)
