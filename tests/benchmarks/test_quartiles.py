"""Medians, quartiles and ratios, by hand."""

from pix2pix_tf.benchmark.quartiles import Quartiles, quartiles, ratio_quartiles


def test_quartiles_are_the_median_and_the_quartiles():
    # Of 1 2 4 8 16: the middle, and those halfway to the ends.
    assert quartiles([16, 1, 4, 8, 2]) == Quartiles(4, 2, 8)
    # Of 1 2 3 4: interpolated, at places 0.75, 1.5 and 2.25.
    assert quartiles([4, 3, 2, 1]) == Quartiles(2.5, 1.75, 3.25)
    assert quartiles([7.0]) == Quartiles(7.0, 7.0, 7.0)


def test_units_and_digits():
    assert Quartiles(0.5, 0.25, 1.0).scaled(1000) == Quartiles(500, 250, 1000)
    assert str(Quartiles(0.012345, 2.5, 1234.5)) == "0.0123 (2.5–1234)"


def test_ratios_are_of_the_same_round():
    # The second round took all of them three times as long: the ratio does not see it.
    assert ratio_quartiles([2.0, 6.0], [1.0, 3.0]) == Quartiles(2, 2, 2)
    # Medians of each would give 4 / 2; round by round it is 1, 2 and 4.
    assert ratio_quartiles([4.0, 4.0, 4.0], [4.0, 2.0, 1.0]) == Quartiles(2, 1.5, 3)
