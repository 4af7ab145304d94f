import pytest

from pix2pix_tf.config.files import shipped_files
from pix2pix_tf.segmentation.config import SegmenterConfig, load_segmenter_config
from pix2pix_tf.segmentation.shipped import load_palette
from pix2pix_tf.utils.errors import UserError


@pytest.mark.parametrize("name", ["cityscapes", "sample"])
def test_shipped_configs_load_and_say_their_command(name):
    files = shipped_files("segmenters")
    assert set(files) == {"cityscapes", "sample"}
    config = load_segmenter_config(name)
    assert config == load_segmenter_config(f"{name}.yaml")
    assert (config.data.dataset, config.data.direction, config.palette) == (name, "AtoB", name)
    load_palette(config.palette)
    head = files[name].read_text().partition("data:\n")[0]
    assert f"#   pix2pix-tf train-segmenter --config {name}" in head
    assert any(word in head for word in ("not measured", "Measured"))


def test_cityscapes_is_at_the_published_width():
    config = load_segmenter_config("cityscapes")
    assert (config.segmenter.width, config.segmenter.head) == (64, 4096)
    assert config.segmenter.dropout == 0.5
    assert config.data.crop_size == (256, 256)


def test_load_size_follows_the_size_trained_at():
    config = load_segmenter_config("sample", ["data.crop_size=[64, 96]"])
    assert config.data.load_size == config.data.crop_size == (64, 96)
    default = SegmenterConfig(data={"root": "x"}, palette="sample")  # type: ignore[arg-type]
    assert default.data.load_size == default.data.crop_size == (256, 256)


def test_its_pairs_are_those_of_an_experiment():
    config = load_segmenter_config("sample", ["training.seed=7", "data.sample_val=3"])
    experiment = config.pairs_config()
    assert experiment.data == config.data
    assert experiment.training.seed == 7


@pytest.mark.parametrize(
    ("override", "words"),
    [
        ("palete=mine.yaml", "--set palete: a key has the form SECTION.NAME, such as palette"),
        ("palette=", "palette: '': expected text that is not empty"),
        ("palette.name=x", "--set palette.name: unknown key; palette is a value itself"),
        ("segmenter.widht=3", "segmenter.widht: unknown key; did you mean segmenter.width?"),
        ("data.width=3", "data.width: unknown key; did you mean segmenter.width?"),
        ("traning.epochs=3", "traning: unknown key; did you mean training?"),
        ("data.augmnet=[]", "data.augmnet: unknown key; did you mean data.augment?"),
        ("training.epochs=0", "training.epochs: 0"),
        ("data.load_size=286", "data.load_size: a segmenter sees photos whole; leave it out"),
        ("data.crop_size=144", "data.crop_size: its sides must be multiples of 32"),
        ("data.derive=edges", "a segmenter needs plain pairs"),
        ("data.input_channels=1", "data.input_channels: a segmenter sees colour photos"),
        ("data.target_channels=4", "data.target_channels: labels are colours, 3 channels, or"),
        ("segmenter.trunk_weights=x.h5", "fit a segmenter.width of 64 only"),
    ],
)
def test_what_cannot_be_meant_is_refused_by_name(override, words):
    with pytest.raises(UserError) as error:
        load_segmenter_config("sample", [override])
    assert words in str(error.value)


def test_palette_is_overridden_as_typed():
    for palette in ("mine.yaml", "2024", "my #1.yaml", "null"):  # null: there must be one
        assert load_segmenter_config("sample", [f"palette={palette}"]).palette == palette


def test_text_in_a_file_is_as_written(tmp_path):
    (tmp_path / "mine.yaml").write_text("palette: 0123\ndata: {root: 1e3}")
    config = load_segmenter_config(tmp_path / "mine.yaml")
    assert (config.palette, config.data.root) == ("0123", "1e3")


@pytest.mark.parametrize(
    ("text", "words"),
    [
        ("data: {root: x}", "palette: missing"),
        ("palette: sample", "data: missing; it says where the pairs are"),
        ("[1]", "expected sections"),
        ("data: {root: x}\npalette: sample\nnet: {}", "net: unknown key"),
    ],
)
def test_bad_files_are_refused_by_name(tmp_path, text, words):
    path = tmp_path / "mine.yaml"
    path.write_text(text)
    with pytest.raises(UserError) as error:
        load_segmenter_config(path)
    assert words in str(error.value)
    assert str(path) in str(error.value)


def test_missing_config_names_the_nearest_segmenter():
    with pytest.raises(UserError, match=r"shipped are cityscapes, sample.*mean cityscapes.yaml\?"):
        load_segmenter_config("cityscape.yaml")
