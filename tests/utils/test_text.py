import io
import sys

from pix2pix_tf.utils.text import (
    either,
    make_streams_tolerant,
    pluralize,
    printable,
    readable,
    shorten_lines,
    shorten_list,
)


def test_bytes_of_names_that_are_not_utf8_are_shown_as_escapes():
    name = b"caf\xe9.png".decode("utf-8", "surrogateescape")
    assert readable(name) == "caf\\xe9.png"
    assert readable("a\ud800") == "a\\ud800"  # as Windows has them
    assert readable("bäume 中 😀\n\x1b") == "bäume 中 😀\n\x1b"


def test_control_characters_do_not_reach_the_terminal():
    assert printable("a\x1b[31mb\rc\x9b\n\t") == "a\\x1b[31mb\\x0dc\\x9b\n\t"


def test_streams_take_what_their_encoding_lacks(monkeypatch):
    for encoding, shown in (
        ("ascii", "3x4 -> +-1 - \\xe4 \\u4e2d \\xff --"),
        ("cp1252", "3×4 -> ±1 – ä \\u4e2d \\xff --"),
        ("utf-8", "3×4 → ±1 – ä 中 \\xff ━━"),
    ):
        stream = io.TextIOWrapper(io.BytesIO(), encoding=encoding)
        monkeypatch.setattr(sys, "stdout", stream)
        make_streams_tolerant()
        stream.write("3×4 → ±1 – ä 中 \udcff ━━")
        stream.flush()
        assert stream.buffer.getvalue().decode(encoding) == shown


def test_a_number_has_its_noun():
    assert [pluralize(number, "pair") for number in (0, 1, 2)] == ["0 pairs", "1 pair", "2 pairs"]


def test_long_lists_say_how_much_they_leave_out():
    assert shorten_list([]) == ""
    assert shorten_list("ab", limit=2) == "a, b"
    assert shorten_list([1, 2, 3], limit=2) == "1, 2 and 1 more"
    assert shorten_list("abcd", 1, "more kinds") == "a and 3 more kinds"
    assert shorten_lines(["a", "b"], limit=2) == ["a", "b"]
    assert shorten_lines(["a", "b", "c"], limit=1) == ["a", "and 2 more"]


def test_options_of_a_sentence():
    assert [either(["a"]), either(["a", "b"]), either(["a", "b", "c"])] == [
        "a",
        "a or b",
        "a, b or c",
    ]
