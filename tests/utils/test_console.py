import io

from rich.console import Console

from pix2pix_tf.utils import console


def test_without_a_terminal_there_is_a_line_every_so_often(monkeypatch):
    now = [0.0]
    monkeypatch.setattr(console.time, "monotonic", lambda: now[0])
    out = io.StringIO()
    with console.counting(Console(file=out, width=100), "translating") as counter:
        for _ in range(20):
            now[0] += 2.0
            counter.advance(20)
    assert out.getvalue().splitlines() == [
        "translating 9/20  0.50/s  22 s left",
        "translating 17/20  0.50/s  6 s left",
    ]


def test_a_transfer_without_a_terminal_is_a_line_every_so_often(monkeypatch):
    now = [0.0]
    monkeypatch.setattr(console.time, "monotonic", lambda: now[0])
    out = io.StringIO()
    with console.transferring(Console(file=out, width=100)) as transfer:
        for step in range(11):
            transfer("fetching", 10_000_000 + step * 1_000_000, 20_000_000)
            now[0] += 4.0
        transfer("unpacking", 0, None)
        now[0] += 20.0
        transfer("unpacking", 40_000_000, None)
    assert out.getvalue().splitlines() == [
        "fetching 14.0/20.0 MB  0.25 MB/s  24 s left",
        "fetching 18.0/20.0 MB  0.25 MB/s  8 s left",
        "unpacking 40.0 MB  2.00 MB/s",
    ]


def test_a_transfer_in_a_terminal_is_a_bar():
    out = io.StringIO()
    terminal = Console(file=out, width=100, force_terminal=True)
    with console.transferring(terminal) as transfer:
        transfer("fetching", 1_000_000, 2_000_000)
        transfer("fetching", 2_000_000, 2_000_000)
        transfer("unpacking", 0, 10)
    assert "unpacking" in out.getvalue()
