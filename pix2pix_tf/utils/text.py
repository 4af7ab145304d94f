"""Text for messages: names that are not UTF-8, ASCII terminals, counts and long lists."""

from __future__ import annotations

import codecs
import re
import sys
from collections.abc import Sequence

NAMED_AT_MOST = 10  # maximal number of names of a list in a message

# Surrogates; U+DC80 to U+DCFF represent bytes of a name that are not UTF-8.
_SURROGATE = re.compile("[\ud800-\udfff]")
# All control characters except tab and line feed: in a name they could move the cursor or change
# the colour of the following text.
_CONTROL = re.compile("[\x00-\x08\x0b-\x1f\x7f-\x9f]")

# Replacements of characters that the command itself prints, for terminals that cannot show them.
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
    r"""Escapes surrogates, which UTF-8 cannot encode: a byte of a name becomes `\xff`."""
    return _SURROGATE.sub(_escaped, text)


def printable(text: str) -> str:
    r"""Escapes surrogates as `readable` does, and also control characters: ESC becomes `\x1b`."""
    return _CONTROL.sub(_escaped, readable(text))


def make_streams_tolerant() -> None:
    """Makes standard output and error replace the characters that their encoding lacks.

    `×` becomes `x` on an ASCII terminal; other characters become escapes such as `\\u4e2d`.
    """
    codecs.register_error(_ERROR_HANDLER, _replaced)
    for stream in (sys.stdout, sys.stderr):
        if hasattr(stream, "reconfigure"):  # a program may have replaced the stream by its own
            stream.reconfigure(errors=_ERROR_HANDLER)


def pluralize(number: int, thing: str) -> str:
    """Returns a number with its noun.

    Example:
        >>> pluralize(1, "image"), pluralize(2, "image")
        ('1 image', '2 images')
    """
    return f"{number} {thing}{'' if number == 1 else 's'}"


def shorten_list(names: Sequence[object], limit: int = NAMED_AT_MOST, more: str = "more") -> str:
    """Returns the first names of a list on one line, and the number of the others.

    Args:
        names: The list.
        limit: Maximal number of names.
        more: Word after the number of the others.

    Example:
        >>> shorten_list(["a", "b", "c"], limit=2)
        'a, b and 1 more'
    """
    shown = ", ".join(str(name) for name in names[:limit])
    return shown + (f" and {len(names) - limit} {more}" if len(names) > limit else "")


def shorten_lines(lines: Sequence[str], limit: int = NAMED_AT_MOST) -> list[str]:
    """Returns the first lines of a list, and a line with the number of the others.

    Args:
        lines: The list.
        limit: Maximal number of lines, without the last one.

    Example:
        >>> shorten_lines(["first", "second", "third"], limit=1)
        ['first', 'and 2 more']
    """
    omitted = len(lines) - limit
    return [*lines[:limit], *([f"and {omitted} more"] if omitted > 0 else [])]


def either(options: Sequence[str]) -> str:
    """Joins options with commas and "or".

    Example:
        >>> either(["a", "b", "c"])
        'a, b or c'
    """
    *others, last = options
    return f"{', '.join(others)} or {last}" if others else last


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
