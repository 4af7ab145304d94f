import unicodedata

import pytest

from pix2pix_tf.data.held_out import divide, held_out
from pix2pix_tf.utils.errors import UserError

NAMES = [f"image {number}" for number in range(1000)]


@pytest.mark.parametrize("share", [0.05, 0.1, 0.5, 0.9])
def test_about_the_share_is_held_out_without_a_cap(share):
    assert abs(len(held_out(NAMES, share, 0)) / 1000 - share) < 0.03


def test_an_added_file_moves_no_other_across():
    before = held_out(NAMES[:500], 0.1, 0)
    assert held_out(NAMES, 0.1, 0) & set(NAMES[:500]) == before
    assert held_out(NAMES[::-1], 0.1, 0) & set(NAMES[:500]) == before


def test_a_larger_share_holds_out_the_same_and_more():
    assert held_out(NAMES, 0.1, 0) < held_out(NAMES, 0.2, 0)


def test_another_seed_holds_out_others():
    assert held_out(NAMES, 0.1, 0) != held_out(NAMES, 0.1, 1)


@pytest.mark.parametrize("count", range(2, 9))
@pytest.mark.parametrize("share", [0.001, 0.95, 0.999])
def test_one_at_least_is_on_either_side(count, share):
    for seed in range(20):
        assert 1 <= len(held_out(NAMES[:count], share, seed)) <= count - 1


def test_the_form_of_accents_makes_no_difference():
    names = [f"façade {number}" for number in range(50)]
    decomposed = [unicodedata.normalize("NFD", name) for name in names]
    chosen = held_out(decomposed, 0.3, 0)
    assert {unicodedata.normalize("NFC", name) for name in chosen} == held_out(names, 0.3, 0)


def test_parts_are_disjoint_and_whole_and_stay():
    shares = {"val": 0.1, "test": 0.2}
    parts = divide(NAMES, shares, "train", 0)
    assert sorted(name for part in parts.values() for name in part) == sorted(NAMES)
    assert abs(len(parts["test"]) - 200) < 40
    fewer = divide(NAMES[:700], shares, "train", 0)
    assert all(set(fewer[part]) <= set(parts[part]) for part in parts)


def test_every_part_gets_one():
    for seed in range(20):
        parts = divide(NAMES[:3], {"val": 0.01, "test": 0.01}, "train", seed)
        assert [len(part) for part in parts.values()] == [1, 1, 1]
    assert divide(NAMES[:2], {"val": 0.5, "test": 0.0}, "train", 0)["test"] == []


def test_fewer_names_than_parts_are_refused():
    with pytest.raises(UserError, match="1 pair: not enough for one each in held out, the others"):
        held_out(["x"], 0.5, 0)
    with pytest.raises(UserError, match="2 pairs: not enough for one each in val, test, train"):
        divide(["x", "y"], {"val": 0.1, "test": 0.1}, "train", 0)
