import io

from rich.console import Console

from pix2pix_tf.utils import counting


def test_without_a_terminal_there_is_a_line_every_so_often(monkeypatch):
    now = [0.0]
    monkeypatch.setattr(counting.time, "monotonic", lambda: now[0])
    out = io.StringIO()
    with counting.counting(Console(file=out, width=100), "translating") as counter:
        for _ in range(20):
            now[0] += 2.0
            counter.advance(20)
    assert out.getvalue().splitlines() == [
        "translating 9/20  0.50/s  22 s left",
        "translating 17/20  0.50/s  6 s left",
    ]
