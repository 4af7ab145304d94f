"""Which times a browser can have measured, and which of them are those of the protocol."""

from __future__ import annotations

from pix2pix_tf.study.database import Answer

SLACK = 0.5  # seconds by which two clocks, one of them coarse for privacy, may differ
TOLERANCE = 0.05  # seconds, three frames of most screens


def implausible(answer: Answer, seconds: float, elapsed: float) -> str | None:
    """Says why times cannot be those of this trial, or None where they can.

    The page shows a picture to the nearest frame, and cannot have begun before the answer before
    was stored.

    Args:
        answer: With the times.
        seconds: How long a picture is to be shown.
        elapsed: Seconds since the answer before, or since the session's start.
    """
    shortest = min(answer.first_ms, answer.second_ms)
    if shortest < 500 * seconds:
        return f"a picture shown for {shortest:.0f} ms: expected {1000 * seconds:.0f}"
    total = answer.first_ms + answer.second_ms + answer.response_ms
    if total > 1000 * (elapsed + SLACK):
        return f"{total:.0f} ms for one trial: only {1000 * elapsed:.0f} have passed"
    return None


def on_time(answer: Answer, seconds: float, tolerance: float = TOLERANCE) -> bool:
    """Whether both pictures were shown once and as long as they should, to `tolerance` seconds."""
    times = (answer.first_ms, answer.second_ms)
    return answer.showings == 1 and all(abs(shown / 1000 - seconds) <= tolerance for shown in times)
