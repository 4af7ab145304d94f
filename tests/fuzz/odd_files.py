"""Picture files as Hypothesis draws them: sound, odd, damaged and hostile ones."""

import functools
import io
import os
import struct
import zlib
from dataclasses import dataclass, replace
from pathlib import Path

import numpy as np
from hypothesis import strategies as st
from PIL import Image, PngImagePlugin

from tests.fuzz.odd_tiffs import TURNED, tiffs

SIGNATURE = b"\x89PNG\r\n\x1a\n"
SUFFIXES = (".png", ".jpg", ".JPEG", ".webp", ".bmp", ".tif", ".tiff")
# Real files to damage: a folder of one's own, or the pictures of the documentation.
REAL = Path(os.environ.get("PIX2PIX_TF_FUZZ_FILES") or Path(__file__).parents[2] / "docs")
NOTHING = np.zeros((0, 0, 3), np.uint8)
REAL_BYTES = 200_000  # of one of them at most


@dataclass(frozen=True)
class OddFile:
    """One case.

    Attributes:
        name: The file's.
        data: Its content.
        what: Which kind it is of.
        pixels: What it shows, RGB of 8 or 16 bits; None where Pillow by itself is to tell.
        sound: Whether it must be read; others may be refused.
    """

    name: str
    data: bytes
    what: str
    pixels: np.ndarray | None = None
    sound: bool = False


def odd_files():
    """All kinds."""
    whole = st.one_of(sound_files(), tiff_files(), jpegs(), real_files())
    return st.one_of(
        sound_files(),
        tiff_files(),
        jpegs(),
        cut(whole),
        flipped(whole),
        rearranged(whole),
        chunks_edited(),
        segments_edited(),
        with_large_blocks(),
        bombs(),
        unusable(),
        not_pictures(),
    ).flatmap(_renamed)


@st.composite
def _renamed(draw, file):
    """Most keep their suffix; what a file holds counts and not its suffix."""
    if draw(st.integers(0, 4)):
        return file
    return replace(file, name="x" + draw(st.sampled_from(SUFFIXES)))


# --- sound ones, whose pixels are known ---------------------------------------------------------


@st.composite
def sound_files(draw):
    """Lossless files of every usable kind, some turned by EXIF."""
    mode = draw(st.sampled_from(["1", "L", "LA", "P", "P transparent", "RGB", "RGBA", "I;16"]))
    height, width = draw(st.integers(1, 40)), draw(st.integers(1, 40))
    seed = draw(st.integers(0, 2**16))
    image, pixels = _drawn(mode, height, width, seed)
    formats = {"PNG": ".png", "TIFF": ".tif"}
    if mode in ("RGB", "RGBA"):
        formats["WEBP"] = ".webp"
    if mode in ("1", "L", "P", "RGB"):
        formats["BMP"] = ".bmp"
    if mode in ("L", "P", "P transparent"):
        formats["GIF"] = ".png"  # no suffix of ours
    kind = draw(st.sampled_from(sorted(formats)))
    if kind == "TIFF" and mode == "P transparent":
        kind = "PNG"
    options = {}
    if kind == "WEBP":
        options = {"lossless": True, "exact": True}
    if kind == "TIFF":
        options["compression"] = draw(st.sampled_from([None, "tiff_lzw", "tiff_adobe_deflate"]))
    if kind == "PNG":
        options["compress_level"] = draw(st.sampled_from([0, 6]))
    turned = draw(st.sampled_from([1, 1, 1, 2, 3, 4, 5, 6, 7, 8]))
    if turned > 1 and kind in ("PNG", "WEBP"):
        exif = Image.Exif()
        exif[0x0112] = turned
        options["exif"] = exif
        pixels = TURNED[turned](pixels)
    return OddFile(
        f"x{formats[kind]}",
        saved(image, kind, **options),
        f"sound {kind} {mode}",
        pixels,
        sound=True,
    )


def _drawn(mode, height, width, seed):
    """A Pillow image of noise, and what it shows as RGB."""
    random = np.random.default_rng(seed)

    def noise(*channels, top=256):
        return random.integers(0, top, (height, width, *channels), np.uint16)

    if mode == "1":
        bits = noise(top=2).astype(bool)
        return Image.fromarray(bits), _rgb(bits * 255)
    if mode == "L":
        grey = noise()
        return Image.fromarray(grey.astype(np.uint8)), _rgb(grey)
    if mode == "I;16":
        grey = noise(top=65536)
        return Image.fromarray(grey), np.repeat(grey[..., None], 3, axis=2)
    if mode in ("P", "P transparent"):
        palette = random.integers(0, 256, (256, 3), np.uint16)
        numbers = noise()
        image = Image.fromarray(numbers.astype(np.uint8)).convert("L")
        image.putpalette(palette.astype(np.uint8).tobytes())
        shown = palette[numbers]
        if mode == "P transparent":
            image.info["transparency"] = int(numbers[0, 0])
            shown = np.where((numbers == numbers[0, 0])[..., None], 255, shown)
        return image, _rgb(shown)
    if mode == "LA":
        both = noise(2)
        return Image.fromarray(both.astype(np.uint8)), _rgb(_over_white(both[..., :1], both))
    colours = noise(len(mode))
    shown = colours if mode == "RGB" else _over_white(colours[..., :3], colours)
    return Image.fromarray(colours.astype(np.uint8)), _rgb(shown)


def _rgb(shown):
    shown = shown if shown.ndim == 3 else shown[..., None]
    return np.broadcast_to(shown, (*shown.shape[:2], 3)).astype(np.uint8)


def _over_white(colour, with_alpha):
    alpha = with_alpha[..., -1:] / 255
    return np.floor(colour * alpha + 255 * (1 - alpha) + 0.5 + 1e-9)


def saved(image, kind, **options):
    """A file's content."""
    file = io.BytesIO()
    image.save(file, kind, **options)
    return file.getvalue()


def soft(height, width, seed=0, mode="RGB"):
    """A picture that JPEG keeps well."""
    noise = np.random.default_rng(seed).integers(0, 256, (4, 4, 3), np.uint8)
    return Image.fromarray(noise).resize((width, height), Image.Resampling.BICUBIC).convert(mode)


def tiff_files():
    """Of every form; `NOTHING` is no picture, so that what must be refused is never read."""
    return tiffs().map(
        lambda tiff: OddFile(
            "x.tif",
            tiff.data,
            tiff.what,
            NOTHING if tiff.pixels is None else tiff.pixels,
            sound=tiff.pixels is not None,
        )
    )


@st.composite
def jpegs(draw):
    mode = draw(st.sampled_from(["L", "RGB", "RGB", "CMYK"]))
    image = soft(draw(st.integers(1, 70)), draw(st.integers(1, 70)), draw(st.integers(0, 99)), mode)
    options = {
        "quality": draw(st.sampled_from([5, 75, 95])),
        "progressive": draw(st.booleans()),
        "subsampling": draw(st.sampled_from([0, 1, 2])),
    }
    if draw(st.integers(0, 4)) == 0:
        options["restart_marker_blocks"] = 2
    kind = "JPEG"
    if mode == "RGB" and draw(st.integers(0, 5)) == 0:
        kind = "MPO"  # with a second picture behind the first
        options |= {"save_all": True, "append_images": [soft(9, 9, 1)]}
    if draw(st.integers(0, 3)) == 0:
        exif = Image.Exif()
        exif[0x0112] = draw(st.integers(0, 9))
        options["exif"] = exif
    what = f"{kind} {mode}{' progressive' if options['progressive'] else ''}"
    return OddFile("x.jpg", saved(image, kind, **options), what, sound=mode != "CMYK")


@st.composite
def real_files(draw):
    path = draw(st.sampled_from(_real_paths()))
    return OddFile(f"x{path.suffix}", path.read_bytes(), f"real {path.suffix}", _plain_rgb(path))


@functools.cache
def _real_paths():
    found = [path for path in sorted(REAL.rglob("*")) if path.suffix.lower() in SUFFIXES]
    small = [path for path in found if path.stat().st_size <= REAL_BYTES]
    return small[:: max(1, len(small) // 200)] or [found[0]]


@functools.cache
def _plain_rgb(path):
    with Image.open(path) as image:
        return np.array(image) if image.mode == "RGB" and path.suffix == ".png" else None


# --- damaged ones -------------------------------------------------------------------------------


@st.composite
def cut(draw, files):
    """Cut short anywhere: never another picture than the whole."""
    file = draw(files)
    length = draw(st.integers(0, len(file.data)))
    if draw(st.booleans()):  # some way off its end
        length = max(0, len(file.data) - draw(st.integers(0, 64)))
    return replace(file, data=file.data[:length], what=f"cut {file.what}", sound=False)


@st.composite
def flipped(draw, files):
    """Some bits changed, or a stretch of bytes zeroed."""
    file = draw(files)
    data = bytearray(file.data)
    if draw(st.booleans()):
        start = draw(st.integers(0, len(data) - 1))
        end = min(len(data), start + draw(st.integers(1, 512)))
        data[start:end] = bytes(end - start)
    else:
        for _ in range(draw(st.integers(1, 4))):
            place = draw(st.integers(0, len(data) - 1))
            data[place] ^= 1 << draw(st.integers(0, 7))
    return replace(file, data=bytes(data), what=f"flipped {file.what}", pixels=None, sound=False)


@st.composite
def rearranged(draw, files):
    """Two files spliced, a part twice, a part left out, something put in or behind."""
    file = draw(files)
    other = draw(sound_files()).data
    one, two = sorted(draw(st.tuples(*[st.integers(0, len(file.data))] * 2)))
    part = file.data[one:two]
    data = draw(
        st.sampled_from(
            [
                file.data[:one] + other,
                file.data[:one] + other[one:],
                file.data[:two] + part + file.data[two:],
                file.data[:one] + file.data[two:],
                file.data[:one] + bytes(1000) + file.data[one:],
                file.data + other,
                file.data + bytes(100_000),
            ]
        )
    )
    return replace(file, data=data, what=f"rearranged {file.what}", pixels=None, sound=False)


def chunk(kind, data, crc=None):
    """A chunk of a PNG."""
    crc = zlib.crc32(kind + data) if crc is None else crc
    return struct.pack(">I", len(data)) + kind + data + struct.pack(">I", crc)


def png_chunks(data):
    """The chunks of a sound PNG: kind and content."""
    place, found = 8, []
    while place < len(data):
        length = int.from_bytes(data[place : place + 4], "big")
        found.append((data[place + 4 : place + 8], data[place + 8 : place + 8 + length]))
        place += 12 + length
    return found


@st.composite
def chunks_edited(draw):
    """A PNG whose chunks are well formed and say what is not so."""
    mode = draw(st.sampled_from(["1", "L", "LA", "P", "RGB", "RGBA", "I;16"]))
    image, _ = _drawn(mode, draw(st.integers(1, 20)), draw(st.integers(1, 20)), 1)
    chunks = png_chunks(saved(image, "PNG"))
    for _ in range(draw(st.integers(1, 3))):
        number = draw(st.integers(0, len(chunks) - 1))
        edit = draw(
            st.sampled_from(["drop", "double", "swap", "head", "insert", "change", "split"])
        )
        kind, content = chunks[number]
        if edit == "drop" and len(chunks) > 1:
            del chunks[number]
        elif edit == "double":
            chunks.insert(number, (kind, content))
        elif edit == "swap":
            chunks[number], chunks[0] = chunks[0], chunks[number]
        elif edit == "head" and len(chunks[0][1]) == 13:
            head = bytearray(chunks[0][1])
            field = draw(st.sampled_from(range(13)))
            head[field] = draw(st.sampled_from([0, 1, 2, 3, 4, 6, 8, 16, 127, 255]))
            chunks[0] = (chunks[0][0], bytes(head))
        elif edit == "insert":
            kind = draw(st.sampled_from([b"acTL", b"tRNS", b"PLTE", b"eXIf", b"iCCP", b"fcTL"]))
            kind = draw(
                st.sampled_from([kind, b"iTXt", b"zTXt", b"gAMA", b"IDAT", b"JUNK", b"sBIT"])
            )
            content = draw(st.binary(max_size=40))
            if draw(st.booleans()):
                content = b"a\0\0" + zlib.compress(content)
            chunks.insert(number, (kind, content))
        elif edit == "change" and content:
            changed = bytearray(content)
            changed[draw(st.integers(0, len(content) - 1))] = draw(st.integers(0, 255))
            chunks[number] = (kind, bytes(changed))
        elif edit == "split":
            half = len(content) // 2
            chunks[number : number + 1] = [(kind, content[:half]), (kind, content[half:])]
    wrong = draw(st.integers(0, 3 * len(chunks)))  # a checksum, sometimes
    data = b"".join(
        chunk(kind, content, 0 if number == wrong else None)
        for number, (kind, content) in enumerate(chunks)
    )
    return OddFile("x.png", SIGNATURE + data, f"chunks edited {mode}")


@st.composite
def segments_edited(draw):
    """A JPEG whose segments are well formed and say what is not so."""
    file = draw(jpegs())
    segments, place = [], 2
    while file.data[place + 1] != 0xDA:
        length = 2 + int.from_bytes(file.data[place + 2 : place + 4], "big")
        segments.append(file.data[place : place + length])
        place += length
    pixels = file.data[place:]
    for _ in range(draw(st.integers(1, 3))):
        number = draw(st.integers(0, len(segments) - 1))
        edit = draw(st.sampled_from(["drop", "double", "insert", "change", "scan", "size"]))
        if edit == "drop" and len(segments) > 1:
            del segments[number]
        elif edit == "double":
            segments.insert(number, segments[number])
        elif edit == "insert":
            marker = draw(st.sampled_from([0xE0, 0xE1, 0xE2, 0xEE, 0xFE, 0xDD, 0xDC, 0xCC, 0xC4]))
            start = draw(st.sampled_from([b"", b"Exif\0\0II*\0\x08\0\0\0", b"Adobe\0d\0\0\0\0\2"]))
            content = start + draw(st.binary(max_size=60))
            length = struct.pack(">H", 2 + len(content))
            segments.insert(number, bytes([0xFF, marker]) + length + content)
        elif edit == "change":
            changed = bytearray(segments[number])
            changed[draw(st.integers(2, len(changed) - 1))] = draw(st.integers(0, 255))
            segments[number] = bytes(changed)
        elif edit == "scan":
            pixels = pixels[:-2] * draw(st.integers(2, 30)) + pixels[-2:]
        elif edit == "size":
            for place, segment in enumerate(segments):
                if segment[1] in (0xC0, 0xC1, 0xC2):
                    side = draw(st.sampled_from([0, 1, 5, 300, 30_000, 65_535]))
                    offset = draw(st.sampled_from([5, 7]))
                    changed = bytearray(segment)
                    changed[offset : offset + 2] = side.to_bytes(2, "big")
                    segments[place] = bytes(changed)
    data = b"\xff\xd8" + b"".join(segments) + pixels
    return OddFile("x.jpg", data, f"segments edited {file.what}")


# --- large ones ---------------------------------------------------------------------------------


@st.composite
def with_large_blocks(draw):
    """Profiles, EXIF blocks and texts far larger than the picture."""
    image, pixels = _drawn("RGB", 8, 10, draw(st.integers(0, 99)))
    size = draw(st.sampled_from([70_000, 900_000, 3_000_000]))
    block = bytes(size) if draw(st.booleans()) else np.random.default_rng(0).bytes(size)
    kind = draw(st.sampled_from(["PNG", "JPEG", "WEBP", "TIFF"]))
    where = draw(st.sampled_from(["icc_profile", "exif", "text"]))
    options = {"lossless": True} if kind == "WEBP" else {}
    if where == "exif":
        block = b"Exif\0\0II*\0\x08\0\0\0\0\0" + block
        block = block[:60_000] if kind == "JPEG" else block
    if kind == "TIFF":
        where = "icc_profile"
    if where != "text":
        options[where] = block
    elif kind == "PNG":
        texts = PngImagePlugin.PngInfo()
        texts.add_itxt("k", "x" * size, zip=draw(st.booleans()))
        options["pnginfo"] = texts
    data = saved(image, kind, **options)
    exact = kind != "JPEG"
    suffix = {"PNG": ".png", "JPEG": ".jpg", "WEBP": ".webp", "TIFF": ".tif"}[kind]
    return OddFile(f"x{suffix}", data, f"large {where} {kind}", pixels if exact else None)


@st.composite
def bombs(draw):
    """Small files of very many pixels, or that say so; long thin ones, which are none."""
    make = draw(st.sampled_from([_bomb_png, _bomb_said, _bomb_gif, _thin, _bomb_webp, _bomb_scans]))
    return make(draw)


def _bomb_png(draw):
    width, height = draw(st.sampled_from([(30_000, 30_000), (5_001, 5_000), (2_000, 1_500)]))
    depth = draw(st.sampled_from([1, 8]))
    return OddFile("x.png", png_of_zeros(width, height, depth), f"PNG of {width}×{height}")


@functools.cache
def png_of_zeros(width, height, depth):
    """A black picture, all of it there up to 30 MB."""
    row = bytes(1 + -(-width * depth // 8))
    packer = zlib.compressobj(6)
    rows = min(height, 30_000_000 // len(row))
    content = b"".join(packer.compress(row) for _ in range(rows)) + packer.flush()
    head = struct.pack(">IIBBBBB", width, height, depth, 0, 0, 0, 0)
    return SIGNATURE + chunk(b"IHDR", head) + chunk(b"IDAT", content) + chunk(b"IEND", b"")


def _bomb_said(draw):
    """Little content, a huge size in the header."""
    kind = draw(st.sampled_from(["PNG", "BMP", "TIFF", "JPEG"]))
    side = draw(st.sampled_from([13_000, 30_000, 65_535]))
    data = bytearray(saved(soft(8, 8), kind))
    if kind == "PNG":
        data[16:24] = struct.pack(">II", side, side)
        data[29:33] = struct.pack(">I", zlib.crc32(data[12:29]))
    elif kind == "BMP":
        data[18:26] = struct.pack("<ii", side, side)
    elif kind == "JPEG":
        place = data.index(b"\xff\xc0") + 5
        data[place : place + 4] = struct.pack(">HH", side, side)
    else:
        for place in range(8, len(data) - 12):
            if data[place : place + 2] in (b"\0\1", b"\1\1") and data[place + 3] == 0:
                data[place + 8 : place + 12] = struct.pack("<I", side)
    return OddFile(f"x.{kind.lower()}", bytes(data), f"{kind} that says {side}×{side}")


def _bomb_gif(draw):
    side = draw(st.sampled_from([3_000, 30_000, 65_535]))
    data = bytearray(saved(soft(8, 8, mode="P"), "GIF"))
    data[6:10] = struct.pack("<HH", side, side)
    return OddFile("x.png", bytes(data), f"GIF that says {side}×{side}")


def _thin(draw):
    size = draw(st.sampled_from([(1, 30_000), (30_000, 1)]))
    kind = draw(st.sampled_from(["PNG", "TIFF", "BMP", "JPEG"]))
    data = saved(Image.new("RGB", size, (200, 10, 30)), kind)
    pixels = np.full((size[1], size[0], 3), (200, 10, 30), np.uint8)
    exact = kind != "JPEG"
    return OddFile(
        f"x.{kind.lower()}", data, f"thin {kind}", pixels if exact else None, sound=exact
    )


def _bomb_webp(draw):
    side = draw(st.sampled_from([5_001, 16_383]))
    return OddFile("x.webp", _webp_of_one_colour(side), f"WebP of {side}×{side}")


@functools.cache
def _webp_of_one_colour(side):
    """A small sound file whose header is changed: the decoder finds out, or must hold it all."""
    data = bytearray(saved(Image.new("RGB", (64, 64)), "WEBP", lossless=True))
    bits = int.from_bytes(data[21:25], "little")
    bits = bits & ~((1 << 28) - 1) | (side - 1) | (side - 1) << 14
    data[21:25] = bits.to_bytes(4, "little")
    return bytes(data)


def _bomb_scans(draw):
    side = draw(st.sampled_from([64, 2_000]))
    count = draw(st.sampled_from([20, 3_000]))
    data = _of_scans(side, count)
    return OddFile("x.jpg", data, f"JPEG of {side}×{side} and {count} scans")


@functools.cache
def _of_scans(side, count):
    data = saved(Image.new("L", (side, side)), "JPEG", progressive=True)
    last = data.rindex(b"\xff\xda")
    return data[:-2] + data[last:-2] * count + data[-2:]


# --- what cannot be used ------------------------------------------------------------------------


@st.composite
def unusable(draw):
    """Pictures of kinds that are refused, or that mean little."""
    kind = draw(st.sampled_from(sorted(_unusable())))
    suffix = draw(st.sampled_from(SUFFIXES))
    return OddFile(f"x{suffix}", _unusable()[kind], f"unusable: {kind}")


@functools.cache
def _unusable():
    frames = [soft(9, 7, seed) for seed in range(3)]
    more = {"save_all": True, "append_images": frames[1:]}
    deep = np.random.default_rng(0).integers(0, 65536, (9, 7, 3), np.uint16)
    rows = b"".join(b"\0" + row.astype(">u2").tobytes() for row in deep)
    head = struct.pack(">IIBBBBB", 7, 9, 16, 2, 0, 0, 0)
    ycck = saved(soft(16, 16, mode="CMYK"), "JPEG")
    place = ycck.index(b"Adobe") + 11  # the transform
    return {
        "animated GIF": saved(frames[0], "GIF", **more),
        "animated WebP": saved(frames[0], "WEBP", **more),
        "animated PNG": saved(frames[0], "PNG", **more),
        "TIFF of pages": saved(frames[0], "TIFF", **more),
        "float TIFF": saved(Image.new("F", (7, 9), 0.5), "TIFF"),
        "32-bit TIFF": saved(Image.new("I", (7, 9), 70_000), "TIFF"),
        "CMYK JPEG": saved(soft(16, 16, mode="CMYK"), "JPEG"),
        "YCCK JPEG": ycck[:place] + b"\2" + ycck[place + 1 :],
        "CMYK TIFF": saved(soft(9, 7, mode="CMYK"), "TIFF"),
        "Lab TIFF": saved(Image.new("LAB", (7, 9)), "TIFF"),
        "16-bit RGB PNG": SIGNATURE
        + chunk(b"IHDR", head)
        + chunk(b"IDAT", zlib.compress(rows))
        + chunk(b"IEND", b""),
        "PPM": b"P6 2 2 255 " + bytes(12),
        "PCX": saved(soft(9, 7), "PCX"),
        "ICO": saved(soft(16, 16), "ICO"),
        "TGA": saved(soft(9, 7), "TGA"),
        "PDF": saved(soft(9, 7), "PDF"),
        "PostScript": saved(soft(9, 7), "EPS"),
        "JPEG 2000": saved(soft(16, 16), "JPEG2000"),
    }


@st.composite
def not_pictures(draw):
    texts = [
        b"",
        b"<html><body>404 Not Found</body></html>",
        b"<svg xmlns='http://www.w3.org/2000/svg'/>",
        b"\xff\xd8\xff",
        b"\xff\xd8\xff\xd9",
        SIGNATURE,
        b"GIF89a",
        b"II*\0",
        b"MM\0*\xff\xff\xff\xff",
        b"II*\0\x08\0\0\0\x01\0" + b"\xff" * 12 + b"\x08\0\0\0",  # a directory that is its own next
        b"RIFF\xff\xff\xff\xffWEBPVP8 ",
        b"BM" + b"\xff" * 60,
        b"version https://git-lfs.github.com/spec/v1\noid sha256:00\nsize 3\n",
    ]
    data = draw(st.one_of(st.sampled_from(texts), st.binary(max_size=300)))
    start = draw(st.sampled_from([b"", b"", SIGNATURE, b"\xff\xd8\xff\xe0", b"GIF89a", b"II*\0"]))
    suffix = draw(st.sampled_from(SUFFIXES))
    return OddFile(f"x{suffix}", start + data, "no picture")
