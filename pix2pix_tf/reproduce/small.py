"""The paper's comparisons at a scale that two CPU cores finish in an hour or two."""

from __future__ import annotations

from pathlib import Path

from rich.console import Console

from pix2pix_tf.segmentation.config import load_segmenter_config
from pix2pix_tf.segmentation.training import train_segmenter


def small_settings(table: str) -> list[str]:
    """What a table's variants share besides `sample.yaml`, as typed.

    All have batch 1, so that the tables share runs: the paper's batch of 10 for Table 2 was against
    an innermost norm that its errata then left out, as we do.
    """
    direction = "AtoB" if table == "6" else "BtoA"
    return ["training.batch_size=1", f"data.direction={direction}"]


def small_segmenter(folder: Path, console: Console) -> Path:
    """The segmenter of the embedded city, trained now if it is not there yet."""
    place = folder / "segmenter"
    train_segmenter(load_segmenter_config("sample"), place, console=console)
    return place
