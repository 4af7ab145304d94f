import pytest

from pix2pix_tf.utils.sampling import evenly_spaced


@pytest.mark.parametrize(
    ("count", "limit", "expected"),
    [
        (11, 3, [0, 5, 10]),
        (2, 6, [0, 1]),
        (5, 1, [0]),
        (1, 4, [0]),
        (10, 4, [0, 3, 6, 9]),
        (0, 3, []),
    ],
)
def test_indices_are_spread_evenly_with_the_first_and_the_last(count, limit, expected):
    assert evenly_spaced(count, limit) == expected
