import numpy as np
import pytest
import tensorflow as tf

from pix2pix_tf.data.pair_sequence import Pairs
from pix2pix_tf.data.pipeline import DataNeeds, Shares, epoch_orders, training_batches
from pix2pix_tf.utils.errors import UserError


def numbered_pairs(count, size=(32, 32)):
    """Pair n is of the flat values n and 100 + n."""

    def read(index):
        return tuple(np.full((*size, 3), value, np.uint8) for value in (index, 100 + index))

    return Pairs([str(n) for n in range(count)], read, size, np.dtype(np.uint8), keep=99)


def arrays(batches):
    return [{name: part.numpy() for name, part in batch.items()} for batch in batches]


def run(config, count, first, total, **needs):
    pairs = numbered_pairs(count)
    return arrays(training_batches(pairs, config, first, total, DataNeeds(**needs)))


def numbers(batches, side="input"):
    return [round((v + 1) * 127.5) for batch in batches for v in batch[side][:, 0, 0, 0].tolist()]


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
    for batch in run(still(training__batch_size=2), 5, 0, 5):
        image, target, seeds = batch["input"], batch["target"], batch["seed"]
        assert image.shape == target.shape == (2, 32, 32, 3)
        np.testing.assert_allclose((target - image) * 127.5, 100, atol=1e-3)
        assert image.dtype == np.float32
        assert np.abs(image).max() <= 1
        assert seeds.shape == (2, 2)
        assert seeds.dtype == np.int32


def test_replicas_shares_together_are_the_whole_batches(still):
    config, needs = still(training__batch_size=6), DataNeeds(batches_per_update=2)
    first, total = 1, 4
    whole = run(config, 7, first, total, batches_per_update=2)
    pairs = numbered_pairs(7)
    # Three replicas: two of one worker, whose shares come in turn, and one of another.
    of_two, of_one = (
        arrays(training_batches(pairs, config, first, total, needs, Shares(replicas, 3)))
        for replicas in (range(2), range(2, 3))
    )
    for step in range(total - first):
        shares = [*of_two[2 * step : 2 * step + 2], of_one[step]]
        for part, everything in whole[step].items():
            for place in range(2):
                share = [each[part][2 * place : 2 * place + 2] for each in shares]
                expected = everything[6 * place : 6 * place + 6]
                assert np.array_equal(np.concatenate(share), expected)


def test_resumes_at_any_step(tiny):
    config = tiny(training__batch_size=3)
    whole = run(config, 7, 0, 9)
    for first in (1, 4, 8):
        tail = run(config, 7, first, 9)
        assert len(tail) == 9 - first
        for a, b in zip(whole[first:], tail, strict=True):
            assert all(np.array_equal(a[part], b[part]) for part in ("input", "target", "seed"))


def test_an_epochs_last_batch_goes_on_into_the_next(still):
    seen = numbers(run(still(training__batch_size=4), 6, 0, 3))
    assert sorted(seen[:6]) == sorted(seen[6:]) == list(range(6))


def test_an_update_takes_as_many_batches_as_the_method_needs(still):
    batches = run(still(training__batch_size=2), 6, 0, 2, batches_per_update=3)
    assert [len(batch["input"]) for batch in batches] == [6, 6]


def test_unpaired_sides_have_orders_of_their_own(still):
    batches = run(still(training__batch_size=2), 7, 0, 7, paired=False)
    inputs, targets = numbers(batches), [n - 100 for n in numbers(batches, "target")]
    assert inputs == numbers(run(still(training__batch_size=2), 7, 0, 7))  # as if paired
    assert sorted(targets[:7]) == sorted(targets[7:]) == list(range(7))
    assert targets[:7] != targets[7:]
    assert targets != inputs


def test_unpaired_sides_have_crops_and_mirrors_of_their_own(tiny):
    """A side's every pixel tells its column, so that a crop tells its left edge and mirroring."""
    columns = np.broadcast_to(np.arange(36, dtype=np.uint8)[:, np.newaxis], (36, 36, 3))
    pairs = Pairs(["x"], lambda index: (columns, columns), (36, 36), np.dtype(np.uint8), keep=99)

    def crops(paired):
        batches = training_batches(pairs, tiny(), 0, 40, DataNeeds(paired=paired))
        rows = [(b["input"][0, 0, :, 0].numpy(), b["target"][0, 0, :, 0].numpy()) for b in batches]
        return [tuple((round(row[0], 3), row[0] < row[1]) for row in pair) for pair in rows]

    assert all(one == other for one, other in crops(True))
    alike = [(one[0] == other[0], one[1] == other[1]) for one, other in crops(False)]
    left_edges, mirrors = zip(*alike, strict=True)
    assert sum(left_edges) < 20
    assert 5 < sum(mirrors) < 35


def test_dropout_seeds_differ_from_image_to_image(still):
    seeds = np.concatenate([batch["seed"] for batch in run(still(), 5, 0, 15)])
    assert len(np.unique(seeds, axis=0)) == 15


def test_failed_read_is_left_with_the_pairs(still):
    def read(index):
        raise UserError("x.png is damaged")

    pairs = Pairs(["x"], read, (32, 32), np.dtype(np.uint8))
    with pytest.raises(tf.errors.OpError):
        next(iter(training_batches(pairs, still(), 0, 1)))
    assert str(pairs.failure) == "x.png is damaged"


def test_epoch_orders():
    order = epoch_orders(50, 3)
    assert sorted(order(0)) == list(range(50))
    assert not np.array_equal(order(0), order(1))
    assert np.array_equal(order(4), epoch_orders(50, 3)(4))
