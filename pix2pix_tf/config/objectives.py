"""Config sections `objective` of the methods."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING, Annotated, Literal

from pydantic import Field
from pydantic_core import PydanticCustomError

from pix2pix_tf.config.errors import CONTRADICTION
from pix2pix_tf.config.section import Real, Section

if TYPE_CHECKING:
    from pix2pix_tf.config.schema import Config

# Downsampling convolutions of the discriminator by its receptive field in pixels (appendix 6.1.2).
RECEPTIVE_FIELDS = {1: 0, 16: 1, 34: 2, 70: 3, 142: 4, 286: 5}


class Objective(Section):
    """Base class of the section `objective`."""

    def check(self, config: Config) -> None:
        """Checks that the method can be trained with the other sections.

        Args:
            config: The complete config.

        Raises:
            PydanticCustomError: It cannot. The error's type is `config.errors.CONTRADICTION` and
                its message a complete sentence.
        """


class Pix2PixObjective(Objective):
    """Equation 4 and the objectives of Table 1: an adversarial loss plus a weighted distance.

    `cgan`: the discriminator sees the input; `gan`: it does not; `l2` may stand for `l1`.
    """

    name: Literal["l1", "l2", "gan", "cgan", "l1+gan", "l1+cgan", "l2+gan", "l2+cgan"] = "l1+cgan"
    """Terms of the generator's loss, by the paper's names: a distance to the target (`l1` or `l2`),
    an adversarial loss whose discriminator sees the input (`cgan`) or does not (`gan`), or both.
    """
    l1_weight: Annotated[Real, Field(ge=0)] = 100.0
    """Weight λ of the distance, L1 or L2, beside the adversarial loss; 0 or more."""
    gan_loss: Literal["vanilla", "least_squares", "hinge"] = "vanilla"
    """Adversarial loss: `vanilla` (the paper's cross-entropy), `least_squares` or `hinge`."""

    @property
    def distance(self) -> Literal["l1", "l2"] | None:
        """The objective's distance to the target, or None."""
        return {"l1": "l1", "l2": "l2"}.get(self.name[:2])  # type: ignore[return-value]

    @property
    def adversarial(self) -> bool:
        """Whether the objective has a discriminator."""
        return self.name.endswith("gan")

    @property
    def conditional(self) -> bool:
        """Whether the discriminator sees the input."""
        return self.name.endswith("cgan")

    def check(self, config: Config) -> None:
        """Checks that the discriminator's receptive field leaves at least one patch of the crop."""
        size, field = config.data.crop_size, config.discriminator.receptive_field
        if min(patch_grid(size, field)) < 1:
            fitting = [each for each in RECEPTIVE_FIELDS if min(patch_grid(size, each)) >= 1]
            raise PydanticCustomError(
                CONTRADICTION,
                "discriminator.receptive_field: {field} leaves no patch of a data.crop_size of "
                "{size}; the largest that fits is {best}",
                {"field": field, "size": list(size), "best": max(fitting)},
            )


OBJECTIVES: dict[str, type[Objective]] = {"pix2pix": Pix2PixObjective}
"""Sections by the name of the method, `method` in a config."""


def patch_grid(size: Sequence[int], receptive_field: int) -> tuple[int, int]:
    """Returns the height and width of the discriminator's output.

    256×256 gives 30×30 at the default receptive field of 70 (appendix 6.1.2): each downsampling
    convolution (k4 s2 p1) halves the size, and each of the last two (k4 s1 p1) reduces it by one
    pixel.

    Args:
        size: Height and width of the image, in pixels.
        receptive_field: A key of `RECEPTIVE_FIELDS`.
    """
    if receptive_field == 1:
        return (size[0], size[1])
    halvings = RECEPTIVE_FIELDS[receptive_field]
    return ((size[0] >> halvings) - 2, (size[1] >> halvings) - 2)
