"""Text for people: names that are not UTF-8, terminals of ASCII only, counts and long lists."""

from __future__ import annotations

import codecs
import re
import sys
from collections.abc import Sequence

NAMED_AT_MOST = 10  # of a list in a message

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


def pluralize(number: int, thing: str) -> str:
    """A number with its noun.

    Example:
        >>> pluralize(1, "image"), pluralize(2, "image")
        ('1 image', '2 images')
    """
    return f"{number} {thing}{'' if number == 1 else 's'}"


def shorten_list(names: Sequence[object], limit: int = NAMED_AT_MOST, more: str = "more") -> str:
    """The first names of a list on one line, and how many more there are.

    Example:
        >>> shorten_list(["a", "b", "c"], limit=2)
        'a, b and 1 more'
    """
    shown = ", ".join(str(name) for name in names[:limit])
    return shown + (f" and {len(names) - limit} {more}" if len(names) > limit else "")


def shorten_lines(lines: Sequence[str], limit: int = NAMED_AT_MOST) -> list[str]:
    """The first lines of a list, and a line that says how many more there are.

    Example:
        >>> shorten_lines(["first", "second", "third"], limit=1)
        ['first', 'and 2 more']
    """
    left = len(lines) - limit
    return [*lines[:limit], *([f"and {left} more"] if left > 0 else [])]


def either(options: Sequence[str]) -> str:
    """Options as a sentence has them.

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
