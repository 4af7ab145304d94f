"""`pix2pix-tf demo` as a process: many at once, stopped, and what is wrong said."""

import signal
import socket
import sys
import threading
import time
from pathlib import Path

import numpy as np
import pytest

from pix2pix_tf.demo.serving import serve
from pix2pix_tf.images.io import write_image
from pix2pix_tf.inference.translator import Translator
from pix2pix_tf.utils.errors import UserError
from tests.demo.visitors import Served, Visitor, blocks, file_of, pixels

pytestmark = pytest.mark.slow("starts the command as a process")

CLIENTS = 50


def memory(process):
    """Bytes that a process holds."""
    return 4096 * int(Path(f"/proc/{process.pid}/statm").read_text().split()[1])


def visit(address, seconds):
    """Fifty clients that ask without a pause; how many answers there were of each status."""
    statuses, errors = {}, []
    end = time.monotonic() + seconds

    def ask(number):
        try:
            sent, expected = file_of(blocks(number)), None
            with Visitor(address) as visitor:
                while expected is None or time.monotonic() < end:
                    status, png = visitor.post(f"/translate?seed={number}", sent)
                    statuses[status] = statuses.get(status, 0) + 1
                    # Always one's own picture, the same each time.
                    expected = png if expected is None else expected
                    assert png == expected
        except BaseException as error:
            errors.append(error)

    threads = [threading.Thread(target=ask, args=(number,)) for number in range(CLIENTS)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    if errors:
        raise errors[0]
    return statuses


@pytest.mark.skipif(sys.platform != "linux", reason="reads /proc")
def test_fifty_clients_at_once_then_ctrl_c(finished_run):
    with Served(finished_run) as served:
        with Visitor(served.address) as early:
            early.post("/translate", file_of(blocks()))
        before = memory(served.process)
        statuses = visit(served.address, seconds=1)
        assert memory(served.process) - before < 100e6
        out, err, code = served.end(signal.SIGINT)
    assert list(statuses) == [200]
    assert statuses[200] >= CLIENTS
    assert served.said[0] == f"{finished_run}, step 2: {served.address}\n"
    assert served.said[1].startswith("Reachable from this machine only")
    assert (out, err, code) == ("stopped\n", "", 0)


def test_from_the_command_to_the_picture(tiny_run):
    (tiny_run / "mine").mkdir()
    write_image(tiny_run / "mine" / "0.png", blocks(3))
    words = ("--input", "mine", "--checkpoint", "best", "--host", "localhost")
    with Served(tiny_run, *words, cwd=tiny_run) as served, Visitor(served.address) as visitor:
        assert served.address.startswith("http://localhost:")
        assert np.array_equal(pixels(visitor.get("/example.png")[1]), blocks(3))
        assert visitor.get("/page.json")[1]["title"] == "tiny_run"
        status, png = visitor.post("/translate?seed=1", file_of(blocks(4)))
    assert status == 200
    expected = Translator(tiny_run, checkpoint="best")(blocks(4), seed=1)
    assert np.abs(pixels(png).astype(int) - expected).max() <= 1


def test_what_is_wrong_is_one_sentence_and_exit_code_2(here, tiny_run):
    def refused(*words):
        code, out, err = here("demo", *words)
        assert (code, out) == (2, "")
        return err

    with socket.create_server(("127.0.0.1", 0)) as taken:
        port = taken.getsockname()[1]
        said = refused("--run", tiny_run, "--port", port)
    assert f"--port {port}: cannot be listened on: Address already in use" in said
    assert "run nowhere: no such folder" in refused("--run", "nowhere", "--port", 0)
    assert "expected newest or best" in refused("--run", tiny_run, "--checkpoint", "last")
    empty = tiny_run / "empty"
    empty.mkdir()
    said = refused("--run", tiny_run, "--port", 0, "--input", empty)
    assert "holds no images" in said


def test_run_whose_data_is_elsewhere_says_what_to_give(here, tiny_run):
    config = tiny_run / "config.yaml"
    text = config.read_text()
    root = next(line for line in text.splitlines() if line.strip().startswith("root:"))
    config.write_text(text.replace(root, "  root: /nowhere"))
    code, _, err = here("demo", "--run", tiny_run, "--port", 0)
    assert code == 2
    assert "--input FOLDER" in err


def test_without_uvicorn_the_extra_is_named(finished_run, monkeypatch):
    monkeypatch.setitem(sys.modules, "uvicorn", None)
    with pytest.raises(UserError, match=r"pip install 'pix2pix-tf\[serve\]'"):
        serve(finished_run)
