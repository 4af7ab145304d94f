"""Texts by which programs describe a TIFF: GDAL's metadata, OME-XML, and ImageJ's lines.

Only what translations take over is read: names of bands, and the size of a pixel. Texts that are
damaged say nothing.
"""

from __future__ import annotations

import re
from collections.abc import Sequence
from typing import Any
from xml.etree import ElementTree
from xml.sax.saxutils import escape, unescape

_LONGEST = 2**22  # characters of a text that is read
_NAMES_AT_MOST = 10_000
_PER_CENTIMETRE = {  # by the units of OME
    "µm": 1e4,
    "um": 1e4,
    "nm": 1e7,
    "pm": 1e10,
    "Å": 1e8,
    "mm": 10.0,
    "cm": 1.0,
    "m": 0.01,
    "in": 1 / 2.54,
}
_IMAGEJ_UNITS = {"micron": 1e4, "um": 1e4, "µm": 1e4, "nm": 1e7, "mm": 10.0, "cm": 1.0}


def is_ome(text: Any) -> bool:
    """Whether the description of the first page of a TIFF is OME-XML."""
    return isinstance(text, str) and "<OME" in text[:2000] and text[-10:].strip().endswith("OME>")


def gdal_band_names(text: Any) -> tuple[str, ...]:
    """Returns the names of bands in GDAL's metadata, "" for those without; none if none has one."""
    tree = _tree(text)
    names: dict[int, str] = {}
    for item in [] if tree is None else tree.iter("Item"):
        sample = item.get("sample", "")
        if item.get("role") == "description" and sample.isdecimal() and len(sample) < 6:
            names[int(sample)] = unescape(item.text or "")  # GDAL escapes twice
    if not names or max(names) >= _NAMES_AT_MOST:
        return ()
    return tuple(names.get(number, "") for number in range(max(names) + 1))


def gdal_metadata(names: Sequence[str]) -> str:
    """Returns GDAL's metadata with names of bands, in ASCII."""
    root = ElementTree.Element("GDALMetadata")
    for number, name in enumerate(names):
        attributes = {"name": "DESCRIPTION", "sample": str(number), "role": "description"}
        ElementTree.SubElement(root, "Item", attributes).text = escape(name)
    return ElementTree.tostring(root, encoding="us-ascii", xml_declaration=False).decode()


def ome_names(text: Any) -> tuple[str, ...]:
    """Returns the names of the channels in OME-XML, "" for those without; none if none has one."""
    pixels = _first(_tree(text), "Pixels") if is_ome(text) else None
    channels = [] if pixels is None else [each for each in pixels if _is(each, "Channel")]
    names = tuple(each.get("Name", "") for each in channels[:_NAMES_AT_MOST])
    return names if any(names) else ()


def ome_description(text: Any) -> str:
    """Returns the description of the first image in OME-XML; "" if there is none."""
    image = _first(_tree(text), "Image") if is_ome(text) else None
    found = None if image is None else _first(image, "Description")
    return "" if found is None else found.text or ""


def pixels_per_centimetre(
    text: Any, x: float | None, y: float | None
) -> tuple[float, float] | None:
    """Returns columns and rows per centimetre by OME-XML or ImageJ's lines; None if not known.

    Args:
        text: The description of the first page.
        x: Columns per unit by the tag XResolution, whose unit ImageJ's lines say.
        y: Rows per unit by the tag YResolution.
    """
    if is_ome(text):
        pixels = _first(_tree(text), "Pixels")
        across, down = (None if pixels is None else _per_centimetre(pixels, axis) for axis in "XY")
        return None if across is None or down is None else (across, down)
    if isinstance(text, str) and text.startswith("ImageJ=") and x is not None and y is not None:
        unit = re.search(r"^unit=(.+?)\s*$", text[:_LONGEST], re.M)
        name = unit[1].replace("\\u00B5", "µ") if unit else ""
        factor = _IMAGEJ_UNITS.get(name)
        return None if factor is None else (x * factor, y * factor)
    return None


def _per_centimetre(pixels: ElementTree.Element, axis: str) -> float | None:
    unit = _PER_CENTIMETRE.get(pixels.get(f"PhysicalSize{axis}Unit", "µm"))
    try:
        size = float(pixels.get(f"PhysicalSize{axis}", ""))
    except ValueError:
        return None
    return unit / size if unit is not None and 1e-12 < size < 1e12 else None


def _first(tree: ElementTree.Element | None, name: str) -> ElementTree.Element | None:
    """Returns the first element of a name, whatever its namespace."""
    return None if tree is None else next((each for each in tree.iter() if _is(each, name)), None)


def _is(element: ElementTree.Element, name: str) -> bool:
    return isinstance(element.tag, str) and element.tag.rpartition("}")[2] == name


def _tree(text: Any) -> ElementTree.Element | None:
    """Returns a text as a tree; None if it is not XML, or defines entities, which may explode."""
    if not isinstance(text, str) or len(text) > _LONGEST or "<!" in text.replace("<!--", ""):
        return None
    try:
        return ElementTree.fromstring(text)
    except (ElementTree.ParseError, ValueError):  # ValueError: an encoding that is not known
        return None
