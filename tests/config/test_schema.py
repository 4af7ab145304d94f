import re
from pathlib import Path

import pytest
import yaml

from pix2pix_tf.config.files import read_sections, shipped_files
from pix2pix_tf.config.objectives import patch_grid
from pix2pix_tf.config.schema import Config, load_config, make_config, shipped_configs
from pix2pix_tf.segmentation.config import SegmenterConfig, load_segmenter_config
from pix2pix_tf.utils.errors import UserError

SAMPLE = {"data": {"dataset": "sample"}}


def test_defaults_are_the_papers():
    config = make_config(SAMPLE)
    assert config.data.load_size == (286, 286)
    assert config.data.crop_size == (256, 256)
    assert (config.objective.name, config.objective.l1_weight) == ("l1+cgan", 100)
    training = config.training
    assert (training.epochs, training.batch_size) == (200, 1)
    assert (training.learning_rate, training.beta_1, training.beta_2) == (2e-4, 0.5, 0.999)
    assert config.generator.dropout == 0.5
    assert config.discriminator.receptive_field == 70


@pytest.mark.parametrize("name", ["facades", "maps", "sample"])
def test_shipped_configs_load_by_either_name(name):
    assert name in shipped_configs()
    assert load_config(name) == load_config(f"{name}.yaml")


# Epochs, batch, jitter (286 to 256) and mirroring of appendix 6.2, and the direction of the files.
RECIPES = {
    "facades": (200, 1, 286, True, "BtoA"),
    "maps": (200, 1, 286, True, "BtoA"),
    "aerial_to_map": (200, 1, 286, True, "AtoB"),
    "cityscapes": (200, 1, 286, True, "BtoA"),
    "photo_to_labels": (200, 1, 286, True, "AtoB"),
    "edges2shoes": (15, 4, 256, False, "AtoB"),
    "edges2handbags": (15, 4, 256, False, "AtoB"),
    "sketch_to_photo": (15, 4, 256, False, "AtoB"),
    "day_to_night": (17, 4, 286, True, "BtoA"),
    "thermal_to_colour": (10, 4, 256, False, "AtoB"),
    "colorization": (6, 4, 256, True, "AtoB"),
    "inpainting": (25, 4, 256, False, "AtoB"),
    "inpainting_random": (25, 4, 256, False, "AtoB"),
}


@pytest.mark.parametrize("name", RECIPES)
def test_recipes_of_the_papers_appendix(name):
    config = load_config(name)
    epochs, batch, load, mirror, direction = RECIPES[name]
    assert (config.training.epochs, config.training.batch_size) == (epochs, batch)
    assert (config.data.load_size, config.data.crop_size) == ((load, load), (256, 256))
    assert (config.data.augment.has("mirror"), config.data.direction) == (mirror, direction)
    papers = make_config({"data": {"root": "x"}})
    assert (config.generator, config.discriminator) == (papers.generator, papers.discriminator)
    assert config.objective == papers.objective


def test_every_shipped_config_loads_and_says_its_command_data_licence_and_scores():
    import pix2pix_tf.configs

    (folder,) = pix2pix_tf.configs.__path__
    for name in shipped_configs():
        load_config(name)
        head = Path(folder, f"{name}.yaml").read_text().partition("data:\n")[0]
        assert f"#   pix2pix-tf train --config {name}.yaml" in head
        if name != "sample":
            assert "# Data: " in head
            assert "# Licence of the data: " in head
        assert any(word in head for word in ("not measured", "Measured"))


def _values(tree, model):
    """Every key (`section.name`, or a top-level value) of a config file, its value and default."""
    for section, value in tree.items():
        kind = model.model_fields[section].annotation
        if not isinstance(value, dict):
            yield section, value, model.model_fields[section].default
            continue
        for name, one in value.items():
            default = kind.model_fields[name].default
            yield f"{section}.{name}", (one, one) if isinstance(default, tuple) else one, default


@pytest.mark.parametrize(
    ("folder", "model", "load"),
    [("", Config, load_config), ("segmenters", SegmenterConfig, load_segmenter_config)],
)
def test_shipped_configs_say_only_what_differs_from_the_defaults(folder, model, load):
    files = shipped_files(folder)
    assert len(files) == {"": 19, "segmenters": 2}[folder]
    for name, path in files.items():
        load(name)
        for key, value, default in _values(read_sections(path, model), model):
            assert value != default, f"{path.name}: {key}: {value} is the default: leave it out"


@pytest.mark.parametrize("model", [Config, SegmenterConfig])
def test_every_key_is_described_in_whole_sentences(model):
    for section, field in model.model_fields.items():
        keys = getattr(field.annotation, "model_fields", {})
        for name, key in keys.items() or {"": field}.items():
            assert re.fullmatch(r"[A-Z].*\.", key.description or "", re.DOTALL), (section, name)


def test_measured_figures_of_trainings_stand_in_the_readme_alone():
    """One command's figures in two places come to disagree."""
    import pix2pix_tf.configs

    (folder,) = pix2pix_tf.configs.__path__
    for path in Path(folder).glob("*.yaml"):
        head = path.read_text().partition("data:\n")[0]
        assert not re.search(r"L1 \d|PSNR \d|SSIM \d|\d minutes", head), path


def test_local_file_comes_before_the_shipped_one(tmp_path, monkeypatch):
    (tmp_path / "maps.yaml").write_text("data: {dataset: maps, crop_size: 64}")
    monkeypatch.chdir(tmp_path)
    assert load_config("maps.yaml").data.crop_size == (64, 64)


def test_yaml_round_trip():
    config = load_config("facades", {"data.crop_size": [128, 64], "training.learning_rate": 3e-5})
    assert make_config(yaml.safe_load(config.to_yaml())) == config


@pytest.mark.parametrize("name", ["\x85a", "a\u2028b", "\ufeffa", "\udcff", "größe", "図"])
def test_names_of_any_characters_are_written_and_read_again(tmp_path, name):
    config = make_config({"data": {"root": name}})
    (tmp_path / "x.yaml").write_text(config.to_yaml(), encoding="utf-8")
    assert load_config(tmp_path / "x.yaml") == config


def test_overrides_as_typed_and_as_mapping_agree():
    typed = load_config("maps", ["training.steps=2000", "data.load_size=[300, 290]"])
    mapped = load_config("maps", {"training.steps": 2000, "data.load_size": [300, 290]})
    assert typed == mapped
    assert typed.training.steps == 2000
    assert typed.data.load_size == (300, 290)


def test_number_without_a_dot():
    assert load_config("maps", ["training.learning_rate=2e-4"]).training.learning_rate == 2e-4


def test_config_is_frozen():
    with pytest.raises(ValueError, match="frozen"):
        make_config(SAMPLE).training.steps = 3  # type: ignore[misc]


@pytest.mark.parametrize(
    ("field", "grid"), [(1, (256, 256)), (16, (126, 126)), (70, (30, 30)), (286, (6, 6))]
)
def test_patch_grid(field, grid):
    assert patch_grid((256, 256), field) == grid


@pytest.mark.parametrize(
    ("overrides", "words"),
    [
        ("training.stepz=3", "training.stepz: unknown key; did you mean training.steps?"),
        ("data.width=3", "data.width: unknown key; did you mean discriminator.width?"),
        ("trainin.steps=3", "trainin: unknown key; did you mean training?"),
        ("generator.zzzz=3", "generator.zzzz: unknown key; known are generator.kind"),
        ("training.steps=many", "training.steps: 'many': input should be a whole number"),
        ("training.steps=true", "training.steps: True: input should be a whole number"),
        ("training.steps=0", "training.steps: 0: input should be greater than 0"),
        ("training.learning_rate=fast", "training.learning_rate: 'fast'"),
        ("training.learning_rate=.nan", "training.learning_rate: nan"),
        ("training=3", "--set training: a key has the form SECTION.NAME"),
        ("data.augment=3", "data.augment: 3"),
        (
            "training.precision=float16",
            "not one of float32, mixed_bfloat16, mixed_float16; did you mean mixed_float16?",
        ),
        ("training.jit_compile=2", "training.jit_compile: 2 is not one of auto, true, false"),
        ("training.steps_per_execution=0", "training.steps_per_execution: 0: "),
        ("data.direction=BotA", "'BotA' is not one of AtoB, BtoA; did you mean BtoA?"),
        (
            "data.crop_size=300",
            "crop_size: 300: the crop's height is larger than that of data.load",
        ),
        ("data.crop_size=[256,300]", "the crop's width is larger"),
        (
            "data.crop_size=255",
            "multiple of 16, a power of two is best; the nearest are 240 and 256",
        ),
        ("data.crop_size=8", "the nearest are 16 and 32"),
        ("data.crop_size=big", "data.crop_size: 'big': expected pixels"),
        (
            "data.crop_size=16",
            "receptive_field: 70 leaves no patch of a data.crop_size of [16, 16]",
        ),
        ("data.input_channels=0", "data.input_channels: 0"),
        ("data.input_axes=YX", "data.input_axes: 'YX' is not one of YXC, CYX"),
        ("data.input_range=0", "data.input_range: 0: expected dtype, data, [low, high]"),
        ("data.input_range=float", "'float': expected dtype, data, [low, high], or a"),
        ("data.range_percentiles=[1, 101]", "[1, 101]: expected [low, high] in 0 to 100"),
        ("data.range_percentiles=5", "5: expected [low, high], two numbers"),
        ("data.target_range=[1, 1]", "[1, 1]: expected [low, high] with the smaller number"),
        ("data.target_range=[0, .inf]", "[0, inf]: expected finite numbers, of 1e+30 at most"),
        ("data.target_range=[0, 1, 2]", "[0, 1, 2]: expected [low, high], two numbers"),
        ("data.target_range=[[0, 1], true]", "[[0, 1], True]: expected [low, high], two num"),
        ("data.nodata=none", "data.nodata: 'none': expected file, null, a finite number, or nan"),
        ("data.nodata=.inf", "data.nodata: inf: expected file, null, a finite number, or nan"),
        ("data.nodata=true", "expected file, null, a finite number, or nan"),
        ("data.nodata=[1, 2, 3]", "[1, 2, 3]: expected one value, or [of inputs, of targets]"),
        ("data.nodata=[[1, 2], 3]", "expected file, null, a finite number, or nan"),
        ("data.nodata=" + "9" * 400, "expected file, null, a finite number, or nan"),
        (
            "data.input_range=[[0, 1], [0, 2]]",
            "data.input_range: [[0, 1], [0, 2]]: has a range for each of 2 channels, and "
            "data.input_channels is 3",
        ),
        (
            "discriminator.receptive_field=71",
            "is not one of 1, 16, 34, 70, 142, 286; did you mean 70?",
        ),
        (
            "logging.sheet_every=epok",
            "not one of epoch, a positive whole number; did you mean epoch",
        ),
        ("training.steps", "expected KEY=VALUE"),
        ("training.steps=[1", "not valid YAML"),
        ("0=", "--set 0: a key has the form SECTION.NAME"),
        ("discriminator.receptive_field=²", "'²' is not one of 1, 16, 34"),
    ],
)
def test_what_cannot_be_meant_is_refused_by_name(overrides, words):
    with pytest.raises(UserError) as error:
        load_config("facades", [overrides])
    assert words in str(error.value)


def test_the_sample_has_no_folder():
    with pytest.raises(UserError, match=r"data\.root: here: the embedded sample"):
        load_config("sample", ["data.root=here"])


def test_every_problem_is_told_at_once():
    with pytest.raises(UserError) as error:
        load_config("sample", ["training.stepz=3", "generator.kind=unett"])
    assert str(error.value).count("\n") == 1


@pytest.mark.parametrize(
    ("text", "words"),
    [
        ("training: {steps: 3}", "data: missing"),
        ("data: {direction: AtoB}", "data.root: None: give the folder of your pairs"),
        ("data: 3", "data: 3: expected a section of keys"),
        ("[1, 2]", "expected sections such as data:"),
        (
            "data: {dataset: x, dataset: y}",
            "line 1, column 20: not valid YAML: the key dataset is given",
        ),
        ("data:\n  root: [", "not valid YAML"),
        ("{1: 2, data: {dataset: x}}", "1: unknown key"),
        ("0.5: {}", "0.5: unknown key; known are method, data"),
        ("{[1, 2]: 3}", "line 1, column 2: not valid YAML: a list or a section cannot be a key"),
        ("{{a: 1}: 3}", "a list or a section cannot be a key"),
        ("data: 2001-13-99", "not valid YAML: a value cannot be read: month must be in 1..12"),
        ("data: !!int x", "a value cannot be read: invalid literal"),
        ("data: !!int ''", "not valid YAML: a value cannot be read"),
        ("training: {steps: " + "9" * 5000 + "}", "a value cannot be read: Exceeds the limit"),
        (
            "training: {steps: 0x" + "f" * 5000 + "}",
            "training.steps: a value (int) too large to show",
        ),
        ("- " * 1200, "not valid YAML: nested too deeply"),
        ("&a [*a]", "more than 10000 values: too many, or aliases (*NAME) that repeat them"),
        (
            "\n".join(f"k{n}: &k{n} [{', '.join([f'*k{n - 1}'] * 9)}]" for n in range(1, 12)),
            "not valid YAML: found undefined alias",
        ),
        (
            "k0: &k0 [1]\n"
            + "\n".join(f"k{n}: &k{n} [{', '.join([f'*k{n - 1}'] * 9)}]" for n in range(1, 12)),
            "more than 10000 values",
        ),
        (
            "k0: &k0 {a: 1}\n"
            + "\n".join(
                f"k{n}: &k{n} {{<<: [{', '.join([f'*k{n - 1}'] * 9)}]}}" for n in range(1, 12)
            ),
            "<< puts in too much",
        ),
        ("data: " + "x" * 5000, f"data: '{'x' * 199}...: expected a section"),
    ],
)
def test_bad_files_are_refused_by_name(tmp_path, text, words):
    path = tmp_path / "mine.yaml"
    path.write_text(text)
    with pytest.raises(UserError) as error:
        load_config(path)
    assert words in str(error.value)
    assert str(path) in str(error.value)


def test_missing_config_names_the_nearest():
    with pytest.raises(UserError, match=r"no shipped config of that name.*mean facades.yaml\?"):
        load_config("fasades.yaml")


def test_config_needs_no_tensorflow():
    import subprocess
    import sys

    code = "import sys, pix2pix_tf.config.schema; sys.exit('tensorflow' in sys.modules)"
    assert subprocess.run([sys.executable, "-c", code], check=False).returncode == 0


def test_config_can_be_made_in_python():
    assert Config(data={"dataset": "sample"}) == make_config(SAMPLE)  # type: ignore[arg-type]


def test_the_axes_of_a_side_go_with_it_into_the_other_direction():
    config = make_config({"data": {"root": "x", "input_axes": "CYX"}})
    other = config.in_direction("BtoA").data
    assert (other.input_axes, other.target_axes) == (None, "CYX")


def test_a_config_in_the_other_direction_has_its_sides_exchanged():
    config = make_config(
        {
            "data": {
                "root": "x",
                "input_channels": 1,
                "target_channels": 4,
                "input_range": [0, 4095],
            }
        }
    )
    assert config.in_direction("AtoB") is config
    other = config.in_direction("BtoA")
    assert other.data.direction == "BtoA"
    assert other.data.image_channels == (4, 1)
    assert (other.data.input_range, other.data.target_range) == ("dtype", (0, 4095))
    assert other.in_direction("AtoB") == config


@pytest.mark.parametrize(
    ("written", "expected"),
    [
        ("dtype", "dtype"),
        ("data", "data"),
        ("[0, 4095]", (0.0, 4095.0)),
        ("[-1e-3, 2e4]", (-0.001, 20000.0)),
        ("[[0, 1], [-5, 5], [2, 3]]", ((0.0, 1.0), (-5.0, 5.0), (2.0, 3.0))),
    ],
)
def test_ranges_of_values_are_read_and_written(written, expected):
    config = load_config("facades", [f"data.input_range={written}"])
    assert config.data.input_range == expected
    assert make_config(yaml.safe_load(config.to_yaml())) == config
    assert load_config("facades", {"data.input_range": expected}) == config


@pytest.mark.parametrize(
    ("data", "words"),
    [
        ({"representation": "lab", "input_channels": 1, "target_channels": 2}, "=lab, of RGB"),
        ({"derive": "edges"}, "=edges, which makes inputs of photographs in 8 bits"),
    ],
)
def test_ranges_are_for_the_values_of_files(data, words):
    with pytest.raises(UserError, match=r"data\.target_range: \[0, 4095\]: is not for .*" + words):
        make_config({"data": {"root": "x", "target_range": [0, 4095], **data}})


def test_the_range_of_the_sample_cannot_be_measured():
    with pytest.raises(UserError, match="input_range: data: the embedded sample has no files to"):
        load_config("sample", ["data.input_range=data"])


def test_any_number_of_channels_but_of_photographs_only_four():
    config = make_config({"data": {"root": "x", "input_channels": 13, "target_channels": 5}})
    assert config.data.image_channels == (13, 5)
    with pytest.raises(UserError, match=r"data\.derive: grey: is made of photographs, of 4"):
        make_config({"data": {"root": "x", "input_channels": 5, "derive": "grey"}})


def test_method_that_is_not_known_is_refused_by_name():
    for name, words in (("pix2pixel", r"is not one of pix2pix.*did you mean pix2pix\?"), (3, "3")):
        with pytest.raises(UserError, match=rf"method: .*{words}"):
            make_config({**SAMPLE, "method": name})


def test_objective_is_that_of_the_method():
    from tests.methods import toys

    toys.register()
    try:
        config = make_config({**SAMPLE, "method": "toy_cycle", "objective": {"cycle_weight": 5}})
        assert config.objective == toys.ToyCycleObjective(cycle_weight=5)
        assert make_config(yaml.safe_load(config.to_yaml())) == config
        with pytest.raises(
            UserError, match=r"objective\.l1_weight: unknown key; did you mean objective"
        ):
            make_config({**SAMPLE, "method": "toy_cycle", "objective": {"l1_weight": 5}})
    finally:
        toys.unregister()


@pytest.mark.parametrize(
    ("written", "expected", "of_sides"),
    [
        ("file", "file", ("file", "file")),
        ("null", None, (None, None)),
        ("nan", "nan", ("nan", "nan")),
        (".nan", "nan", ("nan", "nan")),
        ("-9999", -9999, (-9999, -9999)),
        ("1e20", 1e20, (1e20, 1e20)),
        ("[0, nan]", (0, "nan"), (0, "nan")),
        ("[file, null]", ("file", None), ("file", None)),
    ],
)
def test_values_for_no_data_are_read_and_written(written, expected, of_sides):
    config = load_config("facades", [f"data.nodata={written}"])
    assert config.data.nodata == expected
    assert config.data.nodata_of_sides == of_sides
    assert make_config(yaml.safe_load(config.to_yaml())) == config
    other = config.in_direction("AtoB")  # facades are from B to A
    assert other.data.nodata_of_sides == of_sides[::-1]
    assert other.in_direction("BtoA") == config
