"""The commands `pix2pix-tf data ...`, as a user types them."""

import struct
import subprocess
import sys
import tarfile
import threading
import zlib
from functools import partial
from http.server import SimpleHTTPRequestHandler, ThreadingHTTPServer

import numpy as np
import pytest
from PIL import Image

from pix2pix_tf.images.io import write_image
from tests.conftest import typed


class Quiet(SimpleHTTPRequestHandler):
    def log_message(self, *_):
        pass


@pytest.fixture
def address(tmp_path, pairs_folder):
    """Of a server with facades.tar.gz."""
    root = pairs_folder("published/facades", train=2, val=1)
    with tarfile.open(root.parent / "facades.tar.gz", "w:gz") as tar:
        tar.add(root, "facades")
    server = ThreadingHTTPServer(("127.0.0.1", 0), partial(Quiet, directory=str(root.parent)))
    threading.Thread(target=server.serve_forever, args=(0.01,), daemon=True).start()
    yield f"http://127.0.0.1:{server.server_port}"
    server.shutdown()
    server.server_close()


def pictures(folder, *names, width=8):
    folder.mkdir(parents=True)
    for name in names:
        write_image(folder / name, np.zeros((8, width, 3), np.uint8))
    return folder


def test_help_names_the_commands(tmp_path):
    done = typed("data", "--help", cwd=tmp_path)
    assert done.returncode == 0
    for name in ("list", "download", "check", "pair", "split", "sample"):
        assert f" {name} " in done.stdout


def test_list_download_check(here, address):
    code, out, _ = here("data", "list")
    assert code == 0
    assert "night2day" in out
    assert "Licence: not stated" in out
    assert "Cite: Tyleček" in out
    assert "│ yes " not in out

    code, out, err = here("data", "download", "facades", "--url", address)
    assert (code, err) == (0, "")
    assert f"3 images in datasets/facades, from {address}/facades.tar.gz" in out
    assert "sha256 " in out
    assert "Please cite: Tyleček" in out
    code, _, err = here("data", "download", "facades", "--url", address)
    assert code == 2
    assert "datasets/facades: already exists" in err
    assert "│ yes " in here("data", "list")[1]

    code, out, err = here("data", "check", "datasets/facades")
    assert (code, err) == (0, "")
    assert "72×36" in out
    assert "8 bit RGB" in out
    assert "all good in datasets/facades" in out


def test_check_ends_with_2_and_names_everything(here, pairs_folder):
    root = pairs_folder()
    (root / "train" / "3.png").write_bytes(b"not a picture")
    (root / "train" / "[4].png").write_bytes(b"not a picture")
    code, out, err = here("data", "check", root)
    assert code == 2
    assert f"{root}/train/3.png is not an image" in out
    assert f"{root}/train/[4].png is not an image" in out
    assert f"problems in {root}: 2" in out
    assert "Traceback" not in out + err


def test_check_shows_the_commonest_kinds(here, tmp_path):
    (tmp_path / "many").mkdir()
    for width in range(2, 32, 2):
        write_image(tmp_path / "many" / f"{width}.png", np.zeros((8, width, 1), np.uint8))
    code, out, _ = here("data", "check", "many", "--layout", "side_by_side")
    assert code == 0
    assert "3 more" in out


def test_16_bit_colour_is_called_by_its_name(here, tmp_path):
    def chunk(name, data):
        checksum = zlib.crc32(name + data)
        return struct.pack(">I", len(data)) + name + data + struct.pack(">I", checksum)

    header = bytes((0, 0, 0, 2, 0, 0, 0, 1, 16, 2, 0, 0, 0))
    pixels = zlib.compress(bytes(1 + 2 * 6))
    (tmp_path / "deep").mkdir()
    (tmp_path / "deep" / "1.png").write_bytes(
        b"\x89PNG\r\n\x1a\n" + chunk(b"IHDR", header) + chunk(b"IDAT", pixels) + chunk(b"IEND", b"")
    )
    code, out, err = here("data", "check", "deep")
    assert (code, err) == (0, "")
    assert "16 bit RGB " in out


def test_pair_and_split(here, tmp_path):
    names = [f"{number}.png" for number in range(10)]
    pictures(tmp_path / "a", *names), pictures(tmp_path / "b", *names, width=12)
    words = ("data", "pair", "--a", "a", "--b", "b", "--output", "ab")
    code, _, err = here(*words)
    assert code == 2
    assert "give --resize" in err
    code, out, _ = here(*words, "--resize")
    assert (code, out) == (0, "10 pairs in ab\n")
    assert Image.open(tmp_path / "ab" / "3.png").size == (16, 8)

    code, out, _ = here("data", "split", "ab", "--output", "new", "--val", 0.2, "--test", 0.1)
    assert (code, out) == (0, "ab: side-by-side pairs\npairs in new: 8 train, 1 val, 1 test\n")
    assert len(list((tmp_path / "ab").iterdir())) == 10
    code, out, _ = here("data", "split", "ab", "--move", "--seed", 3)
    assert (code, out) == (0, "ab: side-by-side pairs\npairs in ab: 8 train, 2 val\n")
    assert sorted(path.name for path in (tmp_path / "ab").iterdir()) == ["train", "val"]


@pytest.mark.parametrize(
    ("words", "message"),
    [
        (["download", "facade"], "did you mean facades?"),
        (["download", "maps", "--url", "nowhere"], "begins http:// or https://"),
        (["download", "maps", "--url", "http://127.0.0.1:1"], "cannot be reached"),
        (["download", "maps", "--sha256", "123"], "expected 64 hexadecimal digits"),
        (["check", "nowhere"], "There is no folder"),
        (["pair", "--a", "x", "--b", "y", "--output", "z"], "--a x: there is no such folder"),
        (["split", "nowhere", "--output", "x"], "There is no folder"),
        (["split", "nowhere"], "give a new folder for the copies"),
    ],
)
def test_bad_input_is_one_message_and_exit_code_2(here, words, message):
    code, _, err = here("data", *words)
    assert code == 2
    assert message in err
    assert "Traceback" not in err


def test_help_and_list_need_neither_tensorflow_nor_numpy():
    code = (
        "import sys; sys.argv = ['pix2pix-tf', 'data', 'list']\n"
        "from pix2pix_tf.cli.main import app\n"
        "try: app()\n"
        "except SystemExit: pass\n"
        "sys.exit('tensorflow' in sys.modules or 'numpy' in sys.modules)"
    )
    assert subprocess.run([sys.executable, "-c", code], stdout=-3, check=False).returncode == 0


def test_sample_is_written(here, tmp_path):
    code, out, _ = here(
        "data", "sample", "--output", "city", "--train", 2, "--val", 1, "--size", 48
    )
    assert code == 0
    assert "2 training and 1 validation pair in city" in out
    assert Image.open(tmp_path / "city" / "val" / "city-1000000.png").size == (96, 48)
