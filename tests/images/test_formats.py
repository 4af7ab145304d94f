"""Everything that Pillow decodes rightly is read, by content; the rest is refused by name."""

from __future__ import annotations

import struct

import numpy as np
import pytest
from PIL import Image, features

from pix2pix_tf.images import formats
from pix2pix_tf.images.formats import IMAGE_SUFFIXES, NOT_READ, READ_FORMATS, SUFFIXES_IN_WORDS
from pix2pix_tf.images.io import decode_image, image_dtype, image_size, read_image
from pix2pix_tf.utils.errors import UserError

HEIGHT, WIDTH = 20, 30


def noise(*shape, top=256):
    return np.random.default_rng(0).integers(0, top, (HEIGHT, WIDTH, *shape))


def refusal(path, channels=3):
    with pytest.raises(UserError) as caught:
        read_image(path, channels)
    assert str(path) in str(caught.value)
    return str(caught.value)


def image_of(mode):
    if mode == "I;16":
        return Image.fromarray(noise(top=65536).astype(np.uint16))
    return Image.fromarray(noise(3).astype(np.uint8)).convert(mode)


# Formats without loss, and the modes that Pillow writes of each.
WRITTEN = {
    ".bmp": ("1", "L", "P", "RGB"),
    ".dib": ("1", "L", "P", "RGB"),
    ".dds": ("L", "LA", "RGB", "RGBA"),
    ".gif": ("L", "P"),
    ".jp2": ("L", "LA", "RGB", "RGBA", "I;16"),
    ".j2k": ("L", "LA", "RGB", "RGBA", "I;16"),
    ".msp": ("1",),
    ".pcx": ("1", "L", "P", "RGB"),
    ".pbm": ("1",),
    ".pgm": ("L", "I;16"),
    ".pnm": ("L", "RGB"),
    ".ppm": ("RGB",),
    ".png": ("1", "L", "LA", "P", "RGB", "RGBA", "I;16"),
    ".qoi": ("RGB", "RGBA"),
    ".sgi": ("L", "RGB", "RGBA"),
    ".bw": ("L",),
    ".tga": ("1", "L", "LA", "P", "RGB", "RGBA"),
    ".tif": ("1", "L", "LA", "P", "RGB", "RGBA", "I;16"),
}
CASES = [(suffix, mode) for suffix, modes in WRITTEN.items() for mode in modes]


@pytest.mark.parametrize(("suffix", "mode"), CASES)
@pytest.mark.parametrize("named", ["as it is", "x.png", "x.tga"])
def test_values_are_those_that_were_written_whatever_the_name(tmp_path, suffix, mode, named):
    image, path = image_of(mode), tmp_path / f"x{suffix}"
    image.save(path)
    if named != "as it is":
        path = path.rename(tmp_path / named)
    shown = {"1": "L", "P": "RGB"}.get(mode, mode)
    expected = np.array(image if mode == "I;16" else image.convert(shown))
    if suffix == ".gif":
        expected = np.array(image.convert("RGB"))
    found = decode_image(path)
    assert found.dtype == image_dtype(path) == expected.dtype
    assert found.shape[:2] == image_size(path)
    assert (found.squeeze() == expected).all()


@pytest.mark.parametrize("suffix", [".jfif", ".jpe", ".jpg", ".avif"])
def test_formats_with_loss_are_read_as_pillow_has_them(tmp_path, suffix):
    if suffix == ".avif" and not features.check("avif"):
        pytest.skip("Pillow here has no AVIF")
    image_of("RGB").save(tmp_path / f"x{suffix}")
    with Image.open(tmp_path / f"x{suffix}") as image:
        expected = np.array(image)
    assert suffix in IMAGE_SUFFIXES
    assert (decode_image(tmp_path / f"x{suffix}") == expected).all()


@pytest.mark.parametrize("suffix", sorted(WRITTEN))
@pytest.mark.parametrize("share", [0.97, 0.5, 0.1])
def test_files_cut_short_are_refused_by_name(tmp_path, suffix, share):
    path = tmp_path / f"x{suffix}"
    image_of(WRITTEN[suffix][-1]).save(path)
    path.write_bytes(path.read_bytes()[: int(path.stat().st_size * share)])
    refusal(path)


@pytest.mark.parametrize("suffix", [".pcx", ".avif", ".jp2", ".qoi", ".tga", ".sgi", ".dds"])
def test_damaged_beginnings_never_end_in_another_error(tmp_path, suffix):
    path = tmp_path / f"x{suffix}"
    image_of("RGB").save(path)
    content = path.read_bytes()
    for place in range(0, min(len(content), 150), 3):
        for value in (0, 127, 255):
            path.write_bytes(content[:place] + bytes([value]) + content[place + 1 :])
            try:
                assert decode_image(path).ndim == 3
            except UserError as error:
                assert str(path) in str(error)  # noqa: PT017  either is right, nothing else


def test_every_format_of_pillow_is_read_or_not_for_a_reason():
    Image.init()
    known = set(Image.OPEN) | set(Image.registered_extensions().values())
    assert known <= set(READ_FORMATS) | set(NOT_READ)
    assert not set(READ_FORMATS) & set(NOT_READ)
    assert all(NOT_READ.values())


def test_suffixes_are_those_of_the_formats_that_are_read():
    assert {".jfif", ".jpe", ".gif", ".ppm", ".jp2", ".tga", ".png", ".tiff"} <= set(IMAGE_SUFFIXES)
    assert not {".eps", ".ps", ".pdf", ".wmf", ".emf", ".mpg", ".h5", ".fits"} & set(IMAGE_SUFFIXES)
    assert SUFFIXES_IN_WORDS.startswith(".jpg, .jpeg, .png, .tif,")
    assert len(SUFFIXES_IN_WORDS) < 80


# --- what is not read ---------------------------------------------------------------------------


@pytest.mark.parametrize("suffix", [".png", ".tga", ".jpg", ".pcx"])
def test_postscript_never_starts_a_program(tmp_path, suffix, monkeypatch):
    monkeypatch.setattr("PIL.EpsImagePlugin.Ghostscript", None)
    monkeypatch.setattr("subprocess.Popen", None)
    path = tmp_path / f"x{suffix}"
    image_of("RGB").save(path, "EPS")
    assert "not an image that can be read" in refusal(path)


@pytest.mark.parametrize("suffix", [".tga", ".pcx", ".ppm", ".dds", ".psd", ".xpm", ".ico"])
@pytest.mark.parametrize(
    "content",
    [
        b"some text\nof two lines\n",
        b"Peter, 5 apples",
        b"\x00" * 100,
        b"P",
        b"#define a 3\n",
        b"\n",
    ],
)
def test_other_files_with_an_images_suffix_are_refused_by_name(tmp_path, suffix, content):
    path = tmp_path / f"x{suffix}"
    path.write_bytes(content)
    refusal(path)


def test_tga_without_footer_is_known_by_suffix_and_header_only(tmp_path):
    path = tmp_path / "x.tga"
    image_of("RGB").save(path)
    path.write_bytes(path.read_bytes()[:-26])
    assert (decode_image(path) == noise(3)).all()
    assert "not an image" in refusal(path.rename(tmp_path / "x.jpg"))


@pytest.mark.parametrize("suffix", [".gif", ".avif", ".png", ".webp", ".tif"])
def test_several_frames_are_refused_with_their_count(tmp_path, suffix):
    if suffix == ".avif" and not features.check("avif"):
        pytest.skip("Pillow here has no AVIF")
    frames = [Image.new("RGB", (16, 16), (v, 0, 0)) for v in (0, 100, 200)]
    path = tmp_path / f"x{suffix}"
    frames[0].save(path, save_all=True, append_images=frames[1:])
    assert "3 frames" in refusal(path)


def test_cmyk_is_refused_in_every_format(tmp_path):
    image_of("CMYK").save(tmp_path / "x.jp2")
    assert "CMYK" in refusal(tmp_path / "x.jp2")


def test_icon_is_read_if_it_is_one_image(tmp_path):
    image = Image.fromarray(np.random.default_rng(0).integers(0, 256, (32, 32, 4), np.uint8))
    image.save(tmp_path / "one.ico", sizes=[(32, 32)])
    assert (decode_image(tmp_path / "one.ico") == np.array(image)).all()
    image.save(tmp_path / "two.ico", sizes=[(16, 16), (32, 32)])
    assert "an icon of 2 images" in refusal(tmp_path / "two.ico")


# --- depths that Pillow would cut ---------------------------------------------------------------


@pytest.mark.parametrize("kind", [b"P6", b"P3"])
@pytest.mark.parametrize("largest", [65535, 4095, 1023])
def test_colour_pnm_of_more_than_8_bits_keeps_them(tmp_path, kind, largest):
    values = noise(3, top=largest + 1)
    data = (
        values.astype(">u2").tobytes()
        if kind == b"P6"
        else " ".join(map(str, values.ravel())).encode()
    )
    path = tmp_path / "x.ppm"
    path.write_bytes(b"%s\n# a comment\n%d %d\n%d\n" % (kind, WIDTH, HEIGHT, largest) + data)
    assert image_dtype(path) == np.uint16
    found = decode_image(path)
    assert found.dtype == np.uint16
    assert abs(found - values * 65535 / largest).max() <= 0.5


@pytest.mark.parametrize("kind", [b"P5", b"P2"])
@pytest.mark.parametrize("largest", [65535, 4095, 255, 100, 1])
def test_grey_pnm_of_any_range_fills_the_whole(tmp_path, kind, largest):
    values = noise(top=largest + 1)
    code = ">u2" if largest > 255 else "u1"
    data = (
        values.astype(code).tobytes()
        if kind == b"P5"
        else " ".join(map(str, values.ravel())).encode()
    )
    path = tmp_path / "x.pgm"
    path.write_bytes(b"%s %d %d %d\n" % (kind, WIDTH, HEIGHT, largest) + data)
    found, top = decode_image(path), 65535 if largest > 255 else 255
    assert found.dtype == image_dtype(path) == (np.uint16 if top > 255 else np.uint8)
    assert abs(found[..., 0] - values * top / largest).max() <= 0.5


def test_floating_point_pnm_is_refused(tmp_path):
    (tmp_path / "x.pfm").write_bytes(b"Pf\n1 1\n-1.0\n" + struct.pack("<f", 0.5))
    assert "floating point" in refusal(tmp_path / "x.pfm")


def test_sgi_of_16_bits_is_refused(tmp_path):
    path = tmp_path / "x.sgi"
    image_of("L").save(path, bpc=2)
    assert "16 bits per sample" in refusal(path)


@pytest.mark.parametrize(
    ("mode", "kind", "named"),
    [
        ("RGB", 15, "3 bands with 16 bits"),
        ("RGB", 11, "3 bands with 12 bits"),
        ("L", 11, "1 band with 12 bits"),
        ("L", 3, "1 band with 4 bits"),
        ("L", 135, "signed 8-bit"),
    ],
)
@pytest.mark.parametrize("suffix", [".jp2", ".j2k"])
def test_jpeg_2000_of_other_depths_is_refused(tmp_path, suffix, mode, kind, named):
    path = tmp_path / f"x{suffix}"
    image_of(mode).save(path)
    content = bytearray(path.read_bytes())
    place = content.index(b"\xff\x4f\xff\x51") + 4 + 38
    for band in range(len(mode)):
        content[place + 3 * band] = kind
    path.write_bytes(content)
    assert named in refusal(path)


@pytest.mark.parametrize(("flags", "bits"), [(0x40, 10), (0x60, 12), (0, None)])
def test_depth_of_an_avif_is_in_its_header(flags, bits):
    head = b"....ftypavif....av1C\x81\x00" + bytes([flags]) + b"..."
    found = formats._avif(None, head, None)
    assert found == (bits and f"an AVIF with {bits} bits per sample")


def psd(channels, bits, mode, pixels=b"\x07" * 24):
    head = b"8BPS" + struct.pack(">H6xHIIHH", 1, channels, 2, 3, bits, mode)
    return head + struct.pack(">III", 0, 0, 0) + b"\0\0" + pixels


def test_psd_of_colour_and_grey_is_read(tmp_path):
    path = tmp_path / "x.psd"
    path.write_bytes(psd(3, 8, 3, bytes(range(18))))
    assert decode_image(path)[0].tolist() == [[0, 6, 12], [1, 7, 13], [2, 8, 14]]
    path.write_bytes(psd(1, 8, 1, bytes(range(6))))
    assert decode_image(path)[..., 0].tolist() == [[0, 1, 2], [3, 4, 5]]


@pytest.mark.parametrize(
    ("channels", "bits", "mode", "named"),
    [
        (4, 8, 4, "CMYK"),
        (5, 8, 3, "5 channels"),
        (3, 16, 3, "damaged PSD, or one of a kind"),
        (3, 8, 7, "multichannel"),
    ],
)
def test_psd_of_other_kinds_is_refused_by_name(tmp_path, channels, bits, mode, named):
    path = tmp_path / "x.psd"
    path.write_bytes(psd(channels, bits, mode, bytes(100)))
    assert named in refusal(path)


def test_pcx_that_lost_its_palette_is_refused(tmp_path):
    image_of("P").save(tmp_path / "x.pcx")
    content = (tmp_path / "x.pcx").read_bytes()
    (tmp_path / "x.pcx").write_bytes(content[:-10])
    assert "without its palette" in refusal(tmp_path / "x.pcx")


@pytest.mark.parametrize(("depth", "read"), [(24, True), (32, False), (4, False)])
def test_sun_raster_is_read_where_its_layout_is_certain(tmp_path, depth, read):
    path = tmp_path / "x.ras"
    head = struct.pack(">8I", 0x59A66A95, 2, 1, depth, 6, 1, 0, 0)
    path.write_bytes(head + bytes([3, 2, 1, 6, 5, 4, 0, 0]))
    if read:
        assert decode_image(path).tolist() == [[[1, 2, 3], [4, 5, 6]]]
    else:
        assert f"{depth} bits per pixel" in refusal(path)


def test_xpm_of_colours_is_read(tmp_path):
    (tmp_path / "x.xpm").write_text(
        '/* XPM */\nstatic char *x[] = {\n"2 1 2 1",\n"a c #FF0000",\n"b c #000102",\n"ab"};\n'
    )
    assert decode_image(tmp_path / "x.xpm").tolist() == [[[255, 0, 0], [0, 1, 2]]]


@pytest.mark.parametrize(("alpha", "channels"), [(0, 3), (255, 3), (None, 4)])
def test_tga_that_says_it_has_no_alpha_is_not_transparent(tmp_path, alpha, channels):
    pixels = noise(4).astype(np.uint8)
    if alpha is not None:
        pixels[..., 3] = alpha
    path = tmp_path / "x.tga"
    Image.fromarray(pixels).save(path)
    content = bytearray(path.read_bytes())
    content[17] &= 0xF0  # so many bits of alpha
    path.write_bytes(content)
    assert (decode_image(path) == pixels[..., :channels]).all()
