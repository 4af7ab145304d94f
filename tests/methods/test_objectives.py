"""What the paper compares (Tables 1-3) and what users know: each is one change of the config."""

import numpy as np
import pytest
import tensorflow as tf

from pix2pix_tf.methods.pix2pix import build_networks, make_update
from pix2pix_tf.models.layers import SpectralConv2D

OBJECTIVES = ["l1", "l2", "gan", "cgan", "l1+gan", "l1+cgan", "l2+gan", "l2+cgan"]


def batch(number=0):
    random = np.random.default_rng(number)
    image, target = random.uniform(-1, 1, (2, 1, 32, 32, 3)).astype(np.float32)
    return tf.constant(image), tf.constant(target), tf.constant([[0, number]])


def step(config, strategy, count=1):
    """Networks before, after `count` updates, and the last losses."""
    with strategy.scope():
        networks = build_networks(config, 10, None)
    before = {name: [v.numpy() for v in part] for name, part in networks.variables().items()}
    update = make_update(config, networks, strategy)
    for number in range(count):
        losses = {name: float(loss) for name, loss in update(batch(number)).items()}
    return networks, before, losses


def moved(network, before):
    return any(
        not np.array_equal(v.numpy(), b) for v, b in zip(network.variables, before, strict=True)
    )


@pytest.mark.parametrize("name", OBJECTIVES)
def test_objective_trains_what_it_names(tiny, one_device, name):
    networks, before, losses = step(tiny(objective__name=name), one_device)
    distance = {f"generator/{name[:2]}"} if name[0] == "l" else set()
    adversarial = {"generator/gan", "discriminator/loss"} if "gan" in name else set()
    found = {key for key in losses if key not in ("discriminator/real", "discriminator/fake")}
    assert found == distance | adversarial
    assert all(np.isfinite(value) for value in losses.values())
    assert moved(networks.generator, before["generator"])
    if adversarial:
        assert moved(networks.discriminator, before["discriminator"])
        assert len(networks.discriminator.inputs) == (2 if "cgan" in name else 1)
    else:
        assert networks.discriminator is None
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


@pytest.mark.parametrize("choice", CHOICES, ids=lambda choice: "-".join(map(str, choice.values())))
def test_every_choice_takes_a_step(tiny, one_device, choice):
    networks, before, losses = step(tiny(**choice), one_device)
    assert all(np.isfinite(value) for value in losses.values())
    assert moved(networks.generator, before["generator"])
    assert moved(networks.discriminator, before["discriminator"])
    for variable in [*networks.generator.variables, *networks.discriminator.variables]:
        assert np.isfinite(variable.numpy()).all()


@pytest.mark.parametrize("field", [70, 142, 286])
def test_large_receptive_fields_take_a_step(tiny, one_device, field):
    sizes = {"data__load_size": 128, "data__crop_size": 128}
    config = tiny(**sizes, discriminator__receptive_field=field, generator__width=2)
    with one_device.scope():
        networks = build_networks(config, 10, None)
    image = tf.random.stateless_uniform((1, 128, 128, 3), (0, 1), -1, 1)
    losses = make_update(config, networks, one_device)((image, -image, tf.constant([[0, 0]])))
    assert np.isfinite(float(losses["discriminator/loss"]))


def test_errata_bottleneck_is_zeroed_at_batch_1(tiny, one_device):
    """Section 6.3: a normalised 1×1 bottleneck of one image is its offset, whatever the image."""
    config = tiny(generator__bottleneck_norm=True)
    with one_device.scope():
        networks = build_networks(config, 10, None)
    norm = networks.generator.get_layer("encoder_5_norm")
    inner = tf.keras.Model(networks.generator.input, norm.output)
    for number in (0, 1):
        assert not inner(batch(number)[0], training=True).numpy().any()
    two = tf.concat([batch(0)[0], batch(1)[0]], 0)
    assert inner(two, training=True).numpy().any()


def test_average_follows_the_generator(tiny, one_device):
    decay = 0.9
    config = tiny(training__ema_decay=decay)
    with one_device.scope():
        networks = build_networks(config, 10, None)
    update = make_update(config, networks, one_device)
    expected = networks.generator.get_layer("output").kernel.numpy()
    for number in range(3):
        update(batch(number))
        now = networks.generator.get_layer("output").kernel.numpy()
        expected = decay * expected + (1 - decay) * now
    found = networks.average.get_layer("output").kernel.numpy()
    np.testing.assert_allclose(found, expected, atol=1e-6)
    assert networks.translating is networks.average


def test_average_and_spectral_norm_are_equal_on_two_replicas(tiny, one_device, two_replicas):
    config = tiny(
        training__batch_size=2,
        training__ema_decay=0.9,
        discriminator__spectral_norm=True,
    )
    image, target, _ = (tf.concat(pair, 0) for pair in zip(batch(0), batch(1), strict=True))
    seeds = tf.constant([[0, 0], [0, 1]])
    found = []
    for strategy in (one_device, two_replicas):
        with strategy.scope():
            networks = build_networks(config, 10, None)
        update = make_update(config, networks, strategy)
        share = 2 // strategy.num_replicas_in_sync
        data = tuple(
            strategy.experimental_distribute_values_from_function(
                lambda c, x=x, n=share: x[c.replica_id_in_sync_group * n :][:n]
            )
            for x in (image, target, seeds)
        )
        for _ in range(2):
            update(data)
        variables = [*networks.average.variables, *networks.discriminator.variables]
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
