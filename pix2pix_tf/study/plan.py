"""The trials of one session, drawn at random."""

from __future__ import annotations

from dataclasses import dataclass
from random import Random

from pix2pix_tf.study.settings import Protocol


@dataclass(frozen=True)
class Trial:
    """One trial: a real and a fake image, shown one after the other.

    Attributes:
        real: Index of the input whose real image is shown.
        fake: Index of the input whose fake image is shown.
        fake_first: Whether the fake is shown first.
    """

    real: int
    fake: int
    fake_first: bool


def min_images(protocol: Protocol) -> int:
    """Number of inputs that a session needs, so that no image is shown twice."""
    return max(protocol.total_trials, 1 if protocol.inputs == "same" else 2)


def draw_plan(seed: int, images: int, protocol: Protocol) -> list[Trial]:
    """Draws the trials of a session, the practice first; deterministic in the seed.

    The fake comes first in half of the practice and in half of the main trials (rounded up or down
    at random), in random order.

    Args:
        seed: The session's seed.
        images: Number of inputs, `min_images` or more.
        protocol: The numbers of trials, and whether both images of a trial have the same input.

    Returns:
        `protocol.total_trials` trials.
    """
    random = Random(seed)
    order = random.sample(range(images), images)
    # With a shift by half of the order, the two images of a trial always have different inputs, and
    # the two images of one input are far apart in the session. If there are at least twice as many
    # inputs as trials, only one image of each input is shown.
    shift = 0 if protocol.inputs == "same" else images // 2
    fake_first = [*_balanced(protocol.practice, random), *_balanced(protocol.trials, random)]
    return [
        Trial(real=order[(index + shift) % images], fake=order[index], fake_first=first)
        for index, first in enumerate(fake_first)
    ]


def _balanced(count: int, random: Random) -> list[bool]:
    """Returns equal numbers of both values, in random order."""
    values = [index % 2 == 0 for index in range(count)]
    if count % 2 and random.random() < 0.5:
        values[-1] = False
    random.shuffle(values)
    return values
