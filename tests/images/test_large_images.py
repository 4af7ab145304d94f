"""Images of any number of pixels are translated: in parts, or at once by a limit of one's own."""

import threading
import tracemalloc

import numpy as np
import pytest
import tifffile
from PIL import Image

from pix2pix_tf.images import row_writers
from pix2pix_tf.images.image_file import Reading
from pix2pix_tf.images.io import read_image
from pix2pix_tf.images.windows import ImageWindows
from pix2pix_tf.utils.errors import UserError

pytestmark = pytest.mark.usefixtures("eagerly")

TILED = {"tile": (64, 64), "compression": "zlib"}
STRIPS = {"rowsperstrip": 16}
ONE_STRIP = {"rowsperstrip": 10**6, "compression": "zlib"}


def noise(height, width, channels=3):
    return np.random.default_rng(0).integers(0, 256, (height, width, channels), np.uint8)


def tiff(path, pixels, **layout):
    path.parent.mkdir(parents=True, exist_ok=True)
    tifffile.imwrite(path, pixels, photometric="rgb", metadata=None, **layout)
    return path


@pytest.fixture
def limited(monkeypatch):
    """As if 40,000 pixels were as many as 179 million."""
    for name in ("io.PIXELS_AT_MOST", "io.LARGE_PIXELS", "windows.LARGE_PIXELS"):
        monkeypatch.setattr(f"pix2pix_tf.images.{name}", 40_000)
    monkeypatch.setattr("pix2pix_tf.inference.files.PIXELS_AT_MOST", 40_000)


def translate(here, run, *more):
    seed = ("--seed", 1, "--no-pairs")
    code, out, err = here(
        "translate", "--run", run, "--input", "in", "--output", "out", *seed, *more
    )
    return code, " ".join((out + err).split())


def test_image_beyond_the_limit_is_refused_with_the_option_that_lifts_it(here, tiny_run, limited):
    here_in = tiny_run.parent / "in"
    here_in.mkdir()
    Image.fromarray(noise(200, 300)).save(here_in / "a.png")
    code, said = translate(here, tiny_run)
    assert code == 2
    assert "300×200 pixels" in said
    assert "--max-pixels 60000" in said
    code, said = translate(here, tiny_run, "--max-pixels", 60_000)
    assert code == 0, said
    with Image.open(tiny_run.parent / "out" / "a.png") as made:
        assert made.size == (300, 200)


@pytest.mark.parametrize("layout", [TILED, STRIPS], ids=["tiles", "strips"])
def test_tiff_beyond_the_limit_is_translated_in_tiles_as_it_is_whole(
    here, tiny_run, limited, layout
):
    folder = tiny_run.parent
    tiff(folder / "in" / "a.tif", noise(300, 330), **layout)
    code, said = translate(here, tiny_run, "--tile", 256, "--no-dropout")
    assert code == 0, said
    in_parts = read_image(folder / "out" / "a.png", 3, max_pixels=10**6)
    Image.fromarray(noise(300, 330)).save(folder / "in" / "a.png")
    (folder / "in" / "a.tif").unlink()
    more = ("--tile", 256, "--no-dropout", "--max-pixels", 10**6, "--overwrite")
    code, said = translate(here, tiny_run, *more)
    assert code == 0, said
    assert (read_image(folder / "out" / "a.png", 3, max_pixels=10**6) == in_parts).all()


@pytest.mark.parametrize("suffix", [".tif", ".npy"])
def test_a_translation_is_written_while_it_is_made(here, tiny_run, limited, monkeypatch, suffix):
    """No part of it has more than some rows, and together they are what PNG files have whole."""
    folder, parts = tiny_run.parent, []
    write = row_writers._Rows.write

    def counted(rows, part):
        parts.append(len(part))
        write(rows, part)

    monkeypatch.setattr(row_writers._Rows, "write", counted)
    tiff(folder / "in" / "a.tif", noise(700, 330), **TILED)
    words = ("--tile", 256, "--no-dropout")
    format = suffix[1:].replace("tif", "tiff")
    code, said = translate(here, tiny_run, *words, "--format", format)
    assert code == 0, said
    assert sum(parts) == 700
    assert max(parts) <= 32
    code, said = translate(here, tiny_run, *words)
    assert code == 0, said
    whole = read_image(folder / "out" / "a.png", 3, max_pixels=10**6)
    assert np.array_equal(read_image(folder / "out" / f"a{suffix}", 3, max_pixels=10**6), whole)


def test_half_of_a_large_pair_is_translated_in_tiles(here, tiny_run, limited):
    folder = tiny_run.parent
    tiff(folder / "in" / "a.tif", noise(300, 600), **TILED)
    words = ("--run", tiny_run, "--output", "out", "--seed", 1, "--tile", 256)
    code, out, err = here("translate", *words, "--input", "in", "--pairs")
    assert code == 0, out + err
    half = read_image(folder / "out" / "a.png", 3, max_pixels=10**6)
    tiff(folder / "half" / "a.tif", noise(300, 600)[:, 300:], **TILED)
    code, out, err = here("translate", *words, "--input", "half", "--no-pairs", "--overwrite")
    assert code == 0, out + err
    assert (read_image(folder / "out" / "a.png", 3, max_pixels=10**6) == half).all()


def test_tiff_of_one_large_part_is_refused_with_what_helps(here, tiny_run, limited):
    tiff(tiny_run.parent / "in" / "a.tif", noise(300, 330), **ONE_STRIP)
    code, said = translate(here, tiny_run, "--tile", 256)
    assert code == 2
    assert "in parts of 99,000" in said
    assert "--max-pixels 99000" in said
    code, said = translate(here, tiny_run, "--tile", 256, "--max-pixels", 99_000)
    assert code == 0, said


def test_windows_take_the_memory_of_their_parts(tmp_path):
    pixels = noise(2000, 3000)  # 18 MB
    for layout in (TILED, STRIPS, {"rowsperstrip": 10**6}):
        path = tiff(tmp_path / "a.tif", pixels, **layout)
        tracemalloc.start()
        try:
            with ImageWindows(path, Reading(3)) as windows:
                part = windows[1000:1100, 500:700]
                peak = tracemalloc.get_traced_memory()[1]
        finally:
            tracemalloc.stop()
        assert (part == pixels[1000:1100, 500:700]).all()
        assert peak < 6e6


@pytest.mark.parametrize("channels", [1, 2, 3, 4])
def test_windows_have_the_channels_of_whole_images(tmp_path, channels):
    path = tiff(tmp_path / "a.tif", noise(90, 70, 4), extrasamples=["unassalpha"], **TILED)
    with ImageWindows(path, Reading(channels)) as windows:
        assert windows.shape == (90, 70, channels)
        assert (windows[3:80, 5:60] == read_image(path, channels)[3:80, 5:60]).all()


def test_windows_of_bands_without_meaning_are_refused_as_whole_images_are(tmp_path):
    path = tiff(tmp_path / "a.tif", noise(90, 70, 4), extrasamples=["unspecified"], **TILED)
    with pytest.raises(UserError, match=r"input_channels=4"):
        ImageWindows(path, Reading(3))
    assert ImageWindows(path, Reading(4))[:, :].shape == (90, 70, 4)


def test_damage_within_a_window_names_the_file(tmp_path):
    path = tiff(tmp_path / "a.tif", noise(90, 70), **TILED)
    with tifffile.TiffFile(path) as file:
        start = file.pages[0].dataoffsets[0]
    content = bytearray(path.read_bytes())
    content[start : start + 40] = b"\xff" * 40
    path.write_bytes(content)
    with ImageWindows(path, Reading(3)) as windows:
        assert windows[70:80, 66:70].shape == (10, 4, 3)
        with pytest.raises(UserError, match=r"a\.tif is damaged or cut short"):
            windows[0:10, 0:10]


def test_limits_of_threads_do_not_meet(tmp_path):
    path = tmp_path / "a.png"
    Image.fromarray(noise(20, 30)).save(path)
    found = []

    def read(limit):
        for _ in range(20):
            try:
                found.append((limit, read_image(path, 3, max_pixels=limit).shape))
            except UserError:
                found.append((limit, None))

    threads = [threading.Thread(target=read, args=(limit,)) for limit in (599, 600) * 3]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert set(found) == {(599, None), (600, (20, 30, 3))}
