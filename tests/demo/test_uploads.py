"""Pictures from requests: what is read, what is refused before it is decoded."""

import numpy as np
import pytest
from PIL import Image

from pix2pix_tf.config.schema import make_config
from pix2pix_tf.data import source
from pix2pix_tf.data.input_source import InputSource
from pix2pix_tf.demo import uploads
from pix2pix_tf.demo.uploads import MAX_PHOTO_PIXELS, read_input, read_photo
from pix2pix_tf.utils.errors import UserError
from tests.demo.visitors import blocks, file_of, png_of_zeros


def inputs(channels):
    return InputSource(make_config({"data": {"root": "x", "input_channels": channels}}))


@pytest.fixture
def no_decoding(monkeypatch):
    def refuse(*_):
        raise AssertionError("decoded")

    for module in (uploads, source):
        monkeypatch.setattr(module, "decode_image", refuse)


def test_picture_is_read_as_training_reads_it():
    image = blocks()
    assert np.array_equal(read_input(file_of(image), inputs(3), 32), image)
    deep = np.arange(16, dtype=np.uint16).reshape(4, 4) * 4000
    assert np.array_equal(read_input(file_of(deep), inputs(1), 32)[..., 0], deep)
    turned = Image.Exif()
    turned[0x0112] = 6  # the camera was held upright
    wide = file_of(np.zeros((8, 16, 3), np.uint8), "JPEG", exif=turned)
    assert read_input(wide, inputs(3), 32).shape == (16, 8, 3)


def test_side_beyond_the_limit_is_refused_before_decoding(no_decoding):
    with pytest.raises(UserError, match=r"33×32 pixels \(width×height\), and 32 a side is the li"):
        read_input(file_of(blocks(size=(32, 33))), inputs(3), 32)


def test_decompression_bombs_are_refused_before_decoding(no_decoding):
    bomb = png_of_zeros(6000, 5000)
    assert len(bomb) < 10**6
    with pytest.raises(UserError, match="6000×5000 pixels"):
        read_input(bomb, inputs(3), 1024)
    with pytest.raises(UserError, match="25 million are the limit"):
        read_photo(bomb, (32, 32))
    with pytest.raises(UserError, match="25 million are the limit"):
        read_photo(png_of_zeros(10**6, 10**6), (32, 32))
    with pytest.raises(UserError, match="25 million"):
        read_photo(png_of_zeros(MAX_PHOTO_PIXELS + 1, 1), (32, 32))


@pytest.mark.parametrize(
    "read", [lambda f: read_input(f, inputs(3), 64), lambda f: read_photo(f, (8, 8))]
)
def test_what_is_no_picture_is_refused_in_words(read):
    whole = file_of(blocks())
    cmyk = file_of(Image.new("CMYK", (8, 8)), "JPEG")
    frames = [Image.new("RGB", (8, 8), colour) for colour in ("red", "blue")]
    moving = file_of(frames[0], "PNG", save_all=True, append_images=frames[1:])
    for file, said in (
        (b"", "not a JPEG, PNG or WebP file"),
        (b"words", "not a JPEG, PNG or WebP file"),
        (b"%!PS-Adobe-3.0 EPSF-3.0", "not a JPEG, PNG or WebP file"),
        (file_of(blocks(), "TIFF"), "not a JPEG, PNG or WebP file"),
        (file_of(blocks(), "GIF"), "not a JPEG, PNG or WebP file"),
        (whole[:8], "This picture is not an image that can be read"),
        (whole[:-30], "This picture is damaged or cut short"),
        (cmyk, "This picture is a CMYK image"),
        (moving, "This picture holds 2 frames"),
    ):
        with pytest.raises(UserError, match=said) as caught:
            read(file)
        assert "BytesIO" not in str(caught.value)


def test_photo_covers_the_drawing_and_keeps_its_proportions():
    wide = np.zeros((32, 96, 3), np.uint8)
    wide[:, 32:64] = (10, 200, 30)  # the middle third is what is kept
    assert (read_photo(file_of(wide), (32, 32)) == (10, 200, 30)).all()
    assert (read_photo(file_of(wide.swapaxes(0, 1)), (16, 16)) == (10, 200, 30)).all()
    assert np.array_equal(read_photo(file_of(blocks()), (32, 32)), blocks())
    assert read_photo(file_of(wide[:1, :1]), (24, 40)).shape == (24, 40, 3)


def test_photo_is_shown_over_white_and_in_8_bits():
    clear = np.zeros((8, 8, 4), np.uint8)
    assert (read_photo(file_of(clear), (8, 8)) == 255).all()
    deep = np.full((8, 8), 257 * 90, np.uint16)
    assert (read_photo(file_of(deep), (8, 8)) == 90).all()
    assert (read_photo(file_of(Image.new("L", (8, 8), 7)), (4, 4)) == 7).all()
