"""What a translated file takes over: resolution, georeference and no data of its input; the colour
profile, the names of bands and the kind of TIFF of the training's targets.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass, replace
from pathlib import Path

import numpy as np

from pix2pix_tf.data.input_source import InputForm
from pix2pix_tf.images.carried_tags import CarriedTags
from pix2pix_tf.images.nodata import as_type, mark_nodata
from pix2pix_tf.inference.translator import Translator
from pix2pix_tf.utils.text import pluralize


@dataclass
class CarriedOver:
    """What the translation of one input takes over from it.

    Attributes:
        tags: What its file says beside values, as far as it has a place for it.
        obstacle: Why pixels without data cannot be marked; "" if they can.
        unmarked: How many were not marked so far.
        unplaced: Whether the input has a georeference that the file has no place for.
    """

    tags: CarriedTags
    obstacle: str = ""
    unmarked: int = 0
    unplaced: bool = False

    def mark(self, rows: np.ndarray, empty: np.ndarray | None) -> np.ndarray:
        """Writes no data into rows of the translation where the input has none in any channel.

        Args:
            rows: The rows, [rows, W, C].
            empty: Which pixels of the input have no data, bool [rows, W]; None if none.

        Returns:
            The rows, [rows, W, C].
        """
        if self.obstacle:
            self.unmarked += 0 if empty is None else int(np.count_nonzero(empty))
            return rows
        if self.tags.nodata is None:
            return rows
        none = np.zeros(rows.shape[:2], bool)
        return mark_nodata(rows, none if empty is None else empty, self.tags.nodata)


def carried_over(translator: Translator, path: Path, form: InputForm, suffix: str) -> CarriedOver:
    """Returns what the translation of a file takes over from it.

    Pixels without data get the value that stands for no data in the targets of the training, or
    else that of the input.

    Args:
        translator: The translation.
        path: The file of the input.
        form: How the input is read from it.
        suffix: The suffix of the file that is written.

    Raises:
        UserError: The header of the file cannot be read.
    """
    tags, target = translator.source.tags_of(path, form), translator.values.target
    value = tags.nodata if target.nodata is None else target.nodata
    obstacle = ""
    if suffix == ".png":
        obstacle, value = "PNG has no place for a value that says so (--format tiff has)", None
    elif value is not None and as_type(value, target.dtype) is None:
        obstacle, value = f"images of {target.dtype} cannot hold {value:g}, their no data", None
    unplaced = tags.georeference is not None and not suffix.endswith(".tif")
    own = translator.target_tags
    tags = replace(tags, nodata=value, profile=own.profile, names=own.names, is_ome=own.is_ome)
    return CarriedOver(tags, obstacle, unplaced=unplaced)


def carried_notes(carried: Sequence[CarriedOver]) -> list[str]:
    """Returns sentences about what the files of translations have no place for.

    Args:
        carried: What each of them takes over.
    """
    notes, count = [], len(carried)
    unplaced = sum(each.unplaced for each in carried)
    if unplaced:
        notes.append(
            f"{unplaced} of {pluralize(count, 'input')} {'has' if unplaced == 1 else 'have'} a "
            "georeference, which the files written have no place for: --format tiff keeps it"
        )
    pixels: Counter[str] = Counter()
    inputs: Counter[str] = Counter()
    for each in carried:
        if each.unmarked:
            pixels[each.obstacle] += each.unmarked
            inputs[each.obstacle] += 1
    for obstacle, number in pixels.items():
        have, values = "has", "its translation a value that means nothing"
        if number > 1:
            have, values = "have", "their translations values that mean nothing"
        notes.append(
            f"{number:,} {'pixel' if number == 1 else 'pixels'} of {inputs[obstacle]} of "
            f"{pluralize(count, 'input')} {have} no data, and {values}: {obstacle}"
        )
    return notes
