import io
import itertools

from rich.console import Console

from pix2pix_tf.methods.pix2pix import PIX2PIX
from pix2pix_tf.training.monitoring.progress import TrainingProgress
from pix2pix_tf.utils import console

LOSSES = {"discriminator/loss": 0.5, "generator/gan": 1.25, "generator/l1": 0.125}


def test_without_a_terminal_there_is_a_line_every_so_often(monkeypatch):
    clock = itertools.count(step=4.0)  # seconds between two looks at it
    monkeypatch.setattr(console.time, "monotonic", lambda: next(clock))
    out = io.StringIO()
    with TrainingProgress(0, 20, Console(file=out, width=200), PIX2PIX.loss_labels) as shown:
        for step in range(2, 21, 2):
            shown.report(step, LOSSES)
    lines = out.getvalue().splitlines()
    # Every fourth report after the first, when 15 seconds have passed, and the last one.
    assert [line.split("  ")[0] for line in lines] == ["step 10/20", "step 18/20", "step 20/20"]
    assert lines[0] == "step 10/20  2.00 s/step  0:00:20 left  data 0%  D 0.500  G 1.250  L1 0.125"


def test_pauses_do_not_count(monkeypatch):
    now = [0.0]
    monkeypatch.setattr(console.time, "monotonic", lambda: now[0])
    out = io.StringIO()
    shown = TrainingProgress(0, 2, Console(file=out, width=200), PIX2PIX.loss_labels)
    now[0] = 5.0
    shown.report(1, LOSSES)  # compiles: not counted
    now[0] = 100.0
    shown.pause()
    now[0] = 100.5
    shown.report(2, LOSSES, waiting=0.25)
    assert "step 2/2  2.00 steps/s  0:00:00 left  data 25%" in out.getvalue()
