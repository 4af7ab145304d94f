"""Commands, options and config keys that texts show exist, and are given what they need."""

import re
import sys

import pytest
import typer

from pix2pix_tf.cli.main import app
from pix2pix_tf.cli.options import expand_repeated_set
from pix2pix_tf.config.schema import Config, load_config, shipped_configs
from pix2pix_tf.segmentation.config import SegmenterConfig, load_segmenter_config
from tests.docs.written import FILES, PAGES, ROOT, code, command_lines, mentioned_commands

sys.path.insert(0, str(ROOT / "docs" / "_ext"))
from drawings import STREET
from reference_commands import commands

PLACEHOLDER = re.compile(r"[^=]+=[A-Z]+")  # data.root=FOLDER: to be filled in by the reader
ROOT_COMMAND = typer.main.get_command(app)


def by_path(paths):
    return pytest.mark.parametrize("path", paths, ids=[str(p.relative_to(ROOT)) for p in paths])


def found(words):
    """The command that words begin with, and the words after its name."""
    command, name = ROOT_COMMAND, "pix2pix-tf"
    while hasattr(command, "commands") and words and not words[0].startswith("-"):
        assert words[0] in command.commands, f"{name} has no command {words[0]}"
        command, name, words = command.commands[words[0]], f"{name} {words[0]}", words[1:]
    return command, name, words


def parsed(words):
    """The arguments of a command line, as its command would be called with them."""
    command, name, rest = found(words)
    if hasattr(command, "commands"):
        assert rest in (["--help"], ["--version"]), f"{name} is no whole command: {words}"
        return {}
    return command.make_context(name, expand_repeated_set(rest)).params


def options(command):
    return {
        option
        for parameter in command.params
        for option in (*parameter.opts, *parameter.secondary_opts)
    } | {"--help", "--version"}


def test_texts_hold_commands_to_check():
    assert sum(len(command_lines(path)) for path in FILES) > 50
    assert sum(len(mentioned_commands(path)) for path in PAGES) > 5


@by_path(FILES)
def test_command_lines_parse(path):
    for words in command_lines(path):
        try:
            parameters = parsed(words)
        except Exception as error:  # of Typer's own kinds, which say what is wrong
            pytest.fail(f"pix2pix-tf {' '.join(words)}: {getattr(error, 'message', error)}")
        config, settings = parameters.get("config"), parameters.get("overrides") or []
        name = (config or "").removesuffix(".yaml")
        if found(words)[1].endswith("train-segmenter"):
            load_segmenter_config(name, settings)
        elif name in shipped_configs():
            load_config(name, [s for s in settings if not PLACEHOLDER.fullmatch(s)])


@by_path(PAGES)
def test_commands_in_sentences_exist_with_their_options(path):
    for words in mentioned_commands(path):
        command, name, rest = found(words)
        unknown = {word.partition("=")[0] for word in rest if word.startswith("--")}
        if not hasattr(command, "commands"):
            unknown -= options(command)
        assert not unknown - {"--help", "--version"}, f"{name}: {unknown}"


# Options of other programs that pages speak of.
OTHERS = {
    *("--parts", "--rounds", "--seconds", "--forms", "--threads", "--device"),  # benchmarks
    *("--data", "--steps", "--seeds", "--tiled"),
    "--enable_batching",  # TensorFlow Serving
}


@by_path(PAGES)
def test_options_in_sentences_exist(path):
    known = set().union(*(options(command) for command in commands().values())) | OTHERS
    for text in code(path):
        for option in re.findall(r"(?<![\w-])--[a-z][\w-]+", text):
            if not text.startswith(("pip ", "sphinx-build", "pytest", "python")):
                assert option in known, f"{path.name}: {text}"


def keys(model, prefix=""):
    for name, field in model.model_fields.items():
        yield prefix + name
        if hasattr(field.annotation, "model_fields"):
            yield from keys(field.annotation, f"{prefix}{name}.")


KEYS = {*keys(Config), *keys(SegmenterConfig)}
SECTIONS = {key for key in KEYS if any(other.startswith(f"{key}.") for other in KEYS)}


@by_path(PAGES)
def test_config_keys_in_sentences_exist(path):
    for text in code(path):
        key = re.match(r"(\w+\.\w+)(?=$|[=: ,])", text)
        if key and key[1].partition(".")[0] in SECTIONS and not text.endswith((".py", ".yaml")):
            assert key[1] in KEYS, f"{path.name}: {text}"


FILE = r"[\w.-]+/[\w./-]+\.(py|yaml|sbatch|toml)"


@by_path(PAGES)
def test_files_in_sentences_exist(path):
    for text in code(path):
        if "NAME" not in text and re.fullmatch(FILE, text):
            above = (ROOT, ROOT / "pix2pix_tf", path.parent)
            made_by_reader = text.startswith(("runs/", "datasets/", "studies/"))
            assert made_by_reader or any((place / text).is_file() for place in above), text


@pytest.mark.parametrize("module", [module for _, module, _ in STREET])
def test_modules_of_the_drawing_exist(module):
    assert (ROOT / "pix2pix_tf" / module).is_file()
