"""Every combination of settings that the config allows trains, translates, scores and exports.

A pairwise covering: of any two settings every two values that may stand together do so in a case.
"""

import functools
import itertools
import os

import numpy as np
import pytest
import tensorflow as tf
import tifffile

from pix2pix_tf.config.schema import make_config
from pix2pix_tf.evaluation.evaluate import evaluate
from pix2pix_tf.exporters import export
from pix2pix_tf.images.io import write_image
from pix2pix_tf.inference.translator import Translator
from pix2pix_tf.training import train
from pix2pix_tf.utils.errors import UserError

pytestmark = pytest.mark.slow("trains and exports many combinations")

SIDE = 16
DERIVATIONS = ("pair", "lightness", "grey", "edges", "centre_mask", "random_mask")
THOROUGH = bool(os.environ.get("PIX2PIX_TF_ALL_COMBINATIONS"))  # `make test-combinations`
OBJECTIVES = ("l1", "l2", "gan", "cgan", "l1+gan", "l1+cgan", "l2+gan", "l2+cgan")
GEOMETRIC = ("flip_vertical", "rotate_90", "transpose", {"scale": (1, 1.5)})
VALUES = ({"brightness": 0.1}, {"contrast": 0.2}, {"noise": 0.05}, {"blur": 1})
FACTORS = {
    "data.input_channels": (1, 2, 3, 4),
    "data.target_channels": (1, 2, 3, 4),
    "data.derive": DERIVATIONS,
    "data.photo": ("file", "A", "B"),
    "data.representation": ("plain", "lab"),
    "data.scale": ("resize", "native", 1.5),
    "data.augment": (("mirror",), GEOMETRIC, (*GEOMETRIC, *VALUES)),
    "generator.kind": ("unet", "encoder_decoder", "resnet_6", "resnet_9")[: 4 if THOROUGH else 3],
    "generator.norm": ("batch", "instance", "none"),
    "generator.bottleneck_norm": (False, True),
    "generator.upsampling": ("transposed", "resize"),
    "objective.name": OBJECTIVES if THOROUGH else OBJECTIVES[::3],
    "training.batch_size": (1, 2),
    "bits": (8, 16),
}
DRAWN = 20_000 if THOROUGH else 6_000


def config_of(case, root="unused"):
    """The config of a case; raises a `UserError` where it may not be."""
    tree = {
        "data": {"root": str(root), "load_size": SIDE, "crop_size": SIDE},
        "generator": {"width": 2},
        "discriminator": {"width": 2, "receptive_field": 16},
        "training": {"steps": 1},
        "logging": {"tensorboard": False, "sheet_rows": 1},
    }
    for key, value in case.items():
        if key != "bits":
            section, name = key.split(".")
            tree.setdefault(section, {})[name] = value
    return make_config(tree)


def allowed(case):
    try:
        config_of(case)
    except UserError:
        return False
    return True


@functools.cache
def covering():
    """Cases in which every pair of values comes that came in any of many random ones."""
    random = np.random.default_rng(0)
    sizes = [len(values) for values in FACTORS.values()]
    drawn = np.unique(random.integers(0, sizes, (DRAWN, len(sizes))), axis=0)
    # What may rarely be together is drawn more often.
    special = drawn[: DRAWN // 4].copy()
    special[:, 0], special[:, 1] = 2, 2  # three channels, as derived inputs have
    lab = drawn[DRAWN // 4 : DRAWN // 2].copy()
    lab[:, 0], lab[:, 1], lab[:, 4] = 0, 1, 1
    drawn = random.permutation(np.unique(np.concatenate([drawn, special, lab]), axis=0))[
        : DRAWN // 2
    ]
    cases = [case for case in map(named, drawn.tolist()) if allowed(case)]
    places = np.array([[FACTORS[key].index(case[key]) for key in FACTORS] for case in cases])
    starts = np.cumsum([0, *sizes])[:-1]
    values = places + starts  # each value of each factor has a number
    pairs = np.stack(
        [
            values[:, one] * sum(sizes) + values[:, other]
            for one, other in itertools.combinations(range(len(sizes)), 2)
        ],
        axis=1,
    )
    missing = np.zeros(sum(sizes) ** 2, bool)
    missing[np.unique(pairs)] = True
    chosen = []
    while missing.any():
        best = int(missing[pairs].sum(axis=1).argmax())
        chosen.append(cases[best])
        missing[pairs[best]] = False
    return chosen


def named(numbers):
    return {
        key: values[number] for (key, values), number in zip(FACTORS.items(), numbers, strict=True)
    }


def words(case):
    return "-".join(
        str(len(value)) if isinstance(value, tuple) else str(value) for value in case.values()
    )


def picture(random, channels, bits, side=SIDE):
    levels = 2**bits
    blocks = random.integers(0, levels, (side // 4 + 1, side // 4 + 1, channels))
    large = np.kron(blocks, np.ones((4, 4, 1), int))[:side, :side]
    return large.astype(np.uint8 if bits == 8 else np.uint16)


def write_data(root, case):
    """Two pairs to train on and one to validate on, or photographs, as the case has them."""
    random = np.random.default_rng(0)
    derived = case["data.derive"] != "pair"
    channels = [3, 3] if derived else [case["data.input_channels"], case["data.target_channels"]]
    if case["data.representation"] == "lab":
        channels = [3, 3]
    folders = ["", ""] if derived and case["data.photo"] == "file" else ["A", "B"]
    for folder, depth in dict(zip(folders, channels, strict=True)).items():
        for split, count in (("train", 2), ("val", 1)):
            (root / folder / split).mkdir(parents=True)
            for number in range(count):
                image = picture(random, depth, case["bits"])
                write(root / folder / split / f"{number}", image)
    return root


def write(path, image):
    if image.dtype == np.uint8:
        write_image(path.with_suffix(".png"), image)
        return
    extra = {2: ["unassalpha"], 4: ["unassalpha"]}.get(image.shape[-1])
    colour = "rgb" if image.shape[-1] > 2 else "minisblack"
    flat = image[..., 0] if image.shape[-1] == 1 else image
    tifffile.imwrite(path.with_suffix(".tif"), flat, photometric=colour, extrasamples=extra)


@pytest.fixture
def eagerly():
    tf.config.run_functions_eagerly(True)
    yield
    tf.config.run_functions_eagerly(False)


@pytest.mark.parametrize("case", covering(), ids=words)
def test_what_the_config_allows_trains_translates_and_is_scored(case, eagerly, tmp_path):
    root = write_data(tmp_path / "data", case)
    config = config_of(case, root)
    result = train(config, tmp_path / "run")
    assert np.isfinite([*result.after.values()]).all()
    translator = Translator(tmp_path / "run")
    inputs, targets = config.data.image_channels
    for side in (1, 2, 3, 4, 5, 17):
        image = picture(np.random.default_rng(side), inputs, case["bits"], side)
        assert translator(image, seed=0).shape == (side, side, targets)
    assert evaluate(tmp_path / "run").images == 1


PLAIN = {key: values[0] for key, values in FACTORS.items()}
LAB = {"data.input_channels": 1, "data.target_channels": 2, "data.representation": "lab"}


def channels(inputs, targets):
    return {"data.input_channels": inputs, "data.target_channels": targets}


@pytest.mark.parametrize(
    ("format", "precision", "case"),
    [
        ("saved_model", None, {**channels(1, 2), "bits": 16}),
        ("saved_model", None, {**channels(4, 1), "generator.norm": "none"}),
        ("tflite", "float32", {**channels(2, 4), "bits": 16}),
        ("tflite", "float16", {**LAB, "bits": 16}),
        ("tflite", "dynamic", {**channels(4, 2), "bits": 16, "generator.norm": "instance"}),
        ("tflite", "int8", {**channels(1, 2), "bits": 16}),
        ("web", "float16", {**channels(2, 2), "bits": 16}),
        *(
            ("saved_model", None, {**form, "generator.kind": kind, "bits": bits})
            for form in (
                LAB,
                *itertools.starmap(channels, itertools.product(range(1, 5), repeat=2)),
            )
            for kind in ("encoder_decoder", "resnet_6")
            for bits in (8, 16)
            if THOROUGH
        ),
    ],
    ids=str,
)
def test_images_of_any_channels_and_depth_are_exported(
    format, precision, case, tmp_path, monkeypatch
):
    runtime = tmp_path / "litert"  # a checkout may lack it
    runtime.mkdir()
    (runtime / "index.js").touch()
    monkeypatch.setattr("pix2pix_tf.exporters.web.RUNTIME", runtime)
    case = {**PLAIN, **case}
    config = config_of(case, write_data(tmp_path / "data", case))
    tf.config.run_functions_eagerly(True)
    try:
        train(config, tmp_path / "run")
    finally:
        tf.config.run_functions_eagerly(False)
    words = {"precision": precision, "images": 1, "uint8": precision == "dynamic"}
    exported = export(tmp_path / "run", format, tmp_path / "out", **words)
    assert all(parity.passed for parity in exported.parity)
