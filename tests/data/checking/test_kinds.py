from pathlib import Path

import numpy as np

from pix2pix_tf.data.checking.inspection import ImageInfo
from pix2pix_tf.data.checking.kinds import describe, kinds_of, other_sizes
from pix2pix_tf.data.layout.pair_files import PairFiles


def image(height, width, dtype="uint8", channels=3, meaning="RGB"):
    """What a file of this kind holds; its values play no part here."""
    ranges = ((0, 255),) * channels
    return ImageInfo(height, width, np.dtype(dtype), channels, meaning, (ranges, ranges))


def kinds(*sizes, side="A|B"):
    """Kinds of files 0.png, 1.png ... of these (height, width)."""
    found = {}
    for number, (height, width) in enumerate(sizes):
        item = PairFiles(str(number), Path(f"{number}.png"), None)
        found |= kinds_of("train", item, {side: image(height, width)})
    return found


def test_sizes_and_types_are_told_for_each_side():
    pair = PairFiles("x", Path("a.png"), Path("b.png"))
    found = kinds_of("", pair, {"A": image(8, 9), "B": image(8, 10, "uint16", 1, "grey")})
    assert describe(found.values()) == "A 9×8 8 bit RGB, B 10×8 16 bit grey"
    bands = {"A": image(8, 9, "int16", 1, "bands"), "B": image(8, 9, "uint8", 3, "bands")}
    found = kinds_of("", pair, bands)
    assert describe(found.values()) == "A 9×8 int16, 1 channel, B 9×8 uint8, 3 channels"


def test_the_commonest_kinds_come_first_and_the_others_are_counted():
    found = kinds(*[(8, 16)] * 3, *[(8, 18)] * 2, (8, 20), (8, 22), (8, 24))
    shown = "16×8 8 bit RGB (3), 18×8 8 bit RGB (2), 20×8 8 bit RGB (1) and 2 more kinds"
    assert describe(found.values()) == shown


def test_images_of_other_sizes_than_nearly_all_are_named():
    (note,) = other_sizes(kinds(*[(8, 16)] * 9, (4, 8)))
    assert note == (
        "1 of 10 images have another size than the others, 16×8 (width×height): 9.png (8×4)"
    )


def test_sizes_that_differ_anyway_are_not_odd():
    assert other_sizes(kinds((8, 16), (8, 18), (8, 20))) == []
    assert other_sizes(kinds(*[(8, 16)] * 5)) == []
