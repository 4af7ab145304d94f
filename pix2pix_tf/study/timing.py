"""Checks of the times that a browser reports: whether they are possible, and as in the protocol."""

from __future__ import annotations

from pix2pix_tf.study.records import Answer

# Allowed difference of server and browser clocks, in seconds; clocks of browsers are coarse.
CLOCK_SLACK = 0.5
TOLERANCE = 0.05  # seconds; three frames of most screens


def timing_problem(answer: Answer, seconds: float, elapsed: float) -> str | None:
    """Returns the reason why the reported times of a trial are impossible, if they are.

    The page shows an image to the nearest frame, and starts a trial only after the previous answer
    was stored.

    Args:
        answer: The answer with the reported times.
        seconds: How long the protocol shows an image.
        elapsed: Seconds since the previous answer, or since the session's start.

    Returns:
        The reason, or None where the times are possible.
    """
    shortest = min(answer.first_ms, answer.second_ms)
    if shortest < 500 * seconds:
        return f"a picture shown for {shortest:.0f} ms: expected {1000 * seconds:.0f}"
    total = answer.first_ms + answer.second_ms + answer.response_ms
    if total > 1000 * (elapsed + CLOCK_SLACK):
        return f"{total:.0f} ms for one trial: only {1000 * elapsed:.0f} have passed"
    return None


def on_time(answer: Answer, seconds: float, tolerance: float = TOLERANCE) -> bool:
    """Whether both images were shown once, each for `seconds` within `tolerance` seconds."""
    times = (answer.first_ms, answer.second_ms)
    return answer.showings == 1 and all(abs(shown / 1000 - seconds) <= tolerance for shown in times)
