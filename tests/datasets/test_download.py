"""Downloads from a server of our own that misbehaves as asked, and archives that should not be."""

from __future__ import annotations

import gzip
import hashlib
import io
import json
import re
import stat
import tarfile
import threading
import zipfile
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer

import numpy as np
import pytest
from PIL import Image

from pix2pix_tf.datasets import fetch as fetching
from pix2pix_tf.datasets.catalogue import CATALOGUE, Dataset
from pix2pix_tf.datasets.download import download
from pix2pix_tf.datasets.unpack import unpack
from pix2pix_tf.utils.errors import UserError


class Server:
    """Serves `content` at every path that ends in `name`; notes the requests' headers."""

    def __init__(self) -> None:
        self.content = b""
        self.name = "maps.tar.gz"
        self.etag: str | None = '"1"'
        self.modified: str | None = None
        self.ranges = True  # whether it knows them
        self.blind = False  # whether it sends ranges of whatever there is, without If-Range
        self.says_length = True
        self.cut_after: int | None = None  # bytes of the next answer
        self.stall = threading.Event()
        self.stalls = False
        self.requests: list[dict[str, str]] = []
        server = self

        class Handler(BaseHTTPRequestHandler):
            def do_GET(self) -> None:
                server.answer(self)

            def log_message(self, *_) -> None:
                pass

        self._http = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
        self._http.daemon_threads = True
        threading.Thread(target=self._http.serve_forever, args=(0.01,), daemon=True).start()
        self.base = f"http://127.0.0.1:{self._http.server_port}/sets"
        self.url = f"{self.base}/{self.name}"

    def answer(self, handler: BaseHTTPRequestHandler) -> None:
        self.requests.append({key.lower(): value for key, value in handler.headers.items()})
        if not handler.path.endswith("/" + self.name):
            handler.send_error(404)
            return
        body, status = self.content, 200
        asked = re.fullmatch(r"bytes=(\d+)-", handler.headers.get("Range", ""))
        if asked and (self.blind or (self.ranges and self._same(handler.headers.get("If-Range")))):
            first = int(asked[1])
            if first >= len(body):
                handler.send_error(416)
                return
            body, status = body[first:], 206
        handler.send_response(status)
        if status == 206:
            total = len(self.content)
            handler.send_header("Content-Range", f"bytes {first}-{total - 1}/{total}")
        if self.says_length:
            handler.send_header("Content-Length", str(len(body)))
        if self.etag:
            handler.send_header("ETag", self.etag)
        if self.modified:
            handler.send_header("Last-Modified", self.modified)
        handler.end_headers()
        cut, self.cut_after = self.cut_after, None
        handler.wfile.write(body[:cut])
        handler.wfile.flush()
        if cut is not None and self.stalls:
            self.stall.wait(5)

    def _same(self, if_range: str | None) -> bool:
        return if_range is None or if_range in (self.etag, self.modified)

    def close(self) -> None:
        self.stall.set()
        self._http.shutdown()
        self._http.server_close()


@pytest.fixture
def server():
    server = Server()
    yield server
    server.close()


def image(seed=0):
    file = io.BytesIO()
    noise = np.random.default_rng(seed).integers(0, 256, (64, 128, 3), np.uint8)
    Image.fromarray(noise).save(file, "PNG")
    return file.getvalue()


IMAGES = {f"maps/{split}/{n}.png": image(n) for split, n in (("train", 1), ("val", 2))}


def tar_of(files, *more):
    """A .tar.gz of {name: bytes} and of further (TarInfo, bytes or None)."""
    file = io.BytesIO()
    with tarfile.open(fileobj=file, mode="w:gz") as tar:
        for name, content in files.items():
            member = tarfile.TarInfo(name)
            member.size = len(content)
            tar.addfile(member, io.BytesIO(content))
        for member, content in more:
            tar.addfile(member, None if content is None else io.BytesIO(content))
    return file.getvalue()


def zip_of(files):
    file = io.BytesIO()
    with zipfile.ZipFile(file, "w", zipfile.ZIP_DEFLATED) as archive:
        for name, content in files.items():
            archive.writestr(name, content)
    return file.getvalue()


def contents(folder):
    return {
        path.relative_to(folder).as_posix(): path.read_bytes()
        for path in folder.rglob("*")
        if path.is_file()
    }


def assert_whole(folder):
    """The dataset as it was published, and nothing else beside it."""
    assert contents(folder / "maps") == {
        name.removeprefix("maps/"): content for name, content in IMAGES.items()
    }
    assert [path.name for path in folder.iterdir()] == ["maps"]


def refusal(*arguments, **words):
    with pytest.raises(UserError) as caught:
        download(*arguments, **words)
    return str(caught.value)


# --- fetching ----------------------------------------------------------------------------------


def test_a_dataset_appears_whole(server, tmp_path):
    server.content = tar_of(IMAGES)
    stages = []
    done = download("maps", tmp_path, url=server.base, progress=lambda *words: stages.append(words))
    assert_whole(tmp_path)
    assert (done.folder, done.url, done.images) == (tmp_path / "maps", server.url, 2)
    assert done.sha256 == hashlib.sha256(server.content).hexdigest()
    size = len(server.content)
    for stage in ("fetching", "checking", "unpacking"):
        assert [words for words in stages if words[0] == stage][-1] == (stage, size, size)
    assert "range" not in server.requests[0]


def test_a_zip_without_a_top_folder(server, tmp_path):
    server.name = "own.zip"
    server.content = zip_of(
        {name.removeprefix("maps/"): content for name, content in IMAGES.items()}
    )
    download("maps", tmp_path / "new", url=f"{server.base}/own.zip")
    assert_whole(tmp_path / "new")


def test_a_dataset_of_another_name_from_an_archive(server, tmp_path):
    server.content = tar_of(IMAGES)
    assert download("charts", tmp_path, url=server.url).folder == tmp_path / "charts"
    assert "expected a name" in refusal("../charts", tmp_path, url=server.url)


def test_a_cut_connection_is_resumed(server, tmp_path):
    server.content = tar_of(IMAGES)
    server.cut_after = 5000
    message = refusal("maps", tmp_path, url=server.base)
    assert "was cut after 0.0 MB" in message
    assert "run the same command to resume" in message
    part = tmp_path / "maps.tar.gz.part"
    assert part.read_bytes() == server.content[:5000]
    assert not (tmp_path / "maps").exists()
    shown = []
    download("maps", tmp_path, url=server.base, progress=lambda *words: shown.append(words))
    assert server.requests[1]["range"] == "bytes=5000-"
    assert server.requests[1]["if-range"] == '"1"'
    assert shown[0] == ("fetching", 5000, len(server.content))
    assert_whole(tmp_path)


def test_a_stalled_connection_counts_as_cut(server, tmp_path):
    server.content = tar_of(IMAGES)
    server.cut_after, server.stalls = 5000, True
    message = refusal("maps", tmp_path, url=server.base, timeout=0.2)
    assert "no answer in time" in message
    assert "resume" in message
    download("maps", tmp_path, url=server.base)
    assert_whole(tmp_path)


def test_a_date_or_the_size_alone_suffice_to_resume(server, tmp_path):
    server.content = tar_of(IMAGES)
    for etag, modified in (('W/"1"', "Mon, 03 Sep 2018 08:58:00 GMT"), (None, None)):
        server.etag, server.modified, server.cut_after = etag, modified, 4000
        refusal("maps", tmp_path, url=server.base)
        folder = download("maps", tmp_path, url=server.base).folder
        assert server.requests[-1]["range"] == "bytes=4000-"
        assert server.requests[-1].get("if-range") == modified
        assert_whole(tmp_path)
        for path in sorted(folder.rglob("*"), reverse=True):
            path.rmdir() if path.is_dir() else path.unlink()
        folder.rmdir()


@pytest.mark.parametrize("length", [True, False])
def test_a_server_without_ranges_starts_over(server, tmp_path, length):
    server.content = tar_of(IMAGES)
    server.ranges, server.cut_after = False, 5000
    refusal("maps", tmp_path, url=server.base)
    server.says_length = length
    download("maps", tmp_path, url=server.base)
    assert "range" in server.requests[1]
    assert_whole(tmp_path)


@pytest.mark.parametrize("blind", [False, True])
def test_a_file_changed_between_attempts_starts_over(server, tmp_path, blind):
    server.content = tar_of({"maps/old.png": image(9), **IMAGES})
    server.cut_after = 5000
    refusal("maps", tmp_path, url=server.base)
    server.content, server.etag, server.blind = tar_of(IMAGES), '"2"', blind
    download("maps", tmp_path, url=server.base)
    assert_whole(tmp_path)


def test_a_shorter_file_starts_over(server, tmp_path):
    server.content = bytes(100_000)
    server.etag, server.cut_after = None, 90_000
    refusal("maps", tmp_path, url=server.base)
    server.content = tar_of(IMAGES)
    download("maps", tmp_path, url=server.base)  # 416 in between
    assert_whole(tmp_path)


def test_bytes_of_another_address_are_not_continued(server, tmp_path):
    server.content = tar_of({"x.png": image(9)})
    server.cut_after = 5000
    refusal("maps", tmp_path, url=f"{server.base}/elsewhere")
    server.content = tar_of(IMAGES)
    download("maps", tmp_path, url=server.base)
    assert "range" not in server.requests[1]
    assert_whole(tmp_path)


def test_bytes_nobody_knows_are_not_continued(server, tmp_path):
    server.content = tar_of(IMAGES)
    (tmp_path / "maps.tar.gz.part").write_bytes(b"something")
    (tmp_path / "maps.tar.gz.part.json").write_text('{"url": 1, "colour": 2}')
    download("maps", tmp_path, url=server.base)
    assert_whole(tmp_path)


def test_what_is_there_whole_is_not_fetched_again(server, tmp_path):
    part = tmp_path / "maps.tar.gz.part"
    part.write_bytes(tar_of(IMAGES))
    known = {"url": server.url, "size": part.stat().st_size}
    (tmp_path / "maps.tar.gz.part.json").write_text(json.dumps(known))
    download("maps", tmp_path, url=server.base)
    assert server.requests == []
    assert_whole(tmp_path)


def test_a_wrong_checksum_removes_the_file(server, tmp_path, monkeypatch):
    server.content = tar_of(IMAGES)
    right = hashlib.sha256(server.content).hexdigest()
    message = refusal("maps", tmp_path, url=server.base, sha256="0" * 64)
    assert f"has sha256 {right}, expected was 000" in message
    assert list(tmp_path.iterdir()) == []
    assert "64 hexadecimal digits" in refusal("maps", tmp_path, url=server.base, sha256="xyz")
    known = {name: getattr(CATALOGUE["maps"], name) for name in Dataset.__dataclass_fields__}
    monkeypatch.setitem(CATALOGUE, "maps", Dataset(**(known | {"sha256": "1" * 64})))
    assert "expected was 111" in refusal("maps", tmp_path, url=server.base)
    download("maps", tmp_path, url=server.base, sha256=right.upper())
    assert_whole(tmp_path)


def test_addresses_that_lead_nowhere(server, tmp_path):
    message = refusal("maps", tmp_path, url=f"{server.base}/none.zip")
    assert message.startswith(f"{server.base}/none.zip is not there (HTTP 404)")
    assert "--url" in message
    server.close()
    message = refusal("maps", tmp_path, url=server.base)
    assert "cannot be reached (Connection refused)" in message
    assert "Traceback" not in message
    assert "cannot be reached" in refusal("maps", tmp_path, url="http://127.0.0.1:1/a b.zip")


def test_a_server_that_fails(server, tmp_path, monkeypatch):
    monkeypatch.setattr(server, "answer", lambda handler: handler.send_error(503, "No\x1b[2J time"))
    message = refusal("maps", tmp_path, url=server.base)
    assert message == f"{server.url} cannot be fetched: the server answers HTTP 503 No[2J time"


def test_unknown_names(tmp_path):
    message = refusal("facade", tmp_path)
    assert "did you mean facades?" in message
    assert "--url" in message
    assert "expected one of" in refusal("mine", tmp_path, url="http://host/folder/")


def test_what_is_there_stays(server, tmp_path):
    (tmp_path / "maps").mkdir()
    (tmp_path / "maps" / "mine.png").write_text("mine")
    assert "already exists" in refusal("maps", tmp_path, url=server.base)
    assert server.requests == []
    (tmp_path / "file").write_text("")
    assert "is a file" in refusal("maps", tmp_path / "file", url=server.base)


def test_a_full_disk_is_seen_before(server, tmp_path, monkeypatch):
    server.content = tar_of(IMAGES)
    full = type("Usage", (), {"free": 1000})
    monkeypatch.setattr(fetching.shutil, "disk_usage", lambda folder: full)
    message = refusal("maps", tmp_path, url=server.base)
    assert "has 0.0 MB of disk free" in message
    assert "make room" in message
    assert not (tmp_path / "maps.tar.gz.part").exists()


def test_a_web_page_is_no_archive(server, tmp_path):
    server.content = b"<!DOCTYPE html><title>moved</title>"
    message = refusal("maps", tmp_path, url=server.base)
    assert "neither a .tar.gz nor a .zip archive; it seems to be a web page" in message
    assert f"came from {server.url} and was removed" in message
    assert list(tmp_path.iterdir()) == []


def test_an_archive_without_images(server, tmp_path):
    server.content = tar_of({"maps/readme.txt": b"none"})
    assert "has no images in it" in refusal("maps", tmp_path, url=server.base)
    assert list(tmp_path.iterdir()) == []


# --- unpacking ---------------------------------------------------------------------------------


def member(name, kind=tarfile.REGTYPE, link="", size=0):
    info = tarfile.TarInfo(name)
    info.type, info.linkname, info.size = kind, link, size
    return info


def zip_member(name, mode):
    info = zipfile.ZipInfo(name)
    info.create_system, info.external_attr = 3, mode << 16
    return info


def bomb():
    """The header of a file of 8 TiB, with little behind it."""
    info = member("bomb.png", size=8 << 40)
    return gzip.compress(info.tobuf(tarfile.GNU_FORMAT) + bytes(4096))


def encrypted():
    data = bytearray(zip_of({"secret.png": b"x"}))
    data[data.index(b"PK\x03\x04") + 6] |= 1
    data[data.index(b"PK\x01\x02") + 8] |= 1
    return bytes(data)


def lying_zip():
    """A zip whose directory says 4 bytes of a file that unpacks to more."""
    data = bytearray(zip_of({"lie.png": bytes(5000)}))
    place = data.index(b"PK\x01\x02") + 24
    data[place : place + 4] = (4).to_bytes(4, "little")
    return bytes(data)


HOSTILE = {
    "dots": (tar_of({"../out.png": b"x"}), "'../out.png' has a path with '..'"),
    "dots inside": (tar_of({"maps/a/../../../out.png": b"x"}), "has a path with '..'"),
    "absolute": (tar_of({"/tmp/out.png": b"x"}), "'/tmp/out.png' has an absolute path"),
    "drive": (tar_of({"C:/out.png": b"x"}), "'C:/out.png' has an absolute path"),
    "backslashes": (tar_of({"..\\out.png": b"x"}), "has a name with backslashes"),
    "escapes": (tar_of({"\x1b[2J.png": b"x"}), r"'\x1b[2J.png' has a name with"),
    "symlink": (
        tar_of({}, (member("maps", tarfile.SYMTYPE, ".."), None)),
        "'maps' is a link, to '..'",
    ),
    "hardlink": (
        tar_of({}, (member("maps/p.png", tarfile.LNKTYPE, "/etc/passwd"), None)),
        "'maps/p.png' is a link, to '/etc/passwd'",
    ),
    "device": (
        tar_of({}, (member("maps/null", tarfile.CHRTYPE), None)),
        "'maps/null' is neither a plain file nor a folder",
    ),
    "pipe": (
        tar_of({}, (member("maps/pipe", tarfile.FIFOTYPE), None)),
        "'maps/pipe' is neither a plain file nor a folder",
    ),
    "bomb": (bomb(), "'bomb.png' of 8,796,093,022,208 bytes goes beyond the 68,719,476,736"),
    "negative": (
        gzip.compress(member("n.png", size=-512).tobuf(tarfile.GNU_FORMAT) + bytes(1024)),
        "'n.png' claims a negative size",
    ),
    "twice": (
        tar_of({"a.png": b"x"}, (member("./a.png", size=1), b"y")),
        "'./a.png' is there twice",
    ),
    "file for folder": (
        tar_of({"maps": b"x", "maps/a.png": b"y"}),
        "'maps/a.png' needs a folder where there is a file",
    ),
    "zip dots": (zip_of({"../out.png": b"x"}), "'../out.png' has a path with '..'"),
    "zip absolute": (zip_of({"/out.png": b"x"}), "'/out.png' has an absolute path"),
    "zip symlink": (
        zip_of({zip_member("maps", stat.S_IFLNK | 0o777): b".."}),
        "'maps' is a link",
    ),
    "zip device": (
        zip_of({zip_member("null", stat.S_IFCHR | 0o666): b""}),
        "'null' is neither a plain file nor a folder",
    ),
    "zip encrypted": (encrypted(), "'secret.png' is encrypted"),
}


@pytest.mark.parametrize("kind", HOSTILE)
def test_a_hostile_archive_leaves_nothing(server, tmp_path, kind):
    server.content, expected = HOSTILE[kind]
    message = refusal("maps", tmp_path / "datasets", url=server.base)
    assert "was not unpacked: its member '" in message
    assert expected in message
    assert [path.name for path in tmp_path.iterdir()] == ["datasets"]
    assert list((tmp_path / "datasets").iterdir()) == []


def huge_header():
    """A tar whose first header announces a gigabyte of attributes, and has them."""
    info = member("header", tarfile.XHDTYPE, size=1 << 30)
    return gzip.compress(info.tobuf(tarfile.GNU_FORMAT) + bytes(1 << 20))


DAMAGED = {
    "tar cut": tar_of(IMAGES)[:-2000],
    "checksum": tar_of(IMAGES)[:-8] + bytes(8),
    "no tar": gzip.compress(b"no tar at all" * 100),
    "header": huge_header(),
    "zip cut": zip_of(IMAGES)[:-2000],
    "zip size": lying_zip(),
    "zip bytes": zip_of(IMAGES).replace(b"IDAT", b"ITAD"),
}


@pytest.mark.parametrize("kind", DAMAGED)
def test_a_damaged_archive_leaves_nothing(server, tmp_path, kind):
    server.content = DAMAGED[kind]
    assert "is damaged: " in refusal("maps", tmp_path, url=server.base)
    assert list(tmp_path.iterdir()) == []


def test_limits_count_all_members(tmp_path):
    archive, target = tmp_path / "a.tar.gz", tmp_path / "target"
    archive.write_bytes(tar_of({f"{n}.png": bytes(100) for n in range(5)}))
    target.mkdir()
    with pytest.raises(UserError, match=r"'4\.png' is one more than the 4 allowed"):
        unpack(archive, target, members_at_most=4)
    (tmp_path / "second").mkdir()
    with pytest.raises(UserError, match=r"'3\.png' of 100 bytes goes beyond the 350"):
        unpack(archive, tmp_path / "second", bytes_at_most=350)


def test_folders_and_dots_of_an_archive(tmp_path):
    archive = tmp_path / "a.tar.gz"
    folder = (member("./", tarfile.DIRTYPE), None), (member("./train/", tarfile.DIRTYPE), None)
    archive.write_bytes(tar_of({}, *folder, (member("./train/a.png", size=1), b"x")))
    (tmp_path / "target").mkdir()
    unpack(archive, tmp_path / "target")
    assert contents(tmp_path / "target") == {"train/a.png": b"x"}


def test_a_disk_that_is_full_while_unpacking(tmp_path, monkeypatch):
    archive = tmp_path / "a.tar.gz"
    archive.write_bytes(tar_of({"train/0.png": bytes(100)}))
    (tmp_path / "target").mkdir()
    full = type("Usage", (), {"free": 99})
    monkeypatch.setattr("pix2pix_tf.datasets.unpack.shutil.disk_usage", lambda folder: full)
    with pytest.raises(UserError, match=r"has no room for the 100 bytes of 'train/0\.png': make"):
        unpack(archive, tmp_path / "target")


def test_a_folder_that_cannot_be_made_while_unpacking(tmp_path):
    archive = tmp_path / "a.tar.gz"
    archive.write_bytes(tar_of({f"{'x' * 300}/0.png": b"x"}))
    (tmp_path / "target").mkdir()
    with pytest.raises(UserError, match="x cannot be made: File name too long"):
        unpack(archive, tmp_path / "target")
