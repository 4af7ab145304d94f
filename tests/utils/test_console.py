import io

import pytest
from rich.console import Console

from pix2pix_tf.utils import console
from pix2pix_tf.utils.console import ProgressBar


@pytest.fixture
def now(monkeypatch):
    """The time, which the test sets."""
    now = [0.0]
    monkeypatch.setattr(console.time, "monotonic", lambda: now[0])
    return now


def test_without_a_terminal_there_is_a_line_every_so_often(now):
    out = io.StringIO()
    with ProgressBar(Console(file=out, width=100), "translating") as progress:
        for _ in range(20):
            now[0] += 2.0
            progress.advance(20)
    # One in 2 s, of which every eighth ends 15 s; the first update starts the clock.
    assert out.getvalue().splitlines() == [
        "translating 9/20  2.00 s each  0:00:22 left",
        "translating 17/20  2.00 s each  0:00:06 left",
    ]


def test_a_transfer_without_a_terminal_is_a_line_every_so_often(now):
    out = io.StringIO()
    with ProgressBar(Console(file=out, width=100), "connecting", unit="MB") as progress:
        for step in range(11):
            done = 10_000_000 + step * 1_000_000
            progress.update(done, 20_000_000, description="fetching")
            now[0] += 4.0
        progress.update(0, description="unpacking")
        now[0] += 20.0
        progress.update(40_000_000, description="unpacking")
    assert out.getvalue().splitlines() == [
        "fetching 14.0/20.0 MB  0.25 MB/s  0:00:24 left",
        "fetching 18.0/20.0 MB  0.25 MB/s  0:00:08 left",
        "unpacking 40.0 MB  2.00 MB/s",
    ]


def test_a_stalled_transfer_is_reported(now):
    out = io.StringIO()
    with ProgressBar(Console(file=out, width=100), "fetching", unit="MB") as progress:
        for now[0] in (0.0, 20.0):
            progress.update(1_000_000, 2_000_000)
    assert out.getvalue().splitlines() == ["fetching 1.0/2.0 MB  0.00 MB/s  stalled"]


def test_the_rate_follows_the_recent_pace_and_leaves_out_pauses(now):
    out = io.StringIO()
    with ProgressBar(Console(file=out, width=100), "step", unit="step", transient=False) as bar:
        bar.update(0, 100)
        now[0] = 10.0
        bar.update(10, 100)  # 1 step/s
        now[0] = 1000.0
        bar.pause()
        now[0] = 1010.0
        bar.update(50, 100, status="D 0.5")  # 4 steps/s for 10 s, the time constant
    # (10/e + 40) steps in (10/e + 10) s: 43.679 / 13.679 = 3.193 a second, 50 left take 16 s
    assert out.getvalue().splitlines() == ["step 50/100  3.19 steps/s  0:00:16 left  D 0.5"]


def test_a_bar_that_stays_shows_its_end_without_a_terminal(now):
    out = io.StringIO()
    with ProgressBar(Console(file=out, width=100), "step", transient=False) as progress:
        progress.update(3, 4)
        now[0] = 0.5
        progress.update(4, 4)
    assert out.getvalue().splitlines() == ["step 4/4  2.00/s  0:00:00 left"]


def test_in_a_terminal_there_is_a_bar_with_rate_and_time_left(now):
    out = io.StringIO()
    terminal = Console(file=out, width=100, force_terminal=True)
    with ProgressBar(terminal, "fetching [red]", unit="MB") as progress:
        progress.update(1_000_000, 4_000_000)
        now[0] = 1.0
        progress.update(2_000_000, 4_000_000)
    assert "fetching [red] " in out.getvalue()
    assert "2.0/4.0 MB  1.00 MB/s  0:00:02 left" in out.getvalue()
