"""What a translation says of itself: which input, weights and settings it was made of.

It is a text in the PNG file, so that it goes where the file goes. By it the same command finds out
what is still missing, and what was made otherwise.
"""

from __future__ import annotations

import hashlib
import json
import zlib
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Literal

from pix2pix_tf.data.input_source import InputForm

KEY = "pix2pix-tf"  # of the text
_SIGNATURE = b"\x89PNG\r\n\x1a\n"
State = Literal["missing", "same", "other", "damaged", "unknown"]


@dataclass(frozen=True)
class TranslationRecord:
    """What one translation was made of.

    Attributes:
        model: `Translator.fingerprint`.
        source: SHA-256 of the input file.
        form: How the input comes of the file.
        dropout: Whether dropout was on.
        seed: Of dropout; None: any.
        tile: The side of tiles; None: translated whole.
    """

    model: str
    source: str
    form: str
    dropout: bool
    seed: int | None
    tile: int | None

    def text(self) -> dict[str, str]:
        """As the PNG file holds it."""
        return {KEY: json.dumps(asdict(self))}

    def is_met_by(self, there: TranslationRecord) -> bool:
        """Whether a translation that is there already is one that this record asks for.

        Without a seed any will do; what was translated whole does for tiles.
        """
        same = ("model", "source", "form", "dropout")
        return (
            all(getattr(self, name) == getattr(there, name) for name in same)
            and (self.seed is None or not self.dropout or self.seed == there.seed)
            and there.tile in (None, self.tile)
        )


def file_digest(path: Path) -> str:
    """SHA-256 of a file's content."""
    digest = hashlib.sha256()
    with path.open("rb") as file:
        while part := file.read(1 << 20):
            digest.update(part)
    return digest.hexdigest()


def form_text(form: InputForm) -> str:
    """A form of inputs as a record has it."""
    return f"{('left', 'right')[form.half] if form.half is not None else 'whole'}" + (
        ", derived" if form.derive else ""
    )


def state_of(path: Path, wanted: TranslationRecord) -> State:
    """What lies at a translation's place: `unknown` says nothing of what it was made of."""
    if not path.exists():
        return "missing"
    try:
        if _is_another_kind(path):
            return "unknown"
        texts = _texts(path)
    except OSError:  # it may not be read
        return "unknown"
    if texts is None:
        return "damaged"
    if KEY not in texts:
        return "unknown"
    try:
        there = TranslationRecord(**json.loads(texts[KEY]))
    except (ValueError, TypeError):  # of another version
        return "other"
    return "same" if wanted.is_met_by(there) else "other"


def _is_another_kind(path: Path) -> bool:
    """Whether a file was never one of ours: it begins otherwise than PNG.

    One cut short within the signature, or of zeros, may have been left by a crash.
    """
    with path.open("rb") as file:
        head = file.read(len(_SIGNATURE))
    return not _SIGNATURE.startswith(head) and any(head)


def _texts(path: Path) -> dict[str, str] | None:
    """The texts of a PNG file; None where its parts are not all whole.

    Nothing is decoded, so that an image of any size can be looked at.
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
