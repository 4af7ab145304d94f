import pytest

from pix2pix_tf.config.schema import load_config, make_config
from pix2pix_tf.utils.errors import UserError


def config(**data):
    return make_config({"data": {"root": "x", **data}})


def test_the_paper_mirrors():
    assert config().data.augment.has("mirror")
    assert config().model_dump(mode="json")["data"]["augment"] == ["mirror"]


def test_written_and_read_again():
    typed = "data.augment=[rotate_90, {scale: [0.9, 1.25]}, {noise: 5e-2}]"
    read = load_config("facades", [typed])
    augment = read.data.augment
    assert (augment.scale, augment.strength("noise"), augment.strength("blur")) == (
        (0.9, 1.25),
        0.05,
        0.0,
    )
    assert make_config(read.model_dump(mode="json")) == read
    assert "{scale: [0.9, 1.25]}" not in read.to_yaml()  # one value a line or not: YAML's choice
    assert config(augment=[]).data.augment == ()


@pytest.mark.parametrize(
    ("value", "message"),
    [
        (3, r"expected a list, such as \[mirror, rotate_90\], or \[\] for none"),
        ("mirror", "expected a list"),
        (None, "expected a list"),
        (["miror"], "expected augmentations among .*; did you mean mirror"),
        ([3], "expected augmentations among mirror, flip_vertical"),
        ([{"mirror": 1}], "expected mirror without a strength"),
        ([{"mirror": None, "blur": 1}], "expected augmentations among"),
        (["mirror", "mirror"], "expected each augmentation once, not mirror twice"),
        (["scale"], "expected scale with its range, such as {scale: "),
        ([{"scale": 2}], "expected scale with its range"),
        ([{"scale": [2, 1]}], "expected scale with its range"),
        ([{"scale": [0.01, 1]}], "expected scale with its range"),
        ([{"scale": [1, float("inf")]}], "expected scale with its range"),
        (["noise"], "expected noise with its strength, such as {noise: 0.05}"),
        ([{"noise": 0}], "expected noise with its strength"),
        ([{"noise": float("nan")}], "expected noise with its strength"),
        ([{"blur": 6}], "expected blur with its strength, .*pixels, up to 5"),
        ([{"contrast": True}], "expected contrast with its strength"),
    ],
)
def test_invalid_values_are_refused(value, message):
    with pytest.raises(UserError, match=f"data.augment: .*{message}"):
        config(augment=value)


@pytest.mark.parametrize(
    ("data", "message"),
    [
        (
            {"augment": ["rotate_90"], "crop_size": [128, 256]},
            r"augment: rotate_90: exchanges height and width, and data.crop_size is \[128, 256\]",
        ),
        ({"augment": ["transpose"], "crop_size": [128, 256]}, "augment: transpose: exchanges"),
        (
            {"augment": [{"noise": 0.1}], "derive": "random_mask"},
            "augment: noise: changes inputs alone, and with data.derive=random_mask they are",
        ),
        (
            {"augment": [{"scale": [0.8, 1]}]},
            r"augment: scale from 0.8: takes windows of up to 320×320 .* data.load_size is "
            r"\[286, 286\]; set data.load_size to at least \[320, 320\], or a scale from 0.9",
        ),
        ({"scale": 0}, "scale: 0: expected resize, native, or a factor above 0"),
        ({"scale": "half"}, "scale: 'half': expected resize, native, or a factor"),
        ({"pad": "reflect"}, "pad: reflect: is for data.scale=native or a factor"),
        (
            {"scale": "native", "crop_size": 250},
            "crop_size: 250: the height must be a multiple of 16",
        ),
    ],
)
def test_contradictions_are_refused(data, message):
    with pytest.raises(UserError, match=f"data.{message}"):
        config(**data)


def test_the_sample_city_has_no_native_scale():
    with pytest.raises(UserError, match=r"data.scale: native: the embedded sample is drawn at"):
        make_config({"data": {"dataset": "sample", "scale": "native"}})


def test_load_size_has_no_meaning_at_native_scale():
    assert config(scale="native", crop_size=512).data.crop_size == (512, 512)
    assert config(scale=0.5, crop_size=512, augment=[{"scale": [0.5, 1]}]).data.window_size == (
        1024,
        1024,
    )
