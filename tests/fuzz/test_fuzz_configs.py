"""Odd and hostile configs: a `UserError`, or a `Config` that says the same when written and read.

`make fuzz` tries 30 times as many, others each time.
"""

import os
from unittest import mock

import pytest
import yaml
from hypothesis import HealthCheck, Phase, given, settings
from hypothesis import strategies as st

from pix2pix_tf.config.schema import Config, load_config, make_config
from pix2pix_tf.utils.errors import UserError

pytestmark = pytest.mark.slow("tries many cases")

LONG = bool(os.environ.get("PIX2PIX_TF_FUZZ"))
KEYS = [
    f"{section}.{name}"
    for section, field in Config.model_fields.items()
    for name in getattr(field.annotation, "model_fields", ())
]
WORDS = ["sample", "maps", "AtoB", "unet", "resnet_6", "l1+cgan", "epoch", "auto", "skip", "lab"]
SCALARS = st.one_of(
    st.none(),
    st.booleans(),
    st.integers(-3, 600),
    st.sampled_from([2**31, 2**63, 10**30, -(10**400), 0.1, 1e308, -0.0]),
    st.floats(),
    st.text(max_size=8),
    st.sampled_from([*WORDS, *KEYS]),
    st.binary(max_size=6),
    st.dates(),
    st.datetimes(),
)
VALUES = st.recursive(
    SCALARS,
    lambda inner: st.one_of(
        st.lists(inner, max_size=3), st.dictionaries(st.one_of(SCALARS), inner, max_size=3)
    ),
    max_leaves=6,
)
NAMES = st.one_of(st.sampled_from([key.split(".")[1] for key in KEYS]), SCALARS)
SECTIONS = st.one_of(st.sampled_from(list(Config.model_fields)), SCALARS)
TREES = st.dictionaries(
    SECTIONS, st.one_of(st.dictionaries(NAMES, VALUES, max_size=4), VALUES), max_size=4
)
ODD_TEXTS = [
    "&a [*a]",
    "data: &a {root: *a}",
    "data: &a\n  ? *a\n  : 1",
    "data: {<<: {root: x}, crop_size: 64, load_size: 64}\ndiscriminator: {receptive_field: 34}",
    "data: {<<: 3}",
    "data: {<<: [1, 2]}",
    "{[1, 2]: 3}",
    "{{a: 1}: 3}",
    "? [data]\n: 1",
    "data: !!python/object/apply:os.system [true]",
    "data: !!binary x",
    "data: !!binary '///'",
    "data: !!set {a, b}",
    "data: !!omap [a: 1]",
    "data: !!timestamp 2001-13-99",
    "data: 2001-13-99",
    "data: !!int x",
    "data: !!float x",
    "data: !!int ''",
    "data: !unknown 1",
    "data: {root: !!null '', dataset: sample}",
    "data: {crop_size: .nan}",
    "training: {learning_rate: .inf}",
    "training: {learning_rate: 1e400}",
    "training: {steps: 0x7fffffffffffffffffff}",
    "training: {steps: 1_0}",
    "training: {steps: 190:20:30}",
    "training: {steps: " + "9" * 5000 + "}",
    "[" * 400 + "]" * 400,
    "{a: " * 1200,
    "- " * 1200,
    "data: {root: x}\n---\ndata: {root: y}",
    "\ufeffdata: {dataset: sample}",
    "data: {root: a\0b}",
    'data: {root: "a\\0b"}',
    'data: {root: "\\ud800"}',
    'data: {root: "\\x85\\u2028"}',
    "data: {dataset: sample}\ndata: {dataset: maps}",
    "\t data: 1",
    "%YAML 9.9\n---\na: 1",
    "data: |\n  " + "x" * 10_000,
    "a: &a [x, x]\nb: &b [*a, *a]\nc: &c [*b, *b]\n",
    "&0 a: " + "".join(f"&{n} [*{n - 1}, *{n - 1}, *{n - 1}], " for n in range(1, 3)),
    "\n".join(f"k{n}: &k{n} [{', '.join([f'*k{n - 1}'] * 9) if n else 1}]" for n in range(12)),
]


def settings_of(examples):
    return settings(
        max_examples=30 * examples if LONG else examples,
        derandomize=not LONG,
        phases=[Phase.explicit, Phase.generate, Phase.shrink],
        database=None,
        deadline=None,
        suppress_health_check=list(HealthCheck),
    )


def read_again(config):
    """What the config says once written as YAML; must be the same."""
    return make_config(yaml.safe_load(config.to_yaml()))


def refused_or_sound(make):
    try:
        config = make()
    except UserError:
        return
    assert read_again(config) == config


@settings_of(100)
@given(TREES)
def test_trees_are_refused_or_sound(tree):
    refused_or_sound(lambda: make_config(tree))


@pytest.fixture(scope="module")
def file(tmp_path_factory):
    return tmp_path_factory.mktemp("configs") / "odd.yaml"


@pytest.mark.parametrize("text", ODD_TEXTS)
def test_odd_texts_are_refused_or_sound(file, text):
    file.write_text(text, encoding="utf-8", errors="surrogatepass")
    refused_or_sound(lambda: load_config(file))
    refused_or_sound(lambda: load_config("sample", [f"data.root={text}"]))


@st.composite
def yaml_files(draw):
    """Trees as YAML, or the shipped ones, with bytes changed, put in, left out."""
    if draw(st.booleans()):
        data = bytearray(load_config(draw(st.sampled_from(["maps", "sample"]))).to_yaml().encode())
    else:
        try:
            data = bytearray(
                yaml.safe_dump(draw(TREES), allow_unicode=draw(st.booleans())).encode()
            )
        except (yaml.YAMLError, TypeError, UnicodeError):
            data = bytearray(b"data: {dataset: sample}")
    for _ in range(draw(st.integers(0, 4))):
        place = draw(st.integers(0, len(data)))
        odd = st.sampled_from([b"&a ", b"*a", b"!!", b"<<: ", b"\t", b"\xff", b"? ", b"- ", b"\n"])
        data[place : place + draw(st.integers(0, 2))] = draw(
            st.one_of(odd, st.binary(max_size=3), st.sampled_from(b"[]{},:#|>%@`'\"\0~").map(chr_))
        )
    return bytes(data)


def chr_(number):
    return bytes([number])


@settings_of(60)
@given(data=yaml_files())
def test_files_are_refused_or_sound(file, data):
    file.write_bytes(data)
    refused_or_sound(lambda: load_config(file))


@settings_of(40)
@given(
    st.lists(
        st.one_of(
            st.builds(
                lambda key, value: f"{key}={value}",
                st.one_of(st.sampled_from(KEYS), st.text(max_size=8)),
                st.one_of(
                    st.text(max_size=12),
                    VALUES.map(str),
                    st.sampled_from(ODD_TEXTS),
                    st.integers(-2, 600).map(str),
                ),
            ),
            st.text(max_size=12),
        ),
        max_size=4,
    )
)
def test_overrides_are_refused_or_sound(overrides):
    refused_or_sound(lambda: load_config("sample", overrides))


def as_typed(text):
    """What `data.root=TEXT` must come to; None: it is refused, or another rule's."""
    quoted = len(text) > 1 and text[0] in "'\"" and text[-1] == text[0]
    return None if text in ("", "null", "sample") or text[0] == "~" or quoted else text


@settings_of(100)
@given(text=st.one_of(st.text(max_size=12), VALUES.map(str), st.sampled_from(ODD_TEXTS)))
def test_text_keys_take_what_is_typed(file, text):
    if as_typed(text) is None:
        refused_or_sound(lambda: load_config("facades", [f"data.root={text}"]))
        return
    config = load_config("facades", [f"data.root={text}", f"data.dataset={text}"])
    assert (config.data.root, config.data.dataset) == (text, text)
    file.write_text(config.to_yaml(), encoding="utf-8", errors="surrogatepass")
    assert load_config(file) == config


@settings_of(60)
@given(st.text("0123456789xoabefnulysNUL.:_+-=<>", min_size=1, max_size=8))
def test_text_keys_in_files_are_as_written(file, text):
    """Whatever is one unquoted value to YAML."""
    try:
        node = yaml.compose(f"root: {text}").value[0][1]
    except yaml.YAMLError:
        return
    if not isinstance(node, yaml.ScalarNode) or node.style is not None or node.value != text:
        return
    file.write_text(f"data:\n  dataset: maps\n  root: {text}\n")
    expected = None if node.tag == "tag:yaml.org,2002:null" else text
    assert load_config(file).data.root == expected


def near_configs():
    """Sound values of many keys at once, so that most pass the single checks."""
    sizes = st.sampled_from([16, 32, 48, 64, [32, 64], [80, 16]])
    return st.fixed_dictionaries(
        {
            "data": st.fixed_dictionaries(
                {"dataset": st.just("sample"), "load_size": st.just(128), "crop_size": sizes},
                optional={
                    "input_channels": st.integers(1, 4),
                    "target_channels": st.integers(1, 4),
                    "representation": st.sampled_from(["plain", "lab"]),
                    "derive": st.sampled_from(["pair", "lightness", "grey", "edges"]),
                },
            ),
            "generator": st.fixed_dictionaries(
                {"width": st.integers(1, 3)},
                optional={
                    "kind": st.sampled_from(["unet", "encoder_decoder", "resnet_6"]),
                    "norm": st.sampled_from(["batch", "instance", "none"]),
                    "bottleneck_norm": st.booleans(),
                    "dropout": st.sampled_from([0, 0.5, 1e-30, 0.999999999999]),
                    "upsampling": st.sampled_from(["transposed", "resize"]),
                },
            ),
            "discriminator": st.fixed_dictionaries(
                {
                    "width": st.integers(1, 3),
                    "receptive_field": st.sampled_from([1, 16, 34, 70, 142]),
                },
                optional={
                    "norm": st.sampled_from(["batch", "instance", "none"]),
                    "spectral_norm": st.booleans(),
                },
            ),
        }
    )


@settings_of(3)
@given(near_configs())
def test_networks_can_be_built_of_what_is_sound(tree):
    from pix2pix_tf.models import build_discriminator, build_generator

    try:
        config = make_config(tree)
    except UserError:
        return
    assert build_generator(config).output_shape[1:3] == config.data.crop_size
    build_discriminator(config)


@settings_of(10)
@given(text=st.one_of(st.sampled_from(ODD_TEXTS), st.text(max_size=20)), key=st.sampled_from(KEYS))
def test_the_command_ends_with_words_and_2(text, key):
    from pix2pix_tf.cli import main as cli
    from pix2pix_tf.cli import train as command

    words = ["pix2pix-tf", "train", "--config", "sample", "--set", f"{key}={text}"]

    class SoundError(Exception):
        """The config was accepted: no training is wanted."""

    with (
        mock.patch("sys.argv", words),
        mock.patch.object(command, "start_tensorflow", side_effect=SoundError),
        pytest.raises((SystemExit, SoundError)) as end,
    ):
        cli.main()
    assert end.type is SoundError or end.value.code == 2
