"""The variants that the paper's tables compare, with the scores that the paper reports."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from itertools import combinations
from typing import Any

from pix2pix_tf.config.schema import Config, GeneratorConfig

FCN = ("fcn_per_pixel_accuracy", "fcn_per_class_accuracy", "fcn_class_iou")
_LABELS = ("per_pixel_accuracy", "per_class_accuracy", "class_iou")
_HISTOGRAM = ("lab_l", "lab_a", "lab_b")
_ACCURACIES = ("per-pixel", "per-class", "class IoU")


@dataclass(frozen=True)
class Variant:
    """One row of a table.

    Attributes:
        name: The paper's name of the variant.
        settings: Settings of the config that define it, by key.
        paper: The paper's scores.
    """

    name: str
    settings: Mapping[str, Any]
    paper: tuple[float, float, float]


@dataclass(frozen=True)
class PaperTable:
    """One table of the paper.

    Attributes:
        title: Title of the table.
        metric: Name of its metric, as in `evaluate --metrics`.
        scores: Name of the score in each column.
        headings: Heading of each column.
        variants: The rows.
        truth: The paper's scores of the true photographs; None where the table has none.
    """

    title: str
    metric: str
    scores: tuple[str, str, str]
    headings: tuple[str, str, str]
    variants: tuple[Variant, ...]
    truth: tuple[float, float, float] | None = None


def _objective(name: str) -> dict[str, Any]:
    return {"objective.name": name}


def _generator(kind: str, objective: str) -> dict[str, Any]:
    # The paper's text states a batch of 10 for this table.
    return {"generator.kind": kind, "training.batch_size": 10, **_objective(objective)}


def _receptive_field(pixels: int) -> dict[str, Any]:
    return {"discriminator.receptive_field": pixels, **_objective("l1+cgan")}


TABLES = {
    "1": PaperTable(
        "Table 1: objectives, FCN-scores of labels → photo",
        "fcn_score",
        FCN,
        _ACCURACIES,
        (
            Variant("L1", _objective("l1"), (0.42, 0.15, 0.11)),
            Variant("GAN", _objective("gan"), (0.22, 0.05, 0.01)),
            Variant("cGAN", _objective("cgan"), (0.57, 0.22, 0.16)),
            Variant("L1+GAN", _objective("l1+gan"), (0.64, 0.20, 0.15)),
            Variant("L1+cGAN", _objective("l1+cgan"), (0.66, 0.23, 0.17)),
        ),
        truth=(0.80, 0.26, 0.21),
    ),
    "2": PaperTable(
        "Table 2: generators, FCN-scores of labels → photo",
        "fcn_score",
        FCN,
        _ACCURACIES,
        (
            Variant(
                "Encoder-decoder (L1)", _generator("encoder_decoder", "l1"), (0.35, 0.12, 0.08)
            ),
            Variant(
                "Encoder-decoder (L1+cGAN)",
                _generator("encoder_decoder", "l1+cgan"),
                (0.29, 0.09, 0.05),
            ),
            Variant("U-net (L1)", _generator("unet", "l1"), (0.48, 0.18, 0.13)),
            Variant("U-net (L1+cGAN)", _generator("unet", "l1+cgan"), (0.55, 0.20, 0.14)),
        ),
    ),
    "3": PaperTable(
        "Table 3: receptive fields of D, FCN-scores of labels → photo",
        "fcn_score",
        FCN,
        _ACCURACIES,
        (
            Variant("1×1", _receptive_field(1), (0.39, 0.15, 0.10)),
            Variant("16×16", _receptive_field(16), (0.65, 0.21, 0.17)),
            Variant("70×70", _receptive_field(70), (0.66, 0.23, 0.17)),
            Variant("286×286", _receptive_field(286), (0.42, 0.16, 0.11)),
        ),
    ),
    "6": PaperTable(
        "Table 6: photo → labels",
        "segmentation",
        _LABELS,
        _ACCURACIES,
        (
            Variant("L1", _objective("l1"), (0.86, 0.42, 0.35)),
            Variant("cGAN", _objective("cgan"), (0.74, 0.28, 0.22)),
            Variant("L1+cGAN", _objective("l1+cgan"), (0.83, 0.36, 0.29)),
        ),
    ),
    "histogram": PaperTable(
        "Figure 7: Lab histogram intersection with the true photographs, labels → photo",
        "lab_histogram",
        _HISTOGRAM,
        ("L", "a", "b"),
        (
            Variant("L1", _objective("l1"), (0.81, 0.69, 0.70)),
            Variant("cGAN", _objective("cgan"), (0.87, 0.74, 0.84)),
            Variant("L1+cGAN", _objective("l1+cgan"), (0.86, 0.84, 0.82)),
            Variant("PixelGAN", _receptive_field(1), (0.83, 0.68, 0.78)),
        ),
    ),
}


def run_name(config: Config) -> str:
    """Returns the name of a variant's run: the objective and settings that are not the defaults.

    The defaults are the paper's. Variants that two tables share have the same name, and so share
    the run.

    Args:
        config: The config of the run.

    Returns:
        The name.
    """
    parts: list[str] = [config.objective.name]
    if config.generator.kind != GeneratorConfig().kind:
        parts.append(config.generator.kind)
    field = config.discriminator.receptive_field
    if config.objective.adversarial and field != 70:
        parts.append(f"{field}x{field}")
    if config.training.batch_size != 1:
        parts.append(f"batch{config.training.batch_size}")
    return "-".join(parts)


@dataclass(frozen=True)
class Agreement:
    """Agreement of two rankings of the same variants, pair by pair.

    Attributes:
        agreeing: Number of pairs of variants in the paper's order.
        pairs: Number of pairs that the paper scores differently.
    """

    agreeing: int
    pairs: int


def order_agreement(paper: Sequence[float], ours: Sequence[float]) -> Agreement:
    """Counts the pairs of variants that are in the paper's order.

    Pairs that the paper scores equally are left out; a pair with equal scores only in `ours` does
    not agree.

    Args:
        paper: The paper's score of each variant.
        ours: The reproduced score of each variant, in the same order.

    Returns:
        The agreement.
    """
    ordered = [
        (first, second)
        for first, second in combinations(range(len(paper)), 2)
        if paper[first] != paper[second]
    ]
    same = sum((paper[a] - paper[b]) * (ours[a] - ours[b]) > 0 for a, b in ordered)
    return Agreement(same, len(ordered))
