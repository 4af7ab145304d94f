"""TIFF files as Hypothesis draws them, of every form that is read, with the pixels they show."""

import io
from typing import NamedTuple

import numpy as np
import tifffile
from hypothesis import strategies as st

# Photometric interpretation, extra samples, and how many samples there are.
COLOURS = {
    "grey": ("minisblack", [], 1),
    "white is zero": ("miniswhite", [], 1),
    "grey + alpha": ("minisblack", ["unassalpha"], 2),
    "RGB": ("rgb", [], 3),
    "RGBA": ("rgb", ["unassalpha"], 4),
    "three bands": ("minisblack", ["unspecified"] * 2, 3),
    "palette": ("palette", [], 1),
}
REFUSED = ("float", "signed", "12 bits", "64 bits", "six bands", "two pages", "stack in a page")
BESIDE = ("nothing", "overview behind", "overview before", "mask", "overview in a sub-file")
ORIENTATION, BITS = 274, 258
NAMES = (
    '<GDALMetadata><Item name="DESCRIPTION" sample="99999999" role="description">x</Item>'
    '<Item name="DESCRIPTION" sample="0" role="description">B2</Item></GDALMetadata>'
)
BOMB = '<!DOCTYPE a [<!ENTITY b "bb"><!ENTITY c "&b;&b;">]><GDALMetadata>&c;</GDALMetadata>'
TURNED = {
    1: lambda image: image,
    2: np.fliplr,
    3: lambda image: np.rot90(image, 2),
    4: np.flipud,
    5: lambda image: image.swapaxes(0, 1),
    6: lambda image: np.rot90(image, -1),
    7: lambda image: np.rot90(image, 2).swapaxes(0, 1),
    8: np.rot90,
}


class Tiff(NamedTuple):
    """data: of the file. what: in words. pixels: what it shows as RGB; None: it is refused."""

    data: bytes
    what: str
    pixels: np.ndarray | None


@st.composite
def tiffs(draw):
    """Sound ones of all forms at once, and some of kinds that are refused."""
    if draw(st.integers(0, 5)) == 0:
        kind = draw(st.sampled_from(REFUSED))
        return Tiff(_refused(kind), f"TIFF: {kind}", None)
    colours = draw(st.sampled_from(sorted(COLOURS)))
    photometric, extra, samples = COLOURS[colours]
    dtype = draw(st.sampled_from([np.uint8] if colours == "palette" else [np.uint8, np.uint16]))
    size = draw(st.integers(1, 40)), draw(st.integers(1, 40))
    random = np.random.default_rng(draw(st.integers(0, 99)))
    stored = random.integers(0, np.iinfo(dtype).max + 1, (*size, samples)).astype(dtype)
    turned = draw(st.sampled_from([1, 1, 1, *TURNED]))
    coding = draw(st.sampled_from([None, "zlib", "predictor"]))
    options = {
        "photometric": photometric,
        "extrasamples": extra,
        "planarconfig": draw(st.sampled_from(["contig", "separate"])) if samples > 1 else None,
        "compression": coding and "zlib",
        "predictor": coding == "predictor",
        "extratags": [(ORIENTATION, "H", 1, turned, True), *draw(st.lists(places(), max_size=6))],
    }
    if draw(st.booleans()):
        options["tile"] = draw(st.sampled_from([(16, 16), (16, 48), (32, 16)]))
    else:
        options["rowsperstrip"] = draw(st.sampled_from([None, 1, 3, 100]))
    if colours == "palette":
        options["colormap"] = random.integers(0, 256, (3, 256)).astype(np.uint16) * 257
    shown = _shown(stored, colours, options.get("colormap"))
    file = {"byteorder": draw(st.sampled_from("<>")), "bigtiff": draw(st.booleans())}
    beside = draw(st.sampled_from(BESIDE))
    what = f"TIFF: {colours} {dtype.__name__} {size} {file} {beside} {options}"
    return Tiff(_written(stored, file, options, beside), what, TURNED[turned](shown))


@st.composite
def places(draw):
    """A tag of GeoTIFF or GDAL as it should be, or of any count and content."""
    numbers = st.floats(allow_nan=True, allow_infinity=True) | st.integers(-9, 10**7).map(float)
    code = draw(st.sampled_from([33550, 33922, 34264, 34735, 34736, 34737, 42112, 42113]))
    kind = draw(st.sampled_from(["usual", "usual", "d", "H", "s"]))
    if kind == "usual":
        kind = {34735: "H", 34737: "s", 42112: "s", 42113: "s"}.get(code, "d")
    if kind == "s":  # no text declares a value that the images have
        texts = st.sampled_from(
            ["70000", "-1", "nan", "inf", "1e999", "0.5", "<a>&b;</a>", "9" * 70]
        )
        text = draw(texts | st.just(NAMES) | st.just(BOMB)) if code != 42113 else draw(texts)
        return (code, "s", 0, text, True)
    usual = {33550: 3, 33922: 6, 34264: 16, 34735: 8}.get(code, 4)
    count = draw(st.just(usual) | st.integers(1, 40))
    entries = numbers if kind == "d" else st.integers(0, 65535)
    values = draw(st.lists(entries, min_size=count, max_size=count))
    return (code, kind, count, tuple(values), True)


def _written(stored, file, options, beside):
    pixels = stored if stored.shape[2] > 1 else stored[..., 0]
    if options["planarconfig"] == "separate":
        pixels = np.moveaxis(stored, -1, 0)
    options = {**options, "metadata": None}
    small = {"photometric": "minisblack", "subfiletype": 1, "metadata": None}
    overview = stored[::2, ::2, 0]
    content = io.BytesIO()
    with tifffile.TiffWriter(content, **file) as tiff:
        if beside == "overview before":
            tiff.write(overview, **small)
        if beside == "overview in a sub-file":
            options["subifds"] = 1
        tiff.write(pixels, **options)
        if beside in ("overview behind", "overview in a sub-file"):
            tiff.write(overview, **small)
        if beside == "mask":
            mask = {**small, "photometric": "mask", "subfiletype": 4}
            tiff.write(stored[..., 0] > 99, **mask)
    return content.getvalue()


def _shown(stored, colours, table):
    """What the samples look like, RGB of the same type."""
    top = np.iinfo(stored.dtype).max
    if colours == "palette":
        return (table.T[stored[..., 0]] // 257).astype(np.uint8)
    if colours == "white is zero":
        stored = top - stored
    if colours in ("grey + alpha", "RGBA"):
        colour, alpha = (part.astype(np.uint64) for part in (stored[..., :-1], stored[..., -1:]))
        stored = ((colour * alpha + top * (top - alpha) + top // 2) // top).astype(stored.dtype)
    return stored if stored.shape[2] == 3 else np.repeat(stored, 3, axis=2)


def _refused(kind):
    shape = {"six bands": (9, 7, 6), "stack in a page": (5, 9, 7)}.get(kind, (9, 7))
    dtype = {"float": "float32", "signed": "int16", "64 bits": "uint64", "12 bits": "uint16"}
    pixels = np.random.default_rng(0).integers(0, 99, shape).astype(dtype.get(kind, "uint8"))
    content = io.BytesIO()
    with tifffile.TiffWriter(content, shaped=kind == "stack in a page") as tiff:
        planes = {"planarconfig": "contig"} if kind == "six bands" else {}
        for _ in range(2 if kind == "two pages" else 1):
            tiff.write(pixels, photometric="minisblack", **planes)
    if kind == "12 bits":
        content.seek(0)
        with tifffile.TiffFile(content, mode="r+b") as tiff:
            tiff.pages[0].tags[BITS].overwrite(12)
            return content.getvalue()
    return content.getvalue()
