"""A tiny model's demo, and visitors who speak HTTP as the page does."""

import http.client
import io
import json
import struct
import subprocess
import threading
import time
import zlib
from contextlib import contextmanager
from urllib.parse import urlsplit

import numpy as np
import uvicorn
from PIL import Image

from tests.conftest import COMMAND


@contextmanager
def in_thread(app):
    """Serves an application from this process; gives the address."""
    config = uvicorn.Config(app, port=0, log_level="critical", access_log=False)
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
    """Serves a run by the command, in a process of its own."""

    def __init__(self, run, *words, cwd=None):
        words = ["demo", "--run", run, "--port", 0, *words]
        self.process = subprocess.Popen(
            [COMMAND, *map(str, words)],
            cwd=cwd,
            stdout=subprocess.PIPE,
            stderr=subprocess.PIPE,
            text=True,
        )
        self.said = [self.process.stdout.readline()]
        while self.said[-1] and not self.said[-1].startswith("Ctrl-C stops it"):
            self.said.append(self.process.stdout.readline())
        self.address = self.said[0].split()[-1]

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


class Visitor:
    """One browser's connection."""

    def __init__(self, address):
        self.connection = http.client.HTTPConnection(urlsplit(address).netloc, timeout=60)
        self.headers = {}

    def __enter__(self):
        return self

    def __exit__(self, *_):
        self.connection.close()

    def ask(self, method, path, body=None, kind="application/octet-stream"):
        """Status and body of an answer: bytes, or what JSON says."""
        headers = {} if body is None or kind is None else {"content-type": kind}
        self.connection.request(method, path, body, headers)
        response = self.connection.getresponse()
        content = response.read()
        self.headers = {name.lower(): value for name, value in response.getheaders()}
        json_given = "json" in self.headers.get("content-type", "")
        return response.status, json.loads(content) if json_given else content

    def get(self, path):
        return self.ask("GET", path)

    def post(self, path, body):
        return self.ask("POST", path, body)


def pixels(png):
    """What a PNG holds, RGB."""
    return np.array(Image.open(io.BytesIO(png)).convert("RGB"))


def file_of(image, kind="PNG", **options):
    """A file's content of a Pillow image or an array."""
    file = io.BytesIO()
    image = Image.fromarray(image) if isinstance(image, np.ndarray) else image
    image.save(file, kind, **options)
    return file.getvalue()


def blocks(seed=0, size=(32, 32)):
    """A picture like those the tiny run has learnt from."""
    random = np.random.default_rng(seed)
    image = np.full((*size, 3), 40, np.uint8)
    image[4:20, 6:18] = random.integers(60, 255, 3)
    return image


def png_of_zeros(width, height):
    """A small PNG that says it is large: grey, all of it there up to 3·10^7 pixels."""
    rows = zlib.compressobj(1)
    content = b"".join(
        rows.compress(bytes(1 + width)) for _ in range(min(height, 3 * 10**7 // width))
    )
    head = struct.pack(">IIBBBBB", width, height, 8, 0, 0, 0, 0)
    chunks = ((b"IHDR", head), (b"IDAT", content + rows.flush()), (b"IEND", b""))
    return b"\x89PNG\r\n\x1a\n" + b"".join(
        struct.pack(">I", len(data)) + kind + data + struct.pack(">I", zlib.crc32(kind + data))
        for kind, data in chunks
    )
