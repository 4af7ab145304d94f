"""What the demo's server answers, asked over HTTP."""

import socket
import threading
import time
from urllib.parse import urlsplit

import numpy as np
import pytest
from PIL import Image

from pix2pix_tf.demo import app as demo
from pix2pix_tf.demo.app import PAGE, make_app
from pix2pix_tf.exporters import web
from pix2pix_tf.inference.translator import Translator
from tests.demo.visitors import Visitor, blocks, file_of, in_thread, pixels, png_of_zeros

NAMES = {
    "/": ("index.html", web.PAGE),
    "/page.css": ("page.css", web.PAGE),
    "/page.js": ("page.js", web.PAGE),
    "/model.js": ("model.js", PAGE),
}


@pytest.fixture(scope="module")
def translator(finished_run):
    return Translator(finished_run)


@pytest.fixture
def address(translator):
    with in_thread(make_app(translator, "blocks", [blocks()])) as address:
        yield address


@pytest.fixture
def visitor(address):
    with Visitor(address) as visitor:
        yield visitor


@pytest.fixture
def slow(translator, monkeypatch):
    """Translations wait until this is set; each that has begun counts."""
    gate = threading.Event()
    gate.begun = 0

    def wait(image, **words):
        gate.begun += 1
        assert gate.wait(30)
        return image

    monkeypatch.setattr(Translator, "__call__", lambda self, image, **words: wait(image))
    yield gate
    gate.set()


def until(condition):
    deadline = time.monotonic() + 30
    while not condition():
        assert time.monotonic() < deadline
        time.sleep(0.01)


def test_translation_is_that_of_translate(visitor, translator):
    image = blocks(1)
    status, png = visitor.post("/translate?seed=7", file_of(image))
    assert (status, visitor.headers["content-type"]) == (200, "image/png")
    assert np.array_equal(pixels(png), translator(image, seed=7))
    _, other = visitor.post("/translate?seed=8", file_of(image))
    assert not np.array_equal(pixels(other), pixels(png))
    _, calm = visitor.post("/translate?dropout=off", file_of(image, "WEBP", lossless=True))
    assert np.array_equal(pixels(calm), translator(image, dropout=False))


def test_pictures_of_any_size_and_without_words_noise_is_drawn(visitor):
    sent = file_of(blocks(size=(45, 31)))
    first, second = (pixels(visitor.post("/translate", sent)[1]) for _ in range(2))
    assert first.shape == (45, 31, 3)
    assert not np.array_equal(first, second)


def test_picture_comes_back_in_the_drawings_size(visitor):
    status, png = visitor.post("/image", file_of(blocks(size=(64, 64)), "JPEG"))
    assert (status, pixels(png).shape) == (200, (32, 32, 3))
    assert visitor.post("/image", file_of(blocks()))[0] == 200


def test_page_is_told_what_it_draws_with(visitor):
    _, task = visitor.get("/page.json")
    assert task["title"] == "blocks"
    assert (task["height"], task["width"], task["noise"]) == (32, 32, True)
    assert task["background"] == "#282828"
    assert task["palette"][0] == "#282828"
    assert task["bodyBytes"] == demo.MAX_BODY_BYTES
    assert np.array_equal(pixels(visitor.get("/example.png")[1]), blocks())


def test_what_cannot_be_read_is_refused_in_words(visitor):
    cmyk = file_of(Image.new("CMYK", (8, 8)), "JPEG")
    for path in ("/translate", "/image"):
        status, said = visitor.post(path, cmyk)
        assert (status, said["error"][:30]) == (422, "This picture is a CMYK image, ")
        status, said = visitor.post(path, png_of_zeros(6000, 5000))
        assert status == 422
        assert "is the limit" in said["error"] or "are the limit" in said["error"]
        assert visitor.post(path, b"")[0] == 422
    status, said = visitor.post("/translate", file_of(np.zeros((8, 1025, 3), np.uint8)))
    assert (status, "1025×8" in said["error"], "1024 a side" in said["error"]) == (422, True, True)


@pytest.mark.parametrize(
    "words",
    ["seed=-1", "seed=x", "seed=2147483648", "seed=", "seed=%D9%A3", "dropout=maybe", "size=9"],
)
def test_words_that_make_no_sense_are_refused(visitor, words):
    status, said = visitor.post(f"/translate?{words}", file_of(blocks()))
    assert status == 400
    assert "xpected" in said["error"]


@pytest.mark.parametrize(
    "path",
    [
        "/config.yaml",
        "/../config.yaml",
        "/..%2f..%2fconfig.yaml",
        "/worker.js",
        "/model.tflite",
        "/checkpoints/checkpoint",
        "/page/model.js",
        "/app.py",
        "//etc/passwd",
        "/%00",
        f"/{'a' * 5000}",
    ],
)
def test_no_path_reaches_the_file_system(visitor, path):
    assert visitor.get(path)[0] == 404


def test_only_pictures_are_taken_and_not_from_forms(visitor):
    sent = file_of(blocks())
    for kind in ("application/x-www-form-urlencoded", "multipart/form-data", "text/plain", None):
        status, said = visitor.ask("POST", "/translate", sent, kind)
        assert (status, "content-type" in said["error"]) == (415, True)
    assert visitor.ask("POST", "/translate", sent, "image/png")[0] == 200
    assert visitor.get("/translate")[0] == 405


def test_every_answer_has_the_headers(visitor):
    asked = [("GET", path) for path in (*NAMES, "/page.json", "/example.png", "/nowhere")]
    for method, path in [*asked, ("POST", "/translate"), ("PUT", "/image")]:
        visitor.ask(method, path)
        policy = visitor.headers["content-security-policy"]
        assert policy.startswith("default-src 'none'; script-src 'self';")
        assert "http" not in policy
        assert "unsafe" not in policy
        assert visitor.headers["x-content-type-options"] == "nosniff"
        assert visitor.headers["referrer-policy"] == "no-referrer"
        assert visitor.headers["cross-origin-resource-policy"] == "same-origin"
        assert "set-cookie" not in visitor.headers
        assert "access-control-allow-origin" not in visitor.headers


def test_page_is_the_exported_one_with_another_model(visitor):
    for path, (name, folder) in NAMES.items():
        assert visitor.get(path)[1] == (folder / name).read_bytes()
        assert "//" not in (folder / name).read_text().replace("// ", "").replace(
            "http://localhost:8000",
            "",  # words of the exported page, opened as a file
        )


def test_bodies_have_a_limit_each(visitor, monkeypatch):
    monkeypatch.setattr(demo, "MAX_BODY_BYTES", 5000)
    assert visitor.post("/image", bytes(5000))[0] == 422
    status, said = visitor.post("/image", bytes(5001))
    assert (status, said["error"]) == (413, "Expected 5000 bytes at most.")
    assert visitor.post("/translate", bytes(10**6))[0] == 413
    assert visitor.post("/translate", file_of(blocks()))[0] == 200


def test_bodies_have_a_limit_together(address, visitor, slow, monkeypatch):
    monkeypatch.setattr(demo, "MAX_BUFFERED_BYTES", 3 * len(file_of(blocks())))
    threads = [threading.Thread(target=_translated, args=(address,)) for _ in range(3)]
    for thread in threads:
        thread.start()
    until(lambda: slow.begun == 1)
    time.sleep(0.3)  # the other two have come too
    status, _ = visitor.post("/translate", file_of(blocks()))
    assert (status, visitor.headers["retry-after"]) == (503, "2")
    slow.set()
    for thread in threads:
        thread.join()
    assert visitor.post("/translate", file_of(blocks()))[0] == 200  # all is let go again


def test_body_that_does_not_come_is_not_waited_for(address, monkeypatch):
    monkeypatch.setattr(demo, "BODY_SECONDS", 0.2)
    with socket.create_connection(("127.0.0.1", urlsplit(address).port)) as connection:
        head = "POST /translate HTTP/1.1\r\nhost: a\r\ncontent-type: image/png\r\n"
        connection.sendall(f"{head}content-length: 100\r\n\r\nabc".encode())
        assert connection.recv(100).startswith(b"HTTP/1.1 408 ")


def _translated(address):
    with Visitor(address) as other:
        assert other.post("/translate", file_of(blocks()))[0] == 200


def test_those_who_wait_are_bounded_and_served_one_at_a_time(address, visitor, slow, monkeypatch):
    monkeypatch.setattr(demo, "MAX_QUEUE", 3)
    threads = [threading.Thread(target=_translated, args=(address,)) for _ in range(3)]
    for thread in threads:
        thread.start()
    until(lambda: slow.begun == 1)
    time.sleep(0.3)
    status, said = visitor.post("/translate", file_of(blocks()))
    assert (status, visitor.headers["retry-after"]) == (503, "2")
    assert said["error"] == "The server is busy. Please try again."
    assert visitor.post("/image", file_of(blocks()))[0] == 503
    assert visitor.get("/")[0] == 200
    assert slow.begun == 1
    slow.set()
    for thread in threads:
        thread.join()
    assert visitor.post("/translate", file_of(blocks()))[0] == 200


def test_who_left_is_not_translated_for(address, visitor, slow):
    waiting = threading.Thread(target=_translated, args=(address,))
    waiting.start()
    until(lambda: slow.begun == 1)
    with Visitor(address) as gone:
        gone.connection.request(
            "POST", "/translate", file_of(blocks()), {"content-type": "image/png"}
        )
        time.sleep(0.2)
    time.sleep(0.2)
    slow.set()
    waiting.join()
    assert visitor.post("/translate", file_of(blocks()))[0] == 200
    assert slow.begun == 2


def test_failure_of_the_server_is_said_and_the_next_one_is_served(address, monkeypatch):
    with monkeypatch.context() as broken, Visitor(address) as visitor:
        broken.setattr(Translator, "__call__", lambda *_, **__: 1 / 0)
        status, said = visitor.post("/translate", file_of(blocks()))
        assert (status, said["error"]) == (
            500,
            "The server could not do this. Please try again.",
        )
    _translated(address)
