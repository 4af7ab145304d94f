"""ONNX models as ONNX Runtime and onnxruntime-web run them, compared with `translate`."""

import json
import shutil
import subprocess
import sys
from pathlib import Path

import numpy as np
import onnx
import onnxruntime
import pytest

from pix2pix_tf import Translator, export, load_config, train
from pix2pix_tf.exporters.onnx import OPSETS, OnnxForm, convert_to_onnx, onnx_variants
from pix2pix_tf.exporters.parity import compare
from pix2pix_tf.utils.errors import UserError
from tests.conftest import TINY, run_eagerly, typed, write_pairs

ROOT = Path(__file__).parents[2]
RUNTIME = ROOT / "build" / "onnx-web" / "node_modules"  # made by `make onnx-web`


@pytest.fixture(scope="module")
def translator(finished_run):
    return Translator(finished_run)


@pytest.fixture(scope="module")
def converted(translator):
    """A function that converts the finished run, each form once."""
    made = {}

    def convert(**words):
        form = OnnxForm(**words)
        if form not in made:
            size = form.size or (32, 32)
            made[form] = convert_to_onnx(
                translator, form, lambda: [picture(*size, seed) for seed in range(8)]
            )
        return made[form]

    return convert


def picture(height, width, seed=0, block=8):
    """Blocks of colours, uint8 [height, width, 3]."""
    random = np.random.default_rng([height, width, seed])
    blocks = random.integers(0, 256, (-(-height // block), -(-width // block), 3), np.uint8)
    return blocks.repeat(block, axis=0).repeat(block, axis=1)[:height, :width]


def run(model, images, **more):
    """The model's translations of a batch."""
    session = onnxruntime.InferenceSession(model, providers=["CPUExecutionProvider"])
    return session.run(["translation"], {"image": images, **more})[0]


def within_a_level(found, expected):
    assert (found.shape, found.dtype) == (expected.shape, expected.dtype)
    return np.abs(found.astype(int) - expected).max() <= 1


def shapes(values):
    return {
        value.name: [axis.dim_param or axis.dim_value for axis in value.type.tensor_type.shape.dim]
        for value in values
    }


# --- what is in the file ------------------------------------------------------------------------


def test_names_types_and_open_axes(converted):
    graph = onnx.load_from_string(converted()).graph
    assert shapes(graph.input) == {"image": ["batch", "height", "width", 3]}
    assert shapes(graph.output) == {"translation": ["batch", "height", "width", 3]}
    kinds = {value.type.tensor_type.elem_type for value in (*graph.input, *graph.output)}
    assert kinds == {onnx.TensorProto.UINT8}


def test_a_size_leaves_the_batch_open(converted):
    graph = onnx.load_from_string(converted(size=(50, 77))).graph
    assert shapes(graph.input) == {"image": ["batch", 50, 77, 3]}
    assert shapes(graph.output) == {"translation": ["batch", 50, 77, 3]}


def test_metadata_says_what_the_model_is(translator, converted):
    model = onnx.load_from_string(converted(precision="float16"))
    found = {entry.key: entry.value for entry in model.metadata_props}
    assert found["direction"] == "BtoA"
    assert (found["step"], found["precision"]) == ("2", "float16")
    assert found["fingerprint"] == translator.fingerprint
    assert found["input_range"] == found["target_range"] == "dtype"


def test_only_operations_of_onnx_itself(converted):
    for words in ({}, {"precision": "float16"}, {"precision": "int8"}):
        model = onnx.load_from_string(converted(**words))
        assert {node.domain for node in model.graph.node} == {""}


# --- sizes and batches --------------------------------------------------------------------------


@pytest.fixture(scope="module")
def resnet(tmp_path_factory):
    """A translator of a ResNet, whose sizes are multiples of 4, and its model."""
    folder = tmp_path_factory.mktemp("resnet")
    settings = {
        **TINY,
        "data.root": str(write_pairs(folder / "pairs")),
        "generator.kind": "resnet_6",
        "training.steps": 1,
        "logging.tensorboard": False,
    }
    with run_eagerly():
        train(load_config("facades", settings), folder / "run")
    translator = Translator(folder / "run")
    return translator, convert_to_onnx(translator, OnnxForm(), list)


@pytest.mark.slow("translates hundreds of sizes")
@pytest.mark.parametrize("kind", ["unet", "resnet"])
def test_every_size_from_65_to_165(kind, translator, converted, resnet):
    reference, model = (translator, converted()) if kind == "unet" else resnet
    session = onnxruntime.InferenceSession(model, providers=["CPUExecutionProvider"])
    for height in range(65, 166):
        images = picture(height, 230 - height)[np.newaxis]
        (found,) = session.run(None, {"image": images})
        assert within_a_level(found, reference(images, dropout=False)), height


SIZES = [(1, 1), (2, 3), (7, 40), (33, 31), (64, 64), (165, 117)]


def sizes_agree(reference, model):
    for size in SIZES:
        # Blocks of a pixel: in an image of one colour, norms would enlarge rounding errors.
        images = np.stack([picture(*size, seed, block=1) for seed in range(3)])
        assert within_a_level(run(model, images), reference(images, dropout=False)), size


def test_sizes_of_all_kinds(translator, converted):
    sizes_agree(translator, converted())


@pytest.mark.slow("converts a large graph")
def test_sizes_of_all_kinds_of_a_resnet(resnet):
    sizes_agree(*resnet)


def test_a_size_that_is_no_multiple_is_padded_inside(translator, converted):
    images = picture(50, 77)[np.newaxis]
    found = run(converted(size=(50, 77)), images)
    assert within_a_level(found, translator(images, dropout=False))


def test_an_image_does_not_depend_on_its_batch(converted):
    images = np.stack([picture(40, 33, seed) for seed in range(4)])
    whole = run(converted(), images)
    for number, image in enumerate(images):
        assert within_a_level(whole[number], run(converted(), image[np.newaxis])[0])


# --- precisions and opsets ----------------------------------------------------------------------


@pytest.mark.parametrize("precision", ["float32", "float16", "int8"])
def test_agrees_with_translate_in_every_precision(precision, translator, converted):
    form, images = OnnxForm(precision), [picture(32, 32, seed) for seed in range(20, 24)]
    parities = [
        compare(variant, images)
        for variant in onnx_variants(translator, converted(precision=precision), form)
    ]
    assert [parity.variant for parity in parities] == ["image", "batch of 2", "odd size"]
    assert all(parity.passed for parity in parities)
    if precision != "int8":
        assert max(parity.max_error for parity in parities) <= 1


def weights(model):
    """Types and bytes of the tensors of the file that convolutions multiply by."""
    read = {name for node in model.graph.node if node.op_type != "Mul" for name in node.input}
    tensors = [
        tensor
        for tensor in model.graph.initializer
        if len(tensor.dims) == 4 and tensor.name in read and max(tensor.dims[2:]) > 1
    ]
    return {tensor.data_type for tensor in tensors}, sum(len(each.raw_data) for each in tensors)


def test_float16_halves_the_weights(converted):
    kinds, whole = weights(onnx.load_from_string(converted()))
    half_kinds, half = weights(onnx.load_from_string(converted(precision="float16")))
    assert (kinds, half_kinds) == ({onnx.TensorProto.FLOAT}, {onnx.TensorProto.FLOAT16})
    assert half * 2 == whole


def test_int8_computes_all_convolutions_but_the_first_and_the_last_in_8_bits(converted):
    graph = onnx.load_from_string(converted(precision="int8")).graph
    made_by = {name: node.op_type for node in graph.node for name in node.output}
    found = {}
    for node in graph.node:
        if node.op_type == "Conv":
            layer = node.name.split("/")[1]
            kinds = {made_by.get(name) == "DequantizeLinear" for name in node.input[:2]}
            found.setdefault(layer, set()).update(kinds)
    assert len(found) == 2 * 5  # of a U-Net of five levels
    floats = {layer for layer, kinds in found.items() if kinds == {False}}
    assert {layer.rsplit("_", 1)[0] for layer in floats} == {"encoder_1", "output"}
    assert all(kinds == {True} for layer, kinds in found.items() if layer not in floats)


@pytest.mark.parametrize("opset", [OPSETS[0], OPSETS[-1]])
def test_opsets_from_the_first_to_the_last(opset, translator, converted):
    model = converted(opset=opset)
    assert {entry.version for entry in onnx.load_from_string(model).opset_import} >= {opset}
    images = picture(45, 52)[np.newaxis]
    assert within_a_level(run(model, images), translator(images, dropout=False))


@pytest.mark.slow("converts a large graph")
def test_dropout_is_that_of_translate_with_the_same_seed(translator, converted):
    model = converted(dropout=True, opset=18)
    images = np.stack([picture(40, 33, 1)] * 3)
    found = run(model, images, seed=np.array([0, 7, 2**31 - 1], np.int32))
    for output, seed in zip(found, (0, 7, 2**31 - 1), strict=True):
        assert within_a_level(output, translator(images[0], seed=seed))
    assert np.abs(found[0].astype(int) - found[1]).max() > 1


# --- the command and its errors -----------------------------------------------------------------


@pytest.mark.slow("starts the command as a process")
def test_journey(tiny_run, tmp_path):
    words = ("--format", "onnx", "--precision", "int8", "--name", "blocks", "--output", "models")
    done = typed("export", "--run", tiny_run, *words, cwd=tmp_path)
    assert (done.returncode, done.stderr) == (0, "")
    assert sorted(file.name for file in (tmp_path / "models").iterdir()) == [
        "blocks.onnx",
        "export.json",
    ]
    report = json.loads((tmp_path / "models" / "export.json").read_text())
    assert (report["precision"], report["size"], report["opset"]) == ("int8", None, 15)
    assert report["bytes"] == (tmp_path / "models" / "blocks.onnx").stat().st_size
    assert [parity["variant"] for parity in report["parity"]] == ["image", "batch of 2", "odd size"]
    assert all(parity["ssim"] >= 0.95 and parity["passed"] for parity in report["parity"])
    image = picture(40, 33)
    output = run(str(tmp_path / "models" / "blocks.onnx"), image[np.newaxis])[0]
    error = np.abs(output.astype(int) - Translator(tiny_run)(image, dropout=False))
    assert error.mean() < 3


@pytest.mark.parametrize(
    ("words", "message"),
    [
        (["--opset", "12"], "opset 12: expected 13 to 18"),
        (["--opset", "19"], "opset 19: expected 13 to 18"),
        (["--precision", "dynamic"], "precision dynamic: expected float32, float16 or int8"),
        (["--resizable"], "--resizable: is not for format onnx"),
        (["--uint8"], "--uint8: is not for format onnx"),
        (["--dropout", "--opset", "15"], "opset 15: has no bitwise operations"),
        (["--size", "0x5"], "at least one pixel"),
        (["--format", "tflite", "--opset", "15"], "--opset: is not for format tflite"),
        (["--format", "web", "--dropout"], "--dropout: is not for format web"),
    ],
)
def test_bad_input_is_one_sentence_and_leaves_nothing(here, tiny_run, tmp_path, words, message):
    format = () if "--format" in words else ("--format", "onnx")
    code, _, err = here("export", "--run", "tiny_run", *format, *words, "--output", "out")
    assert code == 2
    assert message in err
    assert len(err.splitlines()) == 1
    assert [entry.name for entry in tmp_path.iterdir()] == ["tiny_run"]


def test_missing_libraries_are_named_with_their_extra(here, tiny_run, tmp_path, monkeypatch):
    monkeypatch.setitem(sys.modules, "tf2onnx", None)
    code, _, err = here("export", "--run", "tiny_run", "--format", "onnx", "--output", "out")
    assert code == 2
    assert "not installed: tf2onnx; pip install 'pix2pix-tf[onnx]'" in err
    assert not (tmp_path / "out").exists()


@pytest.mark.slow("converts a large graph")
def test_an_operation_that_the_converter_lacks_is_named(translator, monkeypatch):
    monkeypatch.setattr(
        "pix2pix_tf.exporters.onnx.portable_random_bits", lambda: pytest.MonkeyPatch.context()
    )
    with pytest.raises(UserError, match=r"opset 18: lacks an operation .*StatelessRandom"):
        convert_to_onnx(translator, OnnxForm(dropout=True, opset=18), list)


def test_a_model_of_other_weights_is_refused_and_removed(tiny_run, tmp_path, monkeypatch):
    from pix2pix_tf.exporters import exporting

    def zeros(translator, form, calibration):
        model = onnx.load_from_string(convert_to_onnx(translator, form, calibration))
        for tensor in model.graph.initializer:
            if len(tensor.dims) == 4:
                tensor.raw_data = bytes(len(tensor.raw_data))
        return model.SerializeToString()

    monkeypatch.setattr(exporting, "convert_to_onnx", zeros)
    with pytest.raises(UserError, match=r"image: max .* grey levels"):
        export(tiny_run, "onnx", tmp_path / "out")
    assert not (tmp_path / "out").exists()


# --- onnxruntime-web ----------------------------------------------------------------------------


@pytest.mark.slow("starts Node")
@pytest.mark.skipif(
    not (RUNTIME.is_dir() and shutil.which("node")),
    reason="this checkout has no onnxruntime-web: make onnx-web",
)
@pytest.mark.parametrize(
    "words",
    [{}, {"precision": "float16"}, {"precision": "int8"}, {"dropout": True, "opset": 18}],
    ids=str,
)
def test_onnxruntime_web_computes_the_same(words, converted, tmp_path):
    (tmp_path / "model.onnx").write_bytes(converted(**words))
    inputs = {"image": np.stack([picture(45, 38, seed) for seed in range(2)])}
    if "dropout" in words:
        inputs["seed"] = np.array([3, 4], np.int32)
    described = {
        name: {"type": str(value.dtype), "shape": value.shape, "values": value.ravel().tolist()}
        for name, value in inputs.items()
    }
    (tmp_path / "inputs.json").write_text(json.dumps(described))
    files = [tmp_path / name for name in ("model.onnx", "inputs.json", "output.json")]
    script = ROOT / "tools" / "onnx_web" / "translate.mjs"
    done = subprocess.run(
        ["node", script, RUNTIME, *files], capture_output=True, text=True, check=False
    )
    assert done.returncode == 0, done.stderr
    output = json.loads(files[2].read_text())
    assert output["type"] == "uint8"
    expected = run(converted(**words), inputs.pop("image"), **inputs)
    found = np.reshape(output["values"], output["shape"]).astype(np.uint8)
    # Kernels of 8 bits round otherwise on other processors.
    tolerance = 3 if words.get("precision") == "int8" else 1
    assert found.shape == expected.shape
    assert np.abs(found.astype(int) - expected).max() <= tolerance
