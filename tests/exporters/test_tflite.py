"""TFLite models of a trained sample, run by LiteRT as on a device."""

import numpy as np
import pytest
from ai_edge_litert.interpreter import Interpreter

from pix2pix_tf import Translator
from pix2pix_tf.config.schema import load_config
from pix2pix_tf.data.pairs import open_pairs
from pix2pix_tf.exporters.parity import compare
from pix2pix_tf.exporters.tflite import LIMITS, convert_to_tflite, tflite_variant
from pix2pix_tf.images.convert import resize_image
from pix2pix_tf.training import train

SIZE = (64, 64)


@pytest.fixture(scope="module")
def trained(tmp_path_factory):
    """A translator of sample cities, trained until it has learnt something, and its pairs."""
    overrides = {
        "data.load_size": 72,
        "data.crop_size": 64,
        "data.sample_train": 24,
        "data.sample_val": 6,
        "generator.width": 16,
        "discriminator.width": 8,
        "training.steps": 240,
        "logging.tensorboard": False,
        "logging.validate_every": 1000,
        "logging.sheet_every": 1000,
    }
    config = load_config("sample", overrides)
    run = tmp_path_factory.mktemp("tflite") / "run"
    result = train(config, run)
    assert result.after["l1"] < 0.8 * result.before["l1"]
    return Translator(run), open_pairs(config)


@pytest.fixture(scope="module")
def model(trained):
    """A function that converts, each kind once."""
    translator, pairs = trained
    made = {}

    def convert(precision, size=SIZE, uint8=False):
        def calibration():
            return [resize_image(pairs.train[i][0], *(size or SIZE)) for i in range(8)]

        key = (precision, size, uint8)
        if key not in made:
            made[key] = convert_to_tflite(
                translator, precision, size=size, uint8=uint8, calibration=calibration
            )
        return made[key]

    return convert


def parity(trained, model, precision, size=SIZE, shown=SIZE):
    translator, pairs = trained
    variant = tflite_variant(translator, model, precision, size, LIMITS[precision])
    pictures = [resize_image(pairs.val[i][0], *shown) for i in range(len(pairs.val))]
    return compare(variant, pictures)


def test_float32_is_exact(trained, model):
    found = parity(trained, model("float32"), "float32")
    assert found.max_error <= 1
    assert found.mean_error < 0.01


def test_float16_is_within_two_levels_at_half_the_size(trained, model):
    assert parity(trained, model("float16"), "float16").max_error <= 2
    assert len(model("float16")) < 0.55 * len(model("float32"))


@pytest.mark.parametrize("precision", ["dynamic", "int8"])
def test_8_bits_look_the_same_at_a_quarter_of_the_size(trained, model, precision):
    found = parity(trained, model(precision), precision)
    assert found.ssim >= 0.95
    assert found.passed
    assert len(model(precision)) < 0.4 * len(model("float32"))


def test_int8_computes_all_convolutions_but_the_first_in_8_bits(model):
    interpreter = Interpreter(model_content=model("int8"))
    types = [
        interpreter._get_tensor_details(operation["inputs"][-2], 0)["dtype"].__name__
        for operation in interpreter._get_ops_details()
        if operation["op_name"] == "CONV_2D"
    ]
    assert types == ["float32"] + ["int8"] * (5 + 6 * 4)  # sub-pixel convolutions are four each


@pytest.mark.parametrize("precision", ["float32", "float16", "dynamic", "int8"])
def test_only_builtin_operations_and_the_names_of_the_signature(model, precision):
    interpreter = Interpreter(model_content=model(precision))
    names = {operation["op_name"] for operation in interpreter._get_ops_details()}
    assert not {name for name in names if "Flex" in name or name == "CUSTOM"}
    signatures = interpreter.get_signature_list()
    assert signatures == {"serving_default": {"inputs": ["images"], "outputs": ["images"]}}


@pytest.mark.parametrize("precision", ["float32", "int8"])
def test_uint8_in_and_out(trained, model, precision):
    interpreter = Interpreter(model_content=model(precision, uint8=True))
    (place,), (result,) = interpreter.get_input_details(), interpreter.get_output_details()
    assert place["dtype"] == result["dtype"] == np.uint8
    assert parity(trained, model(precision, uint8=True), precision).passed


def test_float_pixels_are_in_0_to_255(trained, model):
    interpreter = Interpreter(model_content=model("float32"))
    picture = trained[1].val[0][0]
    run = interpreter.get_signature_runner("serving_default")
    output = run(images=picture[np.newaxis].astype(np.float32))["images"]
    assert output.dtype == np.float32
    assert np.abs(output[0] - trained[0](picture, dropout=False)).max() <= 0.51


def test_another_size_is_padded_and_cropped_inside(trained, model):
    odd = (50, 77)
    interpreter = Interpreter(model_content=model("float32", odd))
    assert interpreter.get_input_details()[0]["shape"].tolist() == [1, 50, 77, 3]
    assert parity(trained, model("float32", odd), "float32", odd, shown=odd).max_error <= 1


def test_resizable_takes_every_size(trained, model):
    resizable = model("float32", None)
    for shown in (SIZE, (50, 77), (130, 64), (7, 9)):
        assert parity(trained, resizable, "float32", None, shown).max_error <= 1


def test_16_bit_pictures_are_scaled(trained, model):
    translator, pairs = trained
    deep = pairs.val[0][0].astype(np.uint16) * 257
    variant = tflite_variant(translator, model("float32"), "float32", SIZE, LIMITS["float32"])
    assert np.array_equal(variant.exported(deep), variant.exported(pairs.val[0][0]))
