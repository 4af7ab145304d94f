"""Which configs may resume a run: the same experiment, only longer or logged otherwise."""

from __future__ import annotations

import math

from pix2pix_tf.config.schema import Config
from pix2pix_tf.runs.checkpoint_files import newest_step
from pix2pix_tf.runs.pairs_record import PairsRecord, read_record, short_digest
from pix2pix_tf.runs.run import Run
from pix2pix_tf.training.schedule import Schedule
from pix2pix_tf.utils.errors import UserError

# Keys that may change between the sessions of one run. `training.precision` is none of them: other
# precisions are other numbers, and float16's loss scales are part of the state.
CHANGEABLE = {
    "data.root",
    "data.cache",
    "data.on_bad_image",
    "training.epochs",
    "training.steps",
    "training.learning_rate",
    "training.decay_from_epoch",
    "training.jit_compile",
    "training.steps_per_execution",
    "training.deterministic",
}


def changed_keys(before: Config, after: Config) -> dict[str, tuple[object, object]]:
    """Keys (`section.name`) whose values differ, with both values."""
    old, new = before.settings(), after.settings()
    return {
        key: (old.get(key), new.get(key)) for key in {**old, **new} if old.get(key) != new.get(key)
    }


def experiment_digest(config: Config, record: PairsRecord) -> str:
    """Hexadecimal digits that tell an experiment from those with other settings or other pairs.

    Left out is what changes no number: what is logged and warned of, where the data lies and how it
    is read, how many updates a call makes; and the seed.
    """
    sections = config.model_dump(mode="json", exclude={"logging", "warnings"})
    for name in ("dataset", "root", "cache", "on_bad_image"):
        del sections["data"][name]
    del sections["training"]["steps_per_execution"], sections["training"]["seed"]
    if config.training.steps is not None:
        del sections["training"]["epochs"]
    return short_digest([sections, record.digest])


def check_resumable(run: Run, config: Config) -> list[str]:
    """Compares `config` with the run's own and returns a sentence for every key that changes.

    Raises:
        UserError: A key differs that makes it another experiment.
    """
    if not run.exists():
        return []
    changes = changed_keys(run.load_config(), config)
    fixed = {
        key: values
        for key, values in changes.items()
        if key not in CHANGEABLE and not key.startswith(("logging.", "warnings."))
    }
    if fixed:
        words = ", ".join(
            f"{key} = {old} there and {new} here" for key, (old, new) in fixed.items()
        )
        raise UserError(
            f"run {run.path}: holds another experiment: {words}; choose another --run, "
            "or start over with --fresh"
        )
    return [f"{key} is now {new}, was {old}" for key, (old, new) in changes.items()]


def steps_left(run: Run, config: Config, pairs: int) -> int:
    """How many steps a training of a config on so many pairs has yet to make in a run, or 0."""
    return max(Schedule(config, pairs).total - (newest_step(run.checkpoints) or 0), 0)


def already_trained(run: Run, config: Config, step: int, total: int) -> str:
    """The sentence for a run that has nothing left to train."""
    raised = (
        "raise training.epochs, or set training.steps,"
        if config.training.steps is None
        else "raise training.steps (it wins over training.epochs)"
    )
    asked = f", further than the {total} steps asked for" if step > total else ""
    changed = changed_keys(run.load_config(), config)
    kept = [
        f"{key}={old}"
        for key, (old, _) in changed.items()
        if key.startswith("training.") and key not in ("training.steps", "training.epochs")
    ]
    as_trained = f"; its config.yaml keeps {', '.join(kept)}" if kept else ""
    return f"already trained to step {step}{asked}; {raised} to go on{as_trained}"


def check_schedule(run: Run, config: Config, pairs: int) -> list[str]:
    """Compares the learning rate that a run would go on with to where its own schedule has it.

    Args:
        run: The run.
        config: What it is to go on with.
        pairs: How many pairs it is to train on.

    Returns:
        Sentences for the user.

    Raises:
        UserError: The rate had fallen to 0 at the end, and would be raised again without a word
            about it in the config.
    """
    now, step = Schedule(config, pairs), newest_step(run.checkpoints) or 0
    notes = []
    if now.decay_start is not None and now.decay_start >= now.total:
        notes.append(
            f"training.decay_from_epoch={config.training.decay_from_epoch}: begins at step "
            f"{now.decay_start}, not before the end at {now.total}: the learning rate stays "
            f"{config.training.learning_rate:g}"
        )
    if not run.exists() or not 0 < step < now.total:
        return notes
    before, record = run.load_config(), read_record(run.pairs_file)
    then = Schedule(before, pairs if record is None else record.train.count)
    old, new = then.rate_after(step), now.rate_after(step)
    shares = old / before.training.learning_rate, new / config.training.learning_rate
    if math.isclose(*shares, abs_tol=1e-9):  # of another height `check_resumable` tells
        return notes
    if old == 0 and not _asks_for_rate(before, config):
        raise UserError(
            f"run {run.path}: its learning rate has fallen to 0 at step {then.total}, the end of "
            f"its training; going on to step {now.total} would let it jump to {new:.3g}. Say what "
            f"is meant: --set training.decay_from_epoch={now.epoch_after(step)} starts at "
            f"{config.training.learning_rate:g} and falls to 0 again, "
            "training.decay_from_epoch=null holds that, and another training.learning_rate "
            f"starts at {shares[1]:.3g} times its value"
        )
    return [
        *notes,
        f"the learning rate after step {step} is {new:.3g} by the new schedule, and was {old:.3g} "
        "by that of the last session",
    ]


def _asks_for_rate(before: Config, after: Config) -> bool:
    keys = ("training.learning_rate", "training.decay_from_epoch")
    return any(key in changed_keys(before, after) for key in keys)
