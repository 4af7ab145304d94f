"""What the paper compares (Tables 1-3) and what users know: each is one change of the config."""

import numpy as np
import pytest
import tensorflow as tf

from pix2pix_tf.methods.method import checkpoint_parts
from pix2pix_tf.models.layers import SpectralConv2D
from tests.methods.test_pix2pix import build, distributed

OBJECTIVES = ["l1", "l2", "gan", "cgan", "l1+gan", "l1+cgan", "l2+gan", "l2+cgan"]


def batch(number=0):
    random = np.random.default_rng(number)
    image, target = random.uniform(-1, 1, (2, 1, 32, 32, 3)).astype(np.float32)
    return as_batch(image, target, [[0, number]])


def as_batch(image, target, seeds):
    sides = {"input": image, "target": target, "seed": seeds}
    return {name: tf.constant(side) for name, side in sides.items()}


def step(config, strategy, count=1):
    """The method after `count` updates, its variables before, and the last losses."""
    method, update = build(config, strategy)
    before = {
        part: [variable.numpy() for variable in variables.values()]
        for part, variables in checkpoint_parts(method).items()
    }
    for number in range(count):
        losses = {name: float(loss) for name, loss in update(batch(number)).items()}
    return method, before, losses


def moved(network, before):
    return any(
        not np.array_equal(v.numpy(), b) for v, b in zip(network.variables, before, strict=True)
    )


@pytest.mark.usefixtures("eagerly")
@pytest.mark.parametrize("name", OBJECTIVES)
def test_objective_trains_what_it_names(tiny, one_device, name):
    method, before, losses = step(tiny(objective__name=name), one_device)
    distance = {f"generator/{name[:2]}"} if name[0] == "l" else set()
    adversarial = {"generator/gan", "discriminator/loss"} if "gan" in name else set()
    found = {key for key in losses if key not in ("discriminator/real", "discriminator/fake")}
    assert found == distance | adversarial
    assert all(np.isfinite(value) for value in losses.values())
    assert moved(method.generator, before["generator"])
    if adversarial:
        assert moved(method.discriminator, before["discriminator"])
        assert len(method.discriminator.inputs) == (2 if "cgan" in name else 1)
    else:
        assert method.discriminator is None
        assert set(before) == {"generator", "generator_optimizer"}


CHOICES = [
    {"generator__kind": "encoder_decoder"},
    {"generator__kind": "resnet_6"},
    {"generator__kind": "resnet_9", "generator__norm": "instance"},
    {"generator__norm": "instance"},
    {"generator__norm": "none"},
    {"generator__upsampling": "resize"},
    {"generator__kind": "resnet_6", "generator__upsampling": "resize", "generator__norm": "none"},
    {"generator__bottleneck_norm": True},
    {"generator__dropout": 0},
    {"discriminator__norm": "instance"},
    {"discriminator__norm": "none"},
    {"discriminator__spectral_norm": True},
    {"discriminator__spectral_norm": True, "discriminator__norm": "none"},
    {"discriminator__receptive_field": 1},
    {"discriminator__receptive_field": 1, "discriminator__spectral_norm": True},
    {"discriminator__receptive_field": 16},
    {"objective__gan_loss": "least_squares"},
    {"objective__gan_loss": "hinge", "discriminator__spectral_norm": True},
    {"training__ema_decay": 0.999},
    {"training__discriminator_steps": 1, "objective__name": "cgan", "objective__gan_loss": "hinge"},
]


@pytest.mark.usefixtures("eagerly")
@pytest.mark.parametrize("choice", CHOICES, ids=lambda choice: "-".join(map(str, choice.values())))
def test_every_choice_takes_a_step(tiny, one_device, choice):
    method, before, losses = step(tiny(**choice), one_device)
    assert all(np.isfinite(value) for value in losses.values())
    assert moved(method.generator, before["generator"])
    assert moved(method.discriminator, before["discriminator"])
    for variable in [*method.generator.variables, *method.discriminator.variables]:
        assert np.isfinite(variable.numpy()).all()


@pytest.mark.usefixtures("eagerly")
@pytest.mark.parametrize("field", [70, 142, 286])
def test_large_receptive_fields_take_a_step(tiny, one_device, field):
    sizes = {"data__load_size": 128, "data__crop_size": 128}
    config = tiny(**sizes, discriminator__receptive_field=field, generator__width=2)
    _, update = build(config, one_device)
    image = tf.random.stateless_uniform((1, 128, 128, 3), (0, 1), -1, 1)
    losses = update(as_batch(image, -image, [[0, 0]]))
    assert np.isfinite(float(losses["discriminator/loss"]))


def test_errata_bottleneck_is_zeroed_at_batch_1(tiny, one_device):
    """Section 6.3: a normalised 1×1 bottleneck of one image is its offset, whatever the image."""
    config = tiny(generator__bottleneck_norm=True)
    method, _ = build(config, one_device)
    norm = method.generator.get_layer("encoder_5_norm")
    inner = tf.keras.Model(method.generator.input, norm.output)
    for number in (0, 1):
        assert not inner(batch(number)["input"], training=True).numpy().any()
    two = tf.concat([batch(0)["input"], batch(1)["input"]], 0)
    assert inner(two, training=True).numpy().any()


def test_average_follows_the_generator(tiny, one_device):
    decay = 0.9
    config = tiny(training__ema_decay=decay)
    method, update = build(config, one_device)
    expected = method.generator.get_layer("output").kernel.numpy()
    for number in range(3):
        update(batch(number))
        now = method.generator.get_layer("output").kernel.numpy()
        expected = decay * expected + (1 - decay) * now
    found = method.ema_generator.get_layer("output").kernel.numpy()
    np.testing.assert_allclose(found, expected, atol=1e-6)
    assert method.inference_generator is method.ema_generator


def test_average_and_spectral_norm_are_equal_on_two_replicas(tiny, one_device, two_replicas):
    config = tiny(
        training__batch_size=2,
        training__ema_decay=0.9,
        discriminator__spectral_norm=True,
    )
    both = {name: tf.concat([side, batch(1)[name]], 0) for name, side in batch(0).items()}
    found = []
    for strategy in (one_device, two_replicas):
        method, update = build(config, strategy)
        data = distributed(strategy, both)
        for _ in range(2):
            update(data)
        variables = [*method.ema_generator.variables, *method.discriminator.variables]
        found.append([variable.numpy() for variable in variables])
    for one, two in zip(*found, strict=True):
        np.testing.assert_allclose(one, two, atol=1e-5)


def test_spectral_norm_is_the_largest_singular_value():
    layer = SpectralConv2D(5, 3, use_bias=False, seed=0)
    x = tf.random.stateless_normal((1, 8, 8, 4), (0, 1))
    for _ in range(50):
        y = layer(x, training=True)
    matrix = layer.kernel.numpy().reshape(-1, 5)
    largest = np.linalg.svd(matrix, compute_uv=False)[0]
    plain = tf.nn.conv2d(x, layer.kernel.value, 1, "VALID") / largest
    np.testing.assert_allclose(y, plain, rtol=1e-3, atol=1e-4)
    before = layer.vector_u.numpy()
    layer(x, training=False)
    assert np.array_equal(layer.vector_u.numpy(), before)
