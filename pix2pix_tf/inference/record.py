"""Record of the input, weights and settings of a translation, stored in its PNG or TIFF file.

It is a text of the file, so that it moves with the file. With it, running the same command again
finds which translations are missing and which were made from other inputs or settings.
"""

from __future__ import annotations

import hashlib
import json
import zlib
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Literal

from pix2pix_tf.data.input_source import InputForm
from pix2pix_tf.images.io import tiff_text
from pix2pix_tf.images.tiff.tags import SIGNATURES

KEY = "pix2pix-tf"  # keyword of the text chunk
_SIGNATURE = b"\x89PNG\r\n\x1a\n"
State = Literal["missing", "same", "other", "damaged", "unknown"]


@dataclass(frozen=True)
class TranslationRecord:
    """Origin of one translation.

    Attributes:
        model: `Translator.fingerprint`.
        source: SHA-256 of the input file.
        form: How the input is read from the file, see `form_text`.
        dropout: Whether dropout was on.
        seed: Seed of the dropout; None for a random one.
        tile: The side of tiles in pixels; None if the image was translated whole.
    """

    model: str
    source: str
    form: str
    dropout: bool
    seed: int | None
    tile: int | None

    def text(self) -> dict[str, str]:
        """Returns the text of the file, by its keyword."""
        return {KEY: json.dumps(asdict(self))}

    def is_met_by(self, there: TranslationRecord) -> bool:
        """Returns whether an existing translation meets this record.

        If this record has no seed, the other may have any. A translation of the whole image also
        meets a record of one in tiles.

        Args:
            there: The record of the existing translation.

        Returns:
            Whether the translation can be kept.
        """
        same = ("model", "source", "form", "dropout")
        return (
            all(getattr(self, name) == getattr(there, name) for name in same)
            and (self.seed is None or not self.dropout or self.seed == there.seed)
            and there.tile in (None, self.tile)
        )


def file_digest(path: Path) -> str:
    """Returns the SHA-256 of a file's content, in hexadecimal."""
    digest = hashlib.sha256()
    with path.open("rb") as file:
        while part := file.read(1 << 20):
            digest.update(part)
    return digest.hexdigest()


def form_text(form: InputForm) -> str:
    """Returns the text for a form of inputs in a record."""
    return f"{('left', 'right')[form.half] if form.half is not None else 'whole'}" + (
        ", derived" if form.derive else ""
    )


def state_of(path: Path, wanted: TranslationRecord) -> State:
    """Returns the state of a translation's output file.

    Args:
        path: The output file.
        wanted: The record of the translation to make.

    Returns:
        `missing` if there is no file; `same` if it meets `wanted` and `other` if not; `damaged` if
        it is an incomplete PNG or TIFF file; `unknown` if it has no record or cannot be read.
    """
    if not path.exists():
        return "missing"
    try:
        if path.suffix == ".npy" or _is_another_kind(path):
            return "unknown"
        texts = _texts_of_tiff(path) if path.suffix == ".tif" else _texts_of_png(path)
    except OSError:  # for example without the permission to read it
        return "unknown"
    if texts is None:
        return "damaged"
    if KEY not in texts:
        return "unknown"
    try:
        there = TranslationRecord(**json.loads(texts[KEY]))
    except (ValueError, TypeError):  # written by another version
        return "other"
    return "same" if wanted.is_met_by(there) else "other"


def _is_another_kind(path: Path) -> bool:
    """Returns whether a file does not begin like PNG or TIFF as this program writes them.

    A file that ends within the signature, or begins with zeros, may be the result of a crash.
    """
    signatures = SIGNATURES if path.suffix == ".tif" else [_SIGNATURE]
    with path.open("rb") as file:
        head = file.read(len(signatures[0]))
    return not any(signature.startswith(head) for signature in signatures) and any(head)


def _texts_of_tiff(path: Path) -> dict[str, str] | None:
    """Returns the texts of a TIFF file by keyword, or None if it is cut short or damaged.

    Pixels are not decoded.
    """
    import tifffile  # imported here because few files need it

    try:
        with tifffile.TiffFile(path) as tiff:
            ends = [
                offset + count
                for page in tiff.pages
                for offset, count in zip(page.dataoffsets, page.databytecounts, strict=True)
            ]
            is_whole = max(ends) <= path.stat().st_size
            return tiff_text(tiff.pages[0].description) if is_whole else None
    except OSError:
        raise
    except Exception:  # damaged files raise exceptions of any type
        return None


def _texts_of_png(path: Path) -> dict[str, str] | None:
    """Returns the texts of a PNG file by keyword, or None if one of its chunks is damaged.

    Pixels are not decoded, so that the image may have any size.
    """
    texts: dict[str, str] = {}
    with path.open("rb") as file:
        if file.read(len(_SIGNATURE)) != _SIGNATURE:
            return None
        while True:
            length, kind = file.read(4), file.read(4)
            content = file.read(int.from_bytes(length, "big"))
            if zlib.crc32(kind + content) != int.from_bytes(file.read(4), "big") or not kind:
                return None
            if kind == b"IEND":
                return texts
            if kind == b"tEXt":
                keyword, _, text = content.decode("latin-1").partition("\0")
                texts[keyword] = text
