"""A SavedModel as TensorFlow loads it; tests/serving has it in the server's runtime."""

import gc
import io
import subprocess
import sys
from types import SimpleNamespace

import numpy as np
import pytest
import tensorflow as tf
from PIL import Image
from tensorflow.core.protobuf import saved_model_pb2
from tensorflow_serving.apis import prediction_log_pb2

from pix2pix_tf import Translator
from pix2pix_tf.exporters.parity import compare
from pix2pix_tf.exporters.saved_model import saved_model_variants, write_saved_model
from pix2pix_tf.exporters.warmup import WARMUP, write_warmup
from pix2pix_tf.images.value_range import EIGHT_BIT
from pix2pix_tf.inference.translation import AnySizeTranslation
from pix2pix_tf.methods.translation import generator_translation
from pix2pix_tf.models import build_generator

SIGNATURES = ("serving_default", "images", "sample")


@pytest.fixture(scope="module")
def saved(finished_run, tmp_path_factory):
    """A SavedModel's folder, its signatures as they are loaded, its run's translator."""
    folder = tmp_path_factory.mktemp("saved") / "1"
    folder.mkdir()
    translator = Translator(finished_run)
    write_saved_model(translator, folder, "facades")
    loaded = tf.saved_model.load(str(folder))
    return SimpleNamespace(folder=folder, translator=translator, signatures=loaded.signatures)


def picture(height, width, seed=0):
    """Blocks of colours, uint8 [height, width, 3]."""
    random = np.random.default_rng([height, width, seed])
    blocks = random.integers(0, 256, (-(-height // 8), -(-width // 8), 3), np.uint8)
    return blocks.repeat(8, axis=0).repeat(8, axis=1)[:height, :width]


def by_files(saved, *images):
    """The answer's files to pictures sent as PNG."""
    files = [tf.io.encode_png(image).numpy() for image in images]
    return saved.signatures["serving_default"](image_bytes=tf.constant(files))[
        "image_bytes"
    ].numpy()


def by_images(saved, *images):
    return saved.signatures["images"](images=tf.constant(np.stack(images)))["images"].numpy()


def by_sample(saved, images, seeds):
    inputs = {"images": tf.constant(np.stack(images)), "seed": tf.constant(seeds, tf.int32)}
    return saved.signatures["sample"](**inputs)["images"].numpy()


def opened(file):
    return np.array(Image.open(io.BytesIO(file)))


def assert_within_a_level(found, expected):
    assert found.shape == expected.shape
    assert np.abs(found.astype(int) - expected).max() <= 1


# --- what is in the folder ----------------------------------------------------------------------


def test_signatures_have_names_types_and_shapes(saved):
    files, images = ([None], tf.string), ([None, None, None, 3], tf.uint8)
    expected = {
        "serving_default": ({"image_bytes": files}, {"image_bytes": files}),
        "images": ({"images": images}, {"images": images}),
        "sample": ({"images": images, "seed": ([None], tf.int32)}, {"images": images}),
    }
    assert set(saved.signatures) == set(expected)
    for name, function in saved.signatures.items():
        args, inputs = function.structured_input_signature
        assert args == ()
        for specs, wanted in zip(
            (inputs, function.structured_outputs), expected[name], strict=True
        ):
            found = {key: (spec.shape.as_list(), spec.dtype) for key, spec in specs.items()}
            assert found == wanted


def test_no_keras_object_is_in_it(saved):
    written = {
        path.relative_to(saved.folder).as_posix()
        for path in saved.folder.rglob("*")
        if path.is_file()
    }
    assert written == {
        "saved_model.pb",
        "fingerprint.pb",
        "variables/variables.index",
        "variables/variables.data-00000-of-00001",
        WARMUP.as_posix(),
    }
    proto = saved_model_pb2.SavedModel.FromString((saved.folder / "saved_model.pb").read_bytes())
    (graph,) = proto.meta_graphs
    kinds = {node.user_object.identifier for node in graph.object_graph_def.nodes} - {""}
    assert not [kind for kind in kinds if "keras" in kind]
    assert not [node.op for node in graph.graph_def.node if "PyFunc" in node.op]
    functions = graph.graph_def.library.function
    assert not [node.op for f in functions for node in f.node_def if "PyFunc" in node.op]


def test_warmup_is_the_servers_own_message_at_any_length(tmp_path):
    file = tmp_path / WARMUP.parent / WARMUP.name
    images = np.arange(300, dtype=np.uint8).reshape(1, 10, 10, 3)  # its length takes two bytes
    write_warmup(file, "maps", {"images": {"images": images}})
    (record,) = tf.data.TFRecordDataset(str(file)).as_numpy_iterator()
    log = prediction_log_pb2.PredictionLog.FromString(record)
    expected = prediction_log_pb2.PredictionLog()
    request = expected.predict_log.request
    request.model_spec.name, request.model_spec.signature_name = "maps", "images"
    request.inputs["images"].CopyFrom(tf.make_tensor_proto(images))
    assert log == expected


@pytest.mark.slow
def test_exports_need_no_client_of_a_server():
    program = "import sys; sys.modules['tensorflow_serving'] = None; import pix2pix_tf.exporters"
    subprocess.run([sys.executable, "-c", program], check=True)


def test_warmup_has_one_record_for_each_signature(saved):
    records = tf.data.TFRecordDataset(str(saved.folder / WARMUP)).as_numpy_iterator()
    logs = [prediction_log_pb2.PredictionLog.FromString(record) for record in records]
    assert len(logs) <= 1000  # more, a server refuses
    requests = [log.predict_log.request for log in logs]
    assert [request.model_spec.name for request in requests] == ["facades"] * 3
    assert [request.model_spec.signature_name for request in requests] == [*SIGNATURES]
    for request in requests:
        inputs = {key: tf.make_ndarray(value) for key, value in request.inputs.items()}
        function = saved.signatures[request.model_spec.signature_name]
        assert set(inputs) == set(function.structured_input_signature[1])
        if "image_bytes" in inputs:
            assert opened(inputs["image_bytes"][0]).shape == (32, 32, 3)
        else:
            assert inputs["images"].shape == (1, 32, 32, 3)  # of training
        function(**{key: tf.constant(value) for key, value in inputs.items()})


# --- what it computes ---------------------------------------------------------------------------


@pytest.mark.parametrize("size", [(32, 32), (1, 1), (7, 50), (64, 32), (70, 33)])
def test_pictures_of_any_size(saved, size):
    image = picture(*size)
    (file,) = by_files(saved, image)
    (found,) = by_images(saved, image)
    (sampled,) = by_sample(saved, [image], [3])
    assert_within_a_level(found, saved.translator(image, dropout=False))
    assert_within_a_level(opened(file), found)
    assert_within_a_level(sampled, saved.translator(image, seed=3))


def test_a_file_alone_and_among_others_is_the_same_to_the_byte(saved):
    image = picture(40, 33)
    others = [picture(20 + 9 * number, 50 - 6 * number) for number in range(8)]
    (alone,) = by_files(saved, image)
    together = by_files(saved, *others[:3], image, *others[3:])
    assert len(together) == 9
    assert together[3] == alone
    assert [opened(file).shape for file in together[4:]] == [other.shape for other in others[3:]]


def test_a_picture_alone_and_among_others_has_the_same_pixels(saved):
    image, *others = [picture(40, 33, seed) for seed in range(9)]
    (alone,) = by_images(saved, image)
    together = by_images(saved, *others[:3], image, *others[3:])
    np.testing.assert_array_equal(together[3], alone)
    assert (together[2] != alone).any()


def test_files_that_cannot_be_read_are_named(saved):
    good = tf.io.encode_png(picture(32, 32)).numpy()
    with pytest.raises(tf.errors.InvalidArgumentError) as caught:
        saved.signatures["serving_default"](image_bytes=tf.constant([good, good[:-20], b""]))
    assert "image_bytes: number 1, 2 (counted from 0) cannot be read" in str(caught.value)


def test_no_pictures_are_no_answers(saved):
    none = saved.signatures["serving_default"](image_bytes=tf.constant([], tf.string))
    assert none["image_bytes"].shape == (0,)


# --- dropout ------------------------------------------------------------------------------------


def test_a_seed_repeats_and_another_gives_another_picture(saved):
    image = picture(32, 32)
    first, again, other = (by_sample(saved, [image], [seed])[0] for seed in (5, 5, 6))
    np.testing.assert_array_equal(first, again)
    assert (first != other).any()
    assert (first != by_images(saved, image)[0]).any()


def test_seeds_are_of_each_picture(saved):
    one, two = picture(40, 33, 1), picture(40, 33, 2)
    together = by_sample(saved, [one, two, one], [5, 6, 7])
    for image, seed, found in zip([one, two, one], [5, 6, 7], together, strict=True):
        np.testing.assert_array_equal(found, by_sample(saved, [image], [seed])[0])
        assert_within_a_level(found, saved.translator(image, seed=seed))
    assert (together[0] != together[2]).any()


# --- variants -----------------------------------------------------------------------------------


def test_every_variant_agrees_with_translate(saved):
    variants = saved_model_variants(saved.translator, saved.folder)
    gc.collect()  # they must hold the weights themselves
    assert [variant.name for variant in variants] == [*SIGNATURES]
    for variant in variants:
        found = compare(variant, [picture(32, 32), picture(37, 50)])
        assert found.passed, found


def test_variants_are_of_the_folder_and_not_of_the_memory(saved, tmp_path):
    """Of a folder with other weights: they disagree, and are seen to."""
    config = saved.translator.config
    generator = build_generator(config, any_size=True)
    other = SimpleNamespace(
        config=config,
        networks={"generator": generator},
        values=EIGHT_BIT,
        translation=AnySizeTranslation(generator_translation(config, generator)),
    )
    (tmp_path / "1").mkdir()
    write_saved_model(other, tmp_path / "1", "facades")
    for variant in saved_model_variants(saved.translator, tmp_path / "1"):
        assert not compare(variant, [picture(32, 32)]).passed
