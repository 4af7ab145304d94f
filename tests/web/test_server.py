"""What every page served here refuses, asked over HTTP by hand."""

import contextlib
import socket
import subprocess
import sys
import threading
import time

import pytest
from starlette.requests import Request
from starlette.responses import PlainTextResponse
from starlette.routing import Route

from pix2pix_tf.web.app import HEADERS, make_page_app, read_body
from pix2pix_tf.web.loopback import is_loopback
from pix2pix_tf.web.server import serve_page

LIMIT = 1000
STUDY = "{name: a, id: 0123456789abcdef, size: [8, 8], algorithms: [L1], images: [a]}"


async def _said(request: Request):
    body = await read_body(request, LIMIT, 5.0) if request.method == "POST" else b""
    return PlainTextResponse(f"said {len(body)}")


@contextlib.contextmanager
def served(host):
    """A page as the commands serve it, listening on `host`; gives its port."""
    import uvicorn

    found, server = [], []
    run = uvicorn.Server.run

    def keep(self, sockets):
        server.append(self)
        self.install_signal_handlers = lambda: None
        run(self, sockets)

    def page():
        return make_page_app([Route("/", _said, methods=["GET", "POST"])])

    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(uvicorn.Server, "run", keep)
        arguments = (page, host, 0, found.append)
        thread = threading.Thread(target=serve_page, args=arguments, daemon=True)
        thread.start()
        while not (server and server[0].started):
            assert thread.is_alive()
            time.sleep(0.01)
    try:
        yield int(found[0].rstrip("/").rpartition(":")[2])
    finally:
        server[0].should_exit = True
        thread.join()


@pytest.fixture(scope="module")
def port():
    with served("127.0.0.1") as port:
        yield port


def asked(port, *lines, body=b"", method="GET"):
    """The whole answer to a request of these lines."""
    head = "\r\n".join([f"{method} / HTTP/1.1", *lines, "connection: close", "", ""])
    with socket.create_connection(("127.0.0.1", port), timeout=20) as connection:
        connection.sendall(head.encode("latin-1") + body)
        answer = b""
        while part := connection.recv(65536):
            answer += part
    return answer.decode()


@pytest.mark.parametrize("name", ["127.0.0.1", "localhost", "LOCALHOST.", "127.9.9.9", "[::1]"])
def test_own_names_are_answered(port, name):
    for given in (name, f"{name}:{port}"):
        assert "said 0" in asked(port, f"host: {given}")


@pytest.mark.parametrize(
    "name", ["evil.example", "localhost.evil.example", "10.0.0.1", "", "127.0.0.1@x", "0.0.0.0"]
)
def test_other_names_for_this_machine_are_not(port, name):
    answer = asked(port, f"host: {name}:{port}")
    assert answer.startswith("HTTP/1.1 421 ")
    assert "said" not in answer
    for header, value in HEADERS.items():
        assert f"{header}: {value}" in answer


def test_page_that_is_open_to_the_network_has_any_name():
    with served("0.0.0.0") as port:
        assert "said 0" in asked(port, "host: study.example")


@pytest.mark.parametrize("site", ["cross-site", "same-site", "what-comes-next"])
def test_what_another_sites_page_sends_is_refused(port, site):
    lines = ("host: localhost", f"sec-fetch-site: {site}", "content-length: 1")
    answer = asked(port, *lines, body=b"x", method="POST")
    assert answer.startswith("HTTP/1.1 403 ")
    assert "content-security-policy: default-src 'none'" in answer
    assert "said 0" in asked(port, *lines[:2])  # a link from there may be followed


@pytest.mark.parametrize("line", ["sec-fetch-site: same-origin", "sec-fetch-site: none", "a: b"])
def test_what_the_page_itself_sends_is_taken(port, line):
    lines = ("host: localhost", line, "content-length: 1")
    assert "said 1" in asked(port, *lines, body=b"x", method="POST")


def test_bodies_of_no_stated_length_are_bounded(port):
    lines = ("host: localhost", "transfer-encoding: chunked")
    for size, words in ((LIMIT, f"said {LIMIT}"), (LIMIT + 1, "HTTP/1.1 413 ")):
        body = b"".join(b"1\r\nx\r\n" for _ in range(size)) + b"0\r\n\r\n"
        assert words in asked(port, *lines, body=body, method="POST")


def test_heads_are_bounded(port):
    lines = [f"x-{number}: {'y' * 1000}" for number in range(200)]
    with contextlib.suppress(ConnectionError):  # hung up on, mostly before the words arrive
        assert asked(port, "host: localhost", *lines).startswith("HTTP/1.1 400 ")
    assert "said 0" in asked(port, "host: localhost")


def test_no_other_protocol_is_spoken(port):
    lines = ("host: localhost", "upgrade: websocket", "sec-websocket-version: 13")
    answer = asked(port, *lines, "connection: upgrade", "sec-websocket-key: eA==")
    assert "101" not in answer.splitlines()[0]


def test_loopback():
    assert all(map(is_loopback, ("127.0.0.1", "::1", "localhost", "127.1.2.3")))
    assert not any(map(is_loopback, ("0.0.0.0", "::", "192.168.0.1", "example.org", "")))


@pytest.mark.parametrize("missing", ["starlette", "uvicorn"])
def test_without_the_extra_a_command_names_it(tmp_path, missing):
    code = (
        f"import sys; sys.modules[{missing!r}] = None; "
        "sys.argv = ['pix2pix-tf', 'study', 'serve', '--study', 'study']; "
        "from pix2pix_tf.cli.main import main; main()"
    )
    (tmp_path / "study").mkdir()
    (tmp_path / "study" / "study.yaml").write_text(STUDY)
    ended = subprocess.run(
        [sys.executable, "-c", code], cwd=tmp_path, capture_output=True, text=True, check=False
    )
    assert ended.returncode == 2, ended.stderr
    assert f"needs {missing}, which is not installed" in ended.stderr
    assert "pip install 'pix2pix-tf[serve]'" in ended.stderr
    assert "Traceback" not in ended.stderr
