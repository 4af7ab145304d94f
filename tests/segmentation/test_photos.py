import numpy as np
import pytest

from pix2pix_tf.data.pairs import open_pairs
from pix2pix_tf.images.io import write_image
from pix2pix_tf.segmentation.config import load_segmenter_config
from pix2pix_tf.segmentation.photos import LabelledPhotos, steps_per_epoch, training_batches
from pix2pix_tf.segmentation.shipped import load_palette
from pix2pix_tf.utils.errors import UserError

PALETTE = load_palette("cityscapes")


@pytest.fixture
def opened(tmp_path):
    """A function: training photos whose red is ten times the class, and the config; 2 a batch."""
    for split, seeds in (("train", range(5)), ("val", (9,))):
        (tmp_path / split).mkdir()
        for seed in seeds:
            classes = np.random.default_rng(seed).integers(0, 19, (32, 32))
            photo = np.stack([classes * 10, np.full_like(classes, seed), classes * 0], axis=-1)
            picture = np.concatenate([photo, PALETTE.colours[classes]], axis=1)
            write_image(tmp_path / split / f"{seed}.png", picture.astype(np.uint8))

    def photos(**overrides):
        settings = {"data.root": str(tmp_path), "data.crop_size": 32, "training.epochs": 2}
        settings |= {"training.batch_size": 2, **overrides}
        config = load_segmenter_config("cityscapes", settings)
        pairs = open_pairs(config.pairs_config()).train
        return LabelledPhotos(pairs, config, PALETTE), config

    return photos


def all_of(photos, config, first_epoch=0):
    batches = [
        (photo.numpy(), classes.numpy())
        for photo, classes in training_batches(photos, config, first_epoch)
    ]
    return tuple(np.concatenate(part) for part in zip(*batches, strict=True))


def test_photo_and_classes_stay_together(opened):
    photos, config = opened()
    seen, classes = all_of(photos, config)
    assert (seen.shape, seen.dtype) == ((12, 32, 32, 3), np.float32)
    assert (classes.shape, classes.dtype) == ((12, 32, 32), np.uint8)
    np.testing.assert_array_equal(seen[..., 0], classes * 10.0)
    files = seen[:, 0, 0, 1].astype(int)  # five files, and the sixth place is the next epoch's
    assert sorted(files[:5]) == sorted(files[5:10]) == [0, 1, 2, 3, 4]
    mirrored = [
        bool((classes[number] != photos[file][1]).any()) for number, file in enumerate(files)
    ]
    assert 0 < sum(mirrored) < 12
    for number, file in enumerate(files):
        as_stored = classes[number][:, :: -1 if mirrored[number] else 1]
        np.testing.assert_array_equal(as_stored, photos[file][1])


def test_mirroring_can_be_turned_off(opened):
    photos, config = opened(**{"data.augment": []})
    seen, classes = all_of(photos, config)
    for number, file in enumerate(seen[:, 0, 0, 1].astype(int)):
        np.testing.assert_array_equal(classes[number], photos[file][1])


def test_second_epoch_is_the_same_however_one_comes_there(opened):
    photos, config = opened()
    assert steps_per_epoch(photos, config) == 3
    for whole, later in zip(all_of(photos, config), all_of(photos, config, 1), strict=True):
        np.testing.assert_array_equal(whole[6:], later)


def test_cache_reads_once(opened, monkeypatch):
    from pix2pix_tf.segmentation import photos as module

    real, reads = module.label_map, []
    monkeypatch.setattr(module, "label_map", lambda *words: reads.append(words) or real(*words))
    for cache, expected in ((True, 1), (False, 2)):
        reads.clear()
        photos, _ = opened(**{"data.cache": cache})
        np.testing.assert_array_equal(photos[2][1], photos[2][1])
        assert len(reads) == expected


def test_bad_labels_are_remembered_for_the_user(opened, tmp_path):
    write_image(tmp_path / "train" / "3.png", np.full((32, 64, 3), 250, np.uint8))
    photos, config = opened()
    with pytest.raises(Exception, match="UserError"):
        all_of(photos, config)
    assert isinstance(photos.failure, UserError)
    assert "pair 3, its target: 100%" in str(photos.failure)
