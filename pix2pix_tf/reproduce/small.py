"""The paper's comparisons at a scale that two CPU cores finish in an hour or two."""

from __future__ import annotations

from pathlib import Path

from rich.console import Console

from pix2pix_tf.segmentation.config import load_segmenter_config
from pix2pix_tf.segmentation.training import train_segmenter


def small_settings(table: str) -> list[str]:
    """What a table's variants share besides `sample.yaml`, as typed.

    Each table has the paper's batch, and all variants the steps of `sample.yaml`: Table 2 has the
    batch of 10 that the paper says it was made with, all others have batch 1 and share runs.
    """
    direction = "AtoB" if table == "6" else "BtoA"
    batch = [] if table == "2" else ["training.batch_size=1"]  # 10 is in Table 2's own settings
    return [*batch, f"data.direction={direction}"]


def small_segmenter(folder: Path, console: Console) -> Path:
    """The segmenter of the embedded city, trained now if it is not there yet."""
    place = folder / "segmenter"
    train_segmenter(load_segmenter_config("sample"), place, console=console)
    return place
