import json
import time

import numpy as np
import pytest

from pix2pix_tf.exporters.parity import EXACT, Limit, Parity, Variant, compare, refuse_failures
from pix2pix_tf.images.value_range import ImageValues, ValueRange
from pix2pix_tf.utils.errors import UserError

EQUAL = {
    "variant": "equal",
    "images": 3,
    "max_error": 0,
    "mean_error": 0.0,
    "max_difference": 0,
    "mean_difference": 0.0,
    "ssim": 1.0,
    "milliseconds": 2.5,
    "translate_milliseconds": 5.0,
    "limit": EXACT,
}


def parity(**different):
    return Parity(**{**EQUAL, **different})


def picture(seed=0, size=(8, 10)):
    return np.random.default_rng(seed).integers(50, 200, (*size, 3), np.uint8)


def same(image):
    return image.copy()


def changed(places):
    """A translation that adds to some values: (row, column, channel) to how much."""

    def translate(image):
        output = image.copy()
        for place, difference in places.items():
            output[place] = output[place].astype(float) + difference
        return output

    return translate


def test_errors_are_in_the_numbers_of_the_targets_too():
    targets = ImageValues(np.dtype("f4"), ValueRange((-10.0,), (500.0,)))
    image = np.full((8, 8, 2), 100, np.float32)
    off = changed({(0, 0, 0): 4, (1, 1, 1): -2})
    limit = Limit(2, 0.9).for_values(targets)
    found = compare(Variant("off", off, same, limit, targets), [image])
    assert found.max_difference == 4
    assert found.mean_difference == pytest.approx(6 / 128)
    assert found.max_error == pytest.approx(2)  # of 255 in 510
    assert found.limit_in(targets) == "≤ 4"
    assert found.limit_in(ImageValues()) == "max ≤ 2"
    worse = compare(Variant("off", changed({(0, 0, 0): 5}), same, limit, targets), [image])
    assert (found.passed, worse.passed) == (True, False)


def test_errors_of_channels_with_ranges_of_their_own():
    """A metre of error is nothing of 2,550 m, and all of a slope from 0 to 1."""
    targets = ImageValues(np.dtype("f4"), ValueRange((0.0, 0.0), (2550.0, 1.0)))
    image = np.zeros((8, 8, 2), np.float32)
    metre = Variant("metre", changed({(0, 0, 0): 1}), same, EXACT.for_values(targets), targets)
    assert compare(metre, [image]).max_error == pytest.approx(0.1)
    slope = Variant("slope", changed({(0, 0, 1): 1}), same, EXACT.for_values(targets), targets)
    assert compare(slope, [image]).max_error == pytest.approx(255)
    assert compare(slope, [image]).max_difference == 1


# --- comparing ----------------------------------------------------------------------------------


def test_errors_by_hand():
    variant = Variant("changed", changed({(0, 0, 0): 6, (3, 4, 1): -9, (7, 9, 2): 1}), same, EXACT)
    found = compare(variant, [picture()])
    assert (found.variant, found.images, found.limit) == ("changed", 1, EXACT)
    assert found.max_error == 9
    assert found.mean_error == pytest.approx((6 + 9 + 1) / (8 * 10 * 3))
    assert 0.5 < found.ssim < 1


def test_the_largest_of_all_pictures_and_the_mean_of_their_means():
    def translate(image):  # the small picture is off by 2 everywhere, the large one in one place
        return image + np.uint8(2) if image.shape[0] == 8 else changed({(0, 0, 0): 7})(image)

    images = [picture(1), picture(2, (20, 30))]
    found = compare(Variant("x", translate, same, EXACT), images)
    assert found.images == 2
    assert found.max_error == 7
    assert found.mean_error == pytest.approx((2 + 7 / (20 * 30 * 3)) / 2)


@pytest.mark.parametrize(("output", "expected"), [(255, 0), (0, 255)])
def test_differences_do_not_wrap_around(output, expected):
    def flat(value):
        return lambda image: np.full_like(image, value)

    found = compare(Variant("x", flat(output), flat(expected), EXACT), [picture()])
    assert (found.max_error, found.mean_error) == (255, 255.0)
    assert found.ssim < 0.1
    assert not found.passed


def test_equal_pictures_have_ssim_1():
    found = compare(Variant("x", same, same, EXACT), [picture(1), picture(2)])
    assert (found.max_error, found.mean_error, found.ssim) == (0, 0.0, 1.0)
    assert found.passed


def test_times_are_medians_without_the_first_call():
    calls = {"exported": 0, "reference": 0}

    def taking(name, seconds):
        def translate(image):
            calls[name] += 1
            # The first compiles; of three timed calls one is slow, which no median shows.
            time.sleep(0.3 if calls[name] in (1, 3) else seconds)
            return image

        return translate

    variant = Variant("x", taking("exported", 0.02), taking("reference", 0.001), EXACT)
    found = compare(variant, [picture()] * 3)
    assert calls == {"exported": 4, "reference": 4}
    assert 20 <= found.milliseconds < 300
    assert 1 <= found.translate_milliseconds < 300
    assert found.translate_milliseconds < found.milliseconds


def test_advance_is_called_after_each_picture():
    calls = []
    compare(Variant("x", same, same, EXACT), [picture()] * 4, lambda: calls.append(1))
    assert len(calls) == 4


# --- limits -------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("limit", "max_error", "ssim", "passed"),
    [
        (Limit(1, 0.99), 0, 1.0, True),
        (Limit(1, 0.99), 1, 0.99, True),  # a limit itself is allowed
        (Limit(1, 0.99), 2, 1.0, False),
        (Limit(1, 0.99), 0, 0.9899, False),
        (Limit(0, 0.0), 0, 0.0, True),
        (Limit(0, 0.0), 1, 1.0, False),
        (Limit(None, 0.9), 255, 0.9, True),
        (Limit(None, 0.9), 0, 0.8999, False),
        (Limit(None, 0.9), 0, float("nan"), False),
    ],
)
def test_limits_from_both_sides(limit, max_error, ssim, passed):
    assert parity(limit=limit, max_error=max_error, ssim=ssim).passed is passed


def test_a_limit_says_what_it_is():
    assert str(EXACT) == "max ≤ 1"
    assert str(Limit(None, 0.95)) == "SSIM ≥ 0.95"


def test_failures_are_named_and_what_passes_is_not():
    refuse_failures([])
    refuse_failures([parity(), parity(max_error=1)])
    parities = [
        parity(variant="good"),
        parity(variant="far", max_error=17, ssim=0.93456),
        parity(variant="fine", max_error=1),
        parity(variant="unlike", max_error=40, ssim=0.5, limit=Limit(None, 0.9)),
    ]
    with pytest.raises(UserError) as caught:
        refuse_failures(parities)
    message = str(caught.value)
    assert message.startswith("the export does not compute what translate does, so it was removed")
    assert message.endswith("another --precision may be closer")
    assert "(far: max 17 grey levels of 255, SSIM 0.9346, allowed max ≤ 1; " in message
    assert "; unlike: max 40 grey levels of 255, SSIM 0.5000, allowed SSIM ≥ 0.9)" in message
    assert "good" not in message
    assert "fine" not in message


def test_as_dict_can_be_json():
    found = compare(Variant("x", changed({(0, 0, 0): 6}), same, EXACT), [picture()])
    read = json.loads(json.dumps(found.as_dict()))
    assert read == found.as_dict()
    assert read["variant"] == "x"
    assert read["limit"] == "max ≤ 1"
    assert (read["max_error"], read["passed"]) == (6, False)
    assert json.loads(json.dumps(parity().as_dict())) == {
        **EQUAL,
        "limit": "max ≤ 1",
        "passed": True,
    }
