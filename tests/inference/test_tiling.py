import numpy as np
import pytest
import tensorflow as tf

from pix2pix_tf.config.schema import make_config
from pix2pix_tf.inference.tiling import TiledTranslation, check_side
from pix2pix_tf.inference.translation import AnySizeTranslation, compile_translation, image_seeds
from pix2pix_tf.methods.translation import generator_translation
from pix2pix_tf.models import build_generator
from pix2pix_tf.models.layers import BatchStatisticsNorm
from pix2pix_tf.utils.errors import UserError

# What is asked here is which numbers come out; test_translator.py has the compiled functions.
pytestmark = pytest.mark.usefixtures("eagerly")


class Both:
    """A generator that makes contrasts, applied to whole pictures and in tiles."""

    def __init__(self, crop_size=64, kind="unet", norm="batch", data=None, **generator):
        sizes = {"dataset": "sample", "load_size": crop_size, "crop_size": crop_size}
        tree = {
            "data": {**sizes, **(data or {})},
            "generator": {"width": 4, "kind": kind, "norm": norm, **generator},
            "discriminator": {"receptive_field": 16},
        }
        config = make_config(tree)
        self.generator = build_generator(config, any_size=True)
        for weights in self.generator.trainable_variables:
            if weights.name == "kernel":  # as small as they start, norms would do all the work
                weights.assign(weights * (6 if norm == "none" else 10))
        before = self.generator.to_json()
        translation = AnySizeTranslation(generator_translation(config, self.generator))
        self._whole = compile_translation(translation)
        self.tiled = TiledTranslation(translation)
        assert self.generator.to_json() == before  # exporters take it too

    def whole(self, image, seed=None):
        return self._whole(tf.constant(image[np.newaxis]), seed and image_seeds(seed, 1)).numpy()[0]


def picture(height, width, channels=3, dtype=np.uint8):
    """Dark and even on the left, bright and lively on the right."""
    random = np.random.default_rng(0)
    blocks = random.integers(0, 256, (height // 8 + 1, width // 8 + 1, channels))
    image = np.kron(blocks, np.ones((8, 8, 1)))[:height, :width]
    image[:, : width // 2] = 20 + image[:, : width // 2] / 32
    return (image * (np.iinfo(dtype).max / 255)).astype(dtype)


def errors(both, image, side=256, seed=None):
    whole = both.whole(image, seed)
    assert whole.std() > 20  # there is something to get wrong
    tiled = both.tiled(image, side, seed)
    assert tiled.shape == whole.shape
    assert tiled.dtype == np.uint8
    return np.abs(tiled.astype(int) - whole)


@pytest.mark.parametrize(
    "settings",
    [
        {},
        {"norm": "instance", "upsampling": "resize"},
        {"norm": "none"},
        {"kind": "encoder_decoder"},
        {"kind": "resnet_6"},
        {"bottleneck_norm": True},
        {"crop_size": 16},
        {"crop_size": 512, "width": 2},
        {"data": {"representation": "lab", "input_channels": 1, "target_channels": 2}},
        {"data": {"input_channels": 4, "target_channels": 1}},
    ],
    ids=str,
)
def test_tiles_make_the_whole_picture(settings):
    channels = 4 if settings.get("data", {}).get("input_channels") == 4 else 3
    found = errors(Both(**settings), picture(280, 330, channels))
    assert found.max() <= 1
    assert found.mean() < 0.01


# In tiles of 256 pixels: one pixel wide; padded to what tiles share; just what they share.
STRIPS = [(1, 260), (257, 100), (128, 300)]


@pytest.mark.parametrize(
    "settings",
    [
        {"crop_size": 16},
        {"crop_size": 32},
        {"crop_size": 128},
        {"crop_size": 128, "kind": "encoder_decoder"},
        {"crop_size": (128, 192), "upsampling": "resize"},
        {"kind": "resnet_6"},
        {"kind": "resnet_9", "upsampling": "resize"},
    ],
    ids=str,
)
def test_strips_of_any_width_are_tiled(settings):
    both = Both(**settings, width=2)
    for height, width in STRIPS:
        image, totals = picture(height, width), []
        tiled = both.tiled(image, 256, None, totals.append)
        assert totals == [both.tiled.steps(height, width, 256)] * len(totals)
        assert len(totals) == totals[0]
        assert np.abs(tiled.astype(int) - both.whole(image)).max() <= 1, (height, width)


def test_tiles_of_256_make_the_whole_picture_of_a_five_level_network():
    """It sees 93 pixels far, tiles of 256 share 128: its innermost level is the whole picture's."""
    assert errors(Both(crop_size=32), picture(256, 400)).max() <= 1


@pytest.mark.parametrize(
    ("settings", "cell"),
    [
        ({"crop_size": 16}, 16),
        ({"crop_size": 32}, 16),
        ({"crop_size": 128}, 32),
        ({"crop_size": (128, 192), "kind": "encoder_decoder"}, 32),
        ({"kind": "resnet_9"}, 4),
    ],
    ids=str,
)
def test_tiles_of_any_size_begin_and_end_where_the_layers_below_do(settings, cell):
    tiled = Both(**settings, width=1).tiled
    for side in (256, 320, 448):
        for length in range(1, 3 * 256 + 1):
            grid = tiled.grid(length, 3 * 256 + 1 - length, side)
            for span in (*grid.rows, *grid.columns):
                assert span.start % cell == len(span.weights) % cell == 0


def test_16_bits():
    assert errors(Both(), picture(300, 320, dtype=np.uint16)).max() <= 1


def test_inner_dropout_is_the_whole_pictures():
    """Of a U-Net for 256×256 all of it: one seed, one translation."""
    both = Both(crop_size=256)
    image = picture(330, 410)
    assert errors(both, image, seed=1).max() <= 1
    assert not np.array_equal(both.tiled(image, 256, 1), both.tiled(image, 256, 2))


@pytest.fixture(scope="module")
def shallow():
    """Two levels of dropout that tiles go through."""
    return Both(crop_size=16)


def test_a_seed_repeats(shallow):
    image = picture(300, 400)
    assert np.array_equal(shallow.tiled(image, 256, 1), shallow.tiled(image, 256, 1))
    assert not np.array_equal(shallow.tiled(image, 256, 1), shallow.tiled(image, 256, 2))
    assert not np.array_equal(shallow.tiled(image, 256, 1), shallow.tiled(image, 256, None))


def test_steps_across_borders_are_no_larger_than_elsewhere(shallow):
    """Although each tile has its own dropout masks, which change every 16 pixels."""
    image = picture(640, 640)
    tiled = shallow.tiled(image, 256, 1).astype(float)
    steps = np.abs(np.diff(tiled, axis=0)).mean(axis=(1, 2))[15::16]
    middles = [span.start + 64 for span in shallow.tiled.grid(640, 640, 256).rows[1:]]
    borders = np.isin(np.arange(16, 640, 16), middles)
    assert borders.sum() == 3
    assert steps[borders].mean() <= steps[~borders].mean()


def test_tiles_are_all_that_the_outer_layers_see(monkeypatch):
    """And they are traced once, for a second picture too."""
    tf.config.run_functions_eagerly(False)
    seen = {}
    call = BatchStatisticsNorm.call

    def watched(self, x, training=None):
        seen.setdefault(self.name, []).append(x.shape)
        return call(self, x, training)

    both = Both()
    monkeypatch.setattr(BatchStatisticsNorm, "call", watched)
    both.tiled(picture(700, 600), 256, None)
    del seen["decoder_1_norm"]  # the only inner one
    sizes = {name: {shape[1] for shape in shapes} for name, shapes in seen.items()}
    assert sizes["encoder_2_norm"] == {64}
    assert sizes["decoder_5_norm"] == {128}
    seen.clear()
    both.tiled(picture(300, 900), 256, None)
    assert set(seen) <= {"decoder_1_norm"}


def test_progress_counts_the_convolutions_that_tiles_go_through(shallow):
    # Four levels: as far as the norms of encoders 2, 3 and decoders 1, 2, 3, and to the end.
    passes = [2, 3, 5, 6, 7, 8]
    # Six, of which five are outer: down to the norms 2 to 5 and again to keep what is there. Then
    # up: decoder 2 needs no other, those after it encoders 1 to 4 for their skips.
    deeper = [2, 3, 4, 5, 5, 1, 4 + 2, 4 + 3, 4 + 4, 4 + 5]
    for both, steps in ((shallow, 6 * sum(passes)), (Both(), 6 * sum(deeper) + 1)):
        totals = []
        both.tiled(picture(300, 400), 256, None, totals.append)
        assert totals == [steps] * steps
        assert both.tiled.steps(300, 400, 256) == steps
        assert len(both.tiled.grid(300, 400, 256).tiles) == 6


@pytest.mark.parametrize("side", [0, -256, 128, 300, 500])
def test_other_sides_are_refused(side):
    with pytest.raises(UserError, match=f"tile {side}: expected .* multiple of 64, at least 256"):
        check_side(side)


def test_sides_that_will_do():
    check_side(256)
    check_side(448)
