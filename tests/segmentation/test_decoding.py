import numpy as np
import pytest

from pix2pix_tf.datasets.sample_city import CLASSES, render_city
from pix2pix_tf.segmentation.decoding import check_palette, decode_labels, decode_output
from pix2pix_tf.segmentation.palette import VOID, make_palette
from pix2pix_tf.segmentation.shipped import load_palette
from tests.segmentation.conftest import refusal, row

ROAD, CAR, TRUCK = 0, 13, 14


def test_every_colour_of_a_palette_decodes_to_its_own_class():
    for name in ("cityscapes", "sample"):
        palette = load_palette(name)
        count = len(palette.classes)
        decoded = decode_labels(palette.colours[np.newaxis], palette)
        assert decoded.classes.tolist() == [list(range(count))]
        assert (decoded.unknown, decoded.commonest_unknown) == (0, None)
        assert (decode_labels(palette.void[np.newaxis], palette).classes == VOID).all()


def test_nearest_colour_wins():
    # (0, 0, 80) is 10 from the void of caravans and of trucks: of equals the class is taken.
    picture = row((120, 70, 130), (0, 0, 80), (0, 0, 86), (0, 0, 133), (3, 2, 1))
    decoded = decode_labels(picture, load_palette("cityscapes"))
    assert decoded.classes.tolist() == [[ROAD, TRUCK, VOID, CAR, VOID]]
    assert decoded.unknown == 0


def test_an_output_is_always_some_class():
    decoded = decode_labels(
        row((0, 0, 0), (0, 0, 90)), load_palette("cityscapes"), void_allowed=False
    )
    assert decoded.classes.tolist() == [[TRUCK, TRUCK]]


def test_unknown_pixels_are_counted_and_the_commonest_named(two):
    # 32 grey levels off is known, 33 is not, whatever the nearest: also of void.
    picture = row((32, 200, 0), (33, 200, 0), (255, 0, 0), (33, 0, 0), (255, 0, 0), (0, 0, 201))
    decoded = decode_labels(picture, two)
    assert decoded.unknown == 4
    assert decoded.commonest_unknown == (255, 0, 0)
    assert decoded.classes[0, [0, 1, 3, 5]].tolist() == [0, 0, VOID, 1]


def test_grey_values_are_class_numbers_where_no_class_is_grey(two):
    decoded = decode_labels(np.array([[[0], [1], [255]]], np.uint8), two)
    assert decoded.classes.tolist() == [[0, 1, VOID]]
    assert decoded.classes.dtype == np.uint8
    deep = decode_labels(np.array([[[0], [1], [255]]], np.uint16), two)
    assert deep.classes.tolist() == [[0, 1, VOID]]


def grey(*values, dtype=np.uint8):
    return np.array([values], dtype)[..., np.newaxis]


def palette_of(*colours, void=()):
    entries = [{"name": f"class {n}", "colour": list(c)} for n, c in enumerate(colours)]
    entries += [{"void": True, "colour": list(colour)} for colour in void]
    return make_palette("mine", entries, "mine.yaml")


BLACK, DARK, WHITE, RED = (0, 0, 0), (100, 100, 100), (255, 255, 255), (255, 0, 0)


@pytest.mark.parametrize(
    ("colours", "void", "values", "classes"),
    [
        # Exactly the palette's greys: they are greys, also where numbers would do.
        ([BLACK, WHITE], [], (0, 255, 255), [0, 1, 1]),
        ([WHITE, BLACK], [], (0, 255, 0), [1, 0, 1]),
        ([WHITE, BLACK], [], (0, 0), [1, 1]),
        ([RED, BLACK], [WHITE], (0, 255), [1, VOID]),
        # Nearly, as jpeg has it, with values that no class has.
        ([BLACK, WHITE], [], (3, 250, 255), [0, 1, 1]),
        # Only greys can be met: dark red is nearer to (60, 60, 60) than either grey.
        ([BLACK, DARK, (70, 60, 60)], [], (0, 88, 100), [0, 1, 1]),
        # Class numbers: none of them is near the grey of a class.
        ([DARK, WHITE, RED], [], (0, 1, 2), [0, 1, 2]),
        ([DARK, RED], [BLACK], (0, 1, 255), [0, 1, VOID]),  # 255 is void, as no colour is white
    ],
)
def test_grey_images_show_the_palettes_greys_unless_only_numbers_fit(
    colours, void, values, classes
):
    palette = palette_of(*colours, void=void)
    decoded = decode_labels(grey(*values), palette)
    assert decoded.classes.tolist() == [classes]
    assert decoded.unknown == 0
    deep = grey(*values, dtype=np.uint16) * (1 if decoded.ids else 257)
    assert decode_labels(deep, palette).classes.tolist() == [classes]
    rgb = decode_labels(np.repeat(grey(*values), 3, axis=2), palette)
    assert rgb.classes.tolist() == [classes]


@pytest.mark.parametrize(
    ("colours", "void", "values", "ids", "greys"),
    [
        ([BLACK, WHITE], [], (0, 1), [0, 1], [0, 0]),
        ([WHITE, BLACK], [], (1, 1), [1, 1], [1, 1]),
        ([DARK, RED], [BLACK], (0, 0), [0, 0], [VOID, VOID]),  # all void, or all of class 0
    ],
)
def test_grey_that_may_be_numbers_or_greys_is_refused_until_told(colours, void, values, ids, greys):
    palette = palette_of(*colours, void=void)
    message = refusal(decode_labels, grey(*values), palette)
    assert "may be class numbers, or near the greys of the palette mine" in message
    assert "--label-ids or --no-label-ids" in message
    assert decode_labels(grey(*values), palette, label_ids=True).classes.tolist() == [ids]
    assert decode_labels(grey(*values), palette, label_ids=False).classes.tolist() == [greys]


def test_class_numbers_of_cityscapes_need_no_word_and_greys_far_from_all_are_unknown():
    palette = load_palette("cityscapes")
    assert decode_labels(grey(0, 13, 18, 255), palette).classes.tolist() == [[0, 13, 18, VOID]]
    assert decode_labels(grey(0, 70, 153), palette).classes.tolist() == [[VOID, 2, 5]]
    unknown = decode_labels(grey(70, 200, 200), palette)
    assert unknown.unknown == 2
    assert "--label-ids, if they are class numbers" in refusal(
        check_palette, unknown, palette, "a.png"
    )


def test_greys_of_an_output_mean_what_those_of_the_truth_mean():
    palette = palette_of(BLACK, WHITE)
    output = grey(0, 1, 1)  # nearly black, and numbers as well
    as_greys = decode_labels(grey(0, 255), palette)
    as_ids = decode_labels(grey(0, 1), palette, label_ids=True)
    assert decode_output(output, as_greys, palette).classes.tolist() == [[0, 0, 0]]
    assert decode_output(output, as_ids, palette).classes.tolist() == [[0, 1, 1]]
    assert decode_output(output, as_greys, palette, label_ids=True).classes.tolist() == [[0, 1, 1]]


@pytest.mark.parametrize(("dtype", "value"), [(np.uint8, 2), (np.uint16, 256)])
def test_grey_value_that_is_no_class_number_is_refused(two, dtype, value):
    message = refusal(decode_labels, np.array([[[0], [value]]], dtype), two)
    assert f"holds the value {value}" in message
    assert "from 0 to 1, with 255 for void" in message


def test_sixteen_bits_are_the_same_colours(two):
    picture = row((0, 200, 0), (0, 0, 200))
    deep = decode_labels(picture.astype(np.uint16) * 257, two)
    assert deep.classes.tolist() == [[0, 1]]
    assert deep.unknown == 0


def test_large_image_has_the_classes_of_its_tiles(two):
    tile = np.random.default_rng(0).integers(0, 256, (8, 8, 3), np.uint8)
    one, many = decode_labels(tile, two), decode_labels(np.tile(tile, (3, 5, 1)), two)
    np.testing.assert_array_equal(many.classes, np.tile(one.classes, (3, 5)))
    assert many.unknown == 15 * one.unknown > 0


def test_wrong_palette_is_refused(two):
    strange = [(255, 0, 0)] * 2
    check_palette(decode_labels(row(*strange, *[(0, 0, 200)] * 8), two), two, "a.png")  # a fifth
    decoded = decode_labels(row(*strange, *[(0, 0, 200)] * 7), two)
    message = refusal(check_palette, decoded, two, "a.png")
    assert message.startswith("a.png: 22% of its pixels")
    assert "palette two, most often [255, 0, 0]" in message
    assert "cityscapes, sample" in message


def test_street_map_shows_the_classes_of_the_city():
    palette = load_palette("sample")
    assert palette.classes == CLASSES
    decoded, exact = [], []
    for seed in range(4):
        city = render_city(seed, 128, 128)
        decoded.append(decode_labels(city.street_map, palette))
        exact.append(city.classes)
        check_palette(decoded[-1], palette, f"city {seed}")
    classes, exact = np.stack([d.classes for d in decoded]), np.stack(exact)
    shown = classes != VOID
    assert shown.mean() > 0.9  # the rest: casings of streets, and rails
    assert (classes == exact)[shown].mean() > 0.85  # the rest: soft edges
    for number in range(len(CLASSES)):
        there = shown & (exact == number)
        assert not there.any() or (classes == exact)[there].mean() > 0.5, CLASSES[number]


def test_colours_of_classes_and_void_decode_to_them():
    palette = load_palette("cityscapes")
    drawn = row((128, 64, 128), (0, 0, 142), (0, 0, 0), tuple(palette.colours[18].tolist()))
    assert decode_labels(drawn, palette).classes.tolist() == [[ROAD, CAR, VOID, 18]]
