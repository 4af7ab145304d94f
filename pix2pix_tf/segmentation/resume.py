"""Checks whether the training of a segmenter may be resumed with a given config."""

from __future__ import annotations

from typing import Any

from pix2pix_tf.segmentation.config import SegmenterConfig
from pix2pix_tf.segmentation.folder import SegmenterFolder
from pix2pix_tf.segmentation.palette import Palette, palette_entries
from pix2pix_tf.utils.errors import UserError

# Keys that may change between the sessions of one training.
CHANGEABLE_KEYS = {"data.root", "data.cache", "training.epochs", "training.deterministic"}


def check_resumable(stored: SegmenterFolder, config: SegmenterConfig, palette: Palette) -> None:
    """Checks that the training in a folder may be resumed with a config and its palette.

    Raises:
        UserError: The palette differs, or a key that may not change.
    """
    if not stored.exists():
        return
    before, colours = stored.load_config()
    old, new = _keys(before), _keys(config)
    changes = [
        f"{key} = {old[key]} there and {new[key]} here"
        for key in old
        if old[key] != new[key] and key not in CHANGEABLE_KEYS
    ]
    if before.label_ids != config.label_ids:
        changes.append(f"label_ids = {before.label_ids} there and {config.label_ids} here")
    if palette_entries(colours) != palette_entries(palette):
        changes.append(f"the palette {palette.name} had other classes or colours")
    if changes:
        raise UserError(
            f"segmenter {stored.path}: was trained otherwise: {', '.join(changes)}; choose another "
            "--output, or start over with --fresh"
        )


def learning_rate_notes(stored: SegmenterFolder, config: SegmenterConfig, first: int) -> list[str]:
    """Returns a note if another number of epochs changes the learning rate after epoch `first`.

    The learning rate falls linearly to 0 at the last epoch.
    """
    if not first or not stored.exists():
        return []
    before, _ = stored.load_config()
    initial_rate = config.training.learning_rate
    old = initial_rate * max(1 - first / before.training.epochs, 0)
    new = initial_rate * (1 - first / config.training.epochs)
    if before.training.epochs == config.training.epochs:
        return []
    return [
        f"the learning rate after epoch {first} is {new:.3g} by the new schedule, and was "
        f"{old:.3g} by that of the last session; it falls to 0 at epoch {config.training.epochs}"
    ]


def _keys(config: SegmenterConfig) -> dict[str, Any]:
    """Returns the values of a config by `section.name`."""
    sections = config.model_dump(mode="json", exclude={"palette", "label_ids"})
    return {
        f"{section}.{name}": v for section, keys in sections.items() for name, v in keys.items()
    }
