"""Text from outside that any file and any terminal takes: names that are not UTF-8, ASCII only."""

from __future__ import annotations

import codecs
import re
import sys

# What stands for bytes of a name that are not UTF-8 (U+DC80 to U+DCFF), and other surrogates.
_SURROGATE = re.compile("[\ud800-\udfff]")
# All control characters but tab and line feed: a name could move the cursor or colour what follows.
_CONTROL = re.compile("[\x00-\x08\x0b-\x1f\x7f-\x9f]")

# What the command itself prints, for terminals that cannot show it.
_IN_ASCII = {
    "×": "x",
    "→": "->",
    "±": "+-",
    "–": "-",
    "—": "-",
    "−": "-",
    "…": "...",
    "•": "*",
    "·": "*",
    "∞": "inf",
    "’": "'",
    "‘": "'",
    "“": '"',
    "”": '"',
    "━": "-",
    "╸": "-",
    "╺": "-",
    "─": "-",
    "│": "|",
}
_ERROR_HANDLER = "pix2pix_tf.readable"


def readable(text: str) -> str:
    r"""Text without surrogates, which no file in UTF-8 can hold: `\xff` for a byte of a name."""
    return _SURROGATE.sub(_escaped, text)


def printable(text: str) -> str:
    r"""`readable` text whose control characters are escaped too: `\x1b` for ESC."""
    return _CONTROL.sub(_escaped, readable(text))


def make_streams_tolerant() -> None:
    """Lets the standard output and error take any text: what their encoding lacks is replaced.

    `×` becomes `x` on a terminal of ASCII only, other characters become escapes such as `\\u4e2d`.
    """
    codecs.register_error(_ERROR_HANDLER, _replaced)
    for stream in (sys.stdout, sys.stderr):
        if hasattr(stream, "reconfigure"):  # not where a program has put something of its own
            stream.reconfigure(errors=_ERROR_HANDLER)


def _escaped(found: re.Match[str]) -> str:
    code = ord(found[0])
    if 0xDC80 <= code <= 0xDCFF:
        code -= 0xDC00
    return f"\\x{code:02x}" if code < 0x100 else f"\\u{code:04x}"


def _replaced(error: UnicodeError) -> tuple[str, int]:
    if not isinstance(error, UnicodeEncodeError):
        raise error
    text = error.object[error.start : error.end]
    known = "".join(_IN_ASCII.get(character, character) for character in readable(text))
    return known.encode("ascii", errors="backslashreplace").decode(), error.end
