import errno

import numpy as np
import pytest
import tensorflow as tf
from rich.console import Console

from pix2pix_tf.config.schema import load_config
from pix2pix_tf.training import loop, train
from pix2pix_tf.utils.errors import UserError
from pix2pix_tf.utils.memory_errors import explain_out_of_memory, out_of_memory
from tests.conftest import TINIEST


def exhausted(words="OOM when allocating tensor with shape[9,9]"):
    return tf.errors.ResourceExhaustedError(None, None, words)


def caused():
    error = RuntimeError("the input pipeline failed")
    error.__cause__ = exhausted()
    return error


OF_MEMORY = [
    MemoryError(),
    exhausted(),
    tf.errors.InternalError(None, None, "Failed to allocate memory for the batch"),
    tf.errors.InternalError(None, None, "std::bad_alloc"),
    tf.errors.UnknownError(None, None, "MemoryError: Unable to allocate 3. GiB for an array"),
    RuntimeError("RESOURCE_EXHAUSTED: Out of memory while trying to allocate 9 bytes."),
    tf.errors.AbortedError(
        None, None, "Operation received an exception:Status: 1, message: could not create a memory"
    ),
    OSError(errno.ENOMEM, "Cannot allocate memory"),
    caused(),
]
OTHERS = [
    exhausted("/a/b; No space left on device"),
    exhausted("/a/b; Too many open files"),
    OSError(errno.ENOSPC, "No space left on device"),
    tf.errors.InvalidArgumentError(None, None, "Incompatible shapes"),
    tf.errors.AbortedError(None, None, "Operation received an exception:Status: 3, message: no"),
    UserError("x.png: has the name of 'out of memory'"),
    KeyError("x"),
]


@pytest.mark.parametrize("error", OF_MEMORY, ids=repr)
def test_errors_of_memory_are_known(error):
    assert out_of_memory(error)
    with pytest.raises(UserError, match="lower it"), explain_out_of_memory(lambda: "lower it"):
        raise error


@pytest.mark.parametrize("error", OTHERS, ids=repr)
def test_other_errors_stay_what_they_are(error):
    assert not out_of_memory(error)
    with pytest.raises(type(error)) as raised, explain_out_of_memory(lambda: "lower it"):
        raise error
    assert raised.value is error


def settings(root, **more):
    sets = {**TINIEST, "data.root": root, "logging.tensorboard": False, "training.steps": 3}
    sets |= {key.replace("__", "."): value for key, value in more.items()}
    return [word for key, value in sets.items() for word in ("--set", f"{key}={value}")]


def words_of(err):
    assert "Traceback" not in err
    assert err.count("\n") == 1
    return err


@pytest.mark.usefixtures("eagerly")
def test_training_without_memory_is_one_sentence_with_what_to_lower_and_what_is_kept(
    here, pairs_folder, monkeypatch
):
    root = pairs_folder(size=(18, 18), train=2, val=1)
    command = ("train", "--config", "facades", "--run", "run")
    words = (*command, *settings(root, logging__checkpoint_every=1))
    calls, call = [], loop._Training._run_updates

    def fails_later(self, *arguments):
        calls.append(1)
        if len(calls) == 3:
            raise exhausted()
        return call(self, *arguments)

    with monkeypatch.context() as patch:
        patch.setattr(loop._Training, "_run_updates", fails_later)
        code, _, err = here(*words)
    assert code == 2
    for part in (
        "a training.batch_size of 1",
        "a data.crop_size of 16×16",
        "a generator.width of 4",
        "a training.precision of float32",
        "the newest checkpoint, run/checkpoints/step-2, is kept",
        "training.precision=mixed_bfloat16 takes less",
    ):
        assert part in words_of(err)
    code, out, _ = here(*words)
    assert code == 0
    assert "resuming at step 2 of 3" in out


@pytest.mark.usefixtures("eagerly")
@pytest.mark.parametrize(
    "place", ["validation.score_pairs", "loop._Training._run_updates", "loop.make_updates"]
)
def test_wherever_a_training_runs_out_of_memory(pairs_folder, tmp_path, monkeypatch, place):
    """In validation, in a step, before the first; of the input pipeline comes Python's own."""

    def fails(*_, **__):
        raise MemoryError

    monkeypatch.setattr(f"pix2pix_tf.training.{place}", fails)
    root = pairs_folder(size=(18, 18), train=2, val=1)
    config = load_config("facades", {**TINIEST, "data.root": str(root), "training.steps": 1})
    with pytest.raises(UserError, match=r"too little memory .* no checkpoint was written yet"):
        train(config, tmp_path / "run", console=Console(quiet=True))


@pytest.mark.usefixtures("eagerly")
def test_pictures_that_memory_cannot_hold_while_training(pairs_folder, tmp_path, monkeypatch):
    def fails(*_, **__):
        raise MemoryError("Unable to allocate 9 GiB")

    root = pairs_folder(size=(18, 18), train=2, val=1)
    sets = {**TINIEST, "data.root": str(root), "training.steps": 1, "data.cache": False}
    monkeypatch.setattr(
        "pix2pix_tf.training.validation.score_pairs", lambda *_: {"l1": 0, "psnr": 0}
    )
    monkeypatch.setattr("pix2pix_tf.data.pair_sequence.resize_image", fails)
    monkeypatch.setattr(
        "pix2pix_tf.training.validation.pairs_sheet", lambda *_: np.zeros((2, 2, 3), "B")
    )
    with pytest.raises(UserError, match="too little memory"):
        train(load_config("facades", sets), tmp_path / "run", console=Console(quiet=True))


@pytest.mark.parametrize(
    ("words", "place", "advice"),
    [
        (
            "translate --run tiny_run --input tiny_run/samples --output out",
            "pix2pix_tf.inference.files.translate_files",
            "translate: there is too little memory for it; give --tile 512",
        ),
        ("evaluate --run tiny_run", "pix2pix_tf.evaluation.evaluate.evaluate", "evaluate: there"),
        (
            "export --run tiny_run --format web --output web",
            "pix2pix_tf.exporters.export",
            "export: there is too little memory for it; give a smaller --size",
        ),
    ],
)
@pytest.mark.parametrize("error", [MemoryError(), exhausted()], ids=["Python", "TensorFlow"])
def test_commands_without_memory_end_with_one_sentence(
    here, tiny_run, monkeypatch, words, place, advice, error
):
    def fails(*_, **__):
        raise error

    monkeypatch.setattr(place, fails)
    code, _, err = here(*words.split())
    assert code == 2
    assert advice in words_of(err)
