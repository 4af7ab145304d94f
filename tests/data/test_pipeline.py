import numpy as np
import pytest
import tensorflow as tf

from pix2pix_tf.data.pair_sequence import Pairs
from pix2pix_tf.data.pipeline import epoch_orders, training_batches
from pix2pix_tf.utils.errors import UserError


def numbered_pairs(count, size=(32, 32)):
    """Pair n is of the flat values n and 100 + n."""

    def read(index):
        return tuple(np.full((*size, 3), value, np.uint8) for value in (index, 100 + index))

    return Pairs([str(n) for n in range(count)], read, size, np.dtype(np.uint8), True)


def run(config, count, first, total):
    batches = training_batches(numbered_pairs(count), config, first, total)
    return [tuple(part.numpy() for part in batch) for batch in batches]


def numbers(batches):
    return [round((v + 1) * 127.5) for batch in batches for v in batch[0][:, 0, 0, 0].tolist()]


@pytest.fixture
def still(tiny):
    return lambda **words: tiny(data__load_size=32, **words)


def test_every_pair_once_an_epoch_in_an_order_of_its_own(still):
    seen = numbers(run(still(), 7, 0, 21))
    epochs = [seen[:7], seen[7:14], seen[14:]]
    assert all(sorted(epoch) == list(range(7)) for epoch in epochs)
    assert len({tuple(epoch) for epoch in epochs}) == 3
    assert seen != numbers(run(still(training__seed=1), 7, 0, 21))


def test_pairs_stay_together_and_in_range(still):
    for image, target, seeds in run(still(training__batch_size=2), 5, 0, 5):
        assert image.shape == target.shape == (2, 32, 32, 3)
        np.testing.assert_allclose((target - image) * 127.5, 100, atol=1e-3)
        assert image.dtype == np.float32
        assert np.abs(image).max() <= 1
        assert seeds.shape == (2, 2)
        assert seeds.dtype == np.int32


def test_replicas_shares_together_are_the_whole_batches(still):
    config = still(training__batch_size=6, training__discriminator_steps=2)
    first, total = 1, 4
    whole = run(config, 7, first, total)
    pairs = numbered_pairs(7)
    # Three replicas: two of one worker, whose shares come in turn, and one of another.
    of_two = [
        [part.numpy() for part in batch]
        for batch in training_batches(pairs, config, first, total, range(2), 3)
    ]
    of_one = [
        [part.numpy() for part in batch]
        for batch in training_batches(pairs, config, first, total, range(2, 3), 3)
    ]
    for step in range(total - first):
        shares = [*of_two[2 * step : 2 * step + 2], of_one[step]]
        for part, everything in enumerate(whole[step]):
            for d_step in range(2):
                share = [each[part][2 * d_step : 2 * d_step + 2] for each in shares]
                expected = everything[6 * d_step : 6 * d_step + 6]
                assert np.array_equal(np.concatenate(share), expected)


def test_resumes_at_any_step(tiny):
    config = tiny(training__batch_size=3)
    whole = run(config, 7, 0, 9)
    for first in (1, 4, 8):
        tail = run(config, 7, first, 9)
        assert len(tail) == 9 - first
        for a, b in zip(whole[first:], tail, strict=True):
            assert all(np.array_equal(x, y) for x, y in zip(a, b, strict=True))


def test_an_epochs_last_batch_goes_on_into_the_next(still):
    seen = numbers(run(still(training__batch_size=4), 6, 0, 3))
    assert sorted(seen[:6]) == sorted(seen[6:]) == list(range(6))


def test_a_step_takes_a_batch_for_each_discriminator_step(still):
    batches = run(still(training__batch_size=2, training__discriminator_steps=3), 6, 0, 2)
    assert [len(batch[0]) for batch in batches] == [6, 6]


def test_dropout_seeds_differ_from_image_to_image(still):
    seeds = np.concatenate([batch[2] for batch in run(still(), 5, 0, 15)])
    assert len(np.unique(seeds, axis=0)) == 15


def test_failed_read_is_left_with_the_pairs(still):
    def read(index):
        raise UserError("x.png is damaged")

    pairs = Pairs(["x"], read, (32, 32), np.dtype(np.uint8), False)
    with pytest.raises(tf.errors.OpError):
        next(iter(training_batches(pairs, still(), 0, 1)))
    assert str(pairs.failure) == "x.png is damaged"


def test_epoch_orders():
    order = epoch_orders(50, 3)
    assert sorted(order(0)) == list(range(50))
    assert not np.array_equal(order(0), order(1))
    assert np.array_equal(order(4), epoch_orders(50, 3)(4))
