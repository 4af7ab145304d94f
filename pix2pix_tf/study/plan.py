"""The trials of one session, drawn at random."""

from __future__ import annotations

from dataclasses import dataclass
from random import Random

from pix2pix_tf.study.settings import Protocol


@dataclass(frozen=True)
class Trial:
    """One pair: numbers of the inputs that the two pictures belong to, and which is shown first."""

    real: int
    fake: int
    fake_first: bool


def min_images(protocol: Protocol) -> int:
    """Inputs that a session needs: none comes twice on the same side, and the two sides differ."""
    return max(protocol.length, 1 if protocol.inputs == "same" else 2)


def draw_plan(seed: int, pictures: int, protocol: Protocol) -> list[Trial]:
    """Draws the trials of a session, the practice first; the same seed draws the same.

    The fake comes first in half of the practice and in half of the main trials (in one more or one
    less of an odd number), in random order.

    Args:
        seed: Of this session.
        pictures: Inputs there are, `min_images` or more.
        protocol: How many trials, and whether the two pictures of a trial have the same input.
    """
    random = Random(seed)
    order = random.sample(range(pictures), pictures)
    # Half a turn of the order apart, the two pictures of a trial always differ, those of one input
    # come far from each other, and not both at all where there are inputs for twice the trials.
    apart = 0 if protocol.inputs == "same" else pictures // 2
    firsts = [*_half(protocol.practice, random), *_half(protocol.trials, random)]
    return [
        Trial(real=order[(place + apart) % pictures], fake=order[place], fake_first=first)
        for place, first in enumerate(firsts)
    ]


def _half(count: int, random: Random) -> list[bool]:
    """As many of each, in random order."""
    values = [place % 2 == 0 for place in range(count)]
    if count % 2 and random.random() < 0.5:
        values[-1] = False
    random.shuffle(values)
    return values
