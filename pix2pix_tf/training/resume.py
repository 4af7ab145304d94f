"""Checks whether a run may be resumed with a given config."""

from __future__ import annotations

import math
from pathlib import Path

from pix2pix_tf.config.schema import Config
from pix2pix_tf.runs.checkpoint_files import newest_step
from pix2pix_tf.runs.pairs_record import PairsRecord, read_record, short_digest
from pix2pix_tf.runs.run import Run
from pix2pix_tf.training.schedule import Schedule
from pix2pix_tf.utils.errors import UserError

# Keys that may change between the sessions of one run. `training.precision` is not among them:
# another precision gives other numbers, and the loss scales of float16 are part of the state.
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
    """Returns the keys (`section.name`) whose values differ, each with the old and new value."""
    old, new = before.settings(), after.settings()
    return {
        key: (old.get(key), new.get(key)) for key in {**old, **new} if old.get(key) != new.get(key)
    }


def experiment_digest(config: Config, record: PairsRecord) -> str:
    """Returns a hexadecimal digest of the settings and pairs of an experiment, except its seed.

    Settings that change no result are left out: logging, warnings, the location of the data, how
    it is read, and the number of updates per call.
    """
    sections = config.model_dump(mode="json", exclude={"logging", "warnings"})
    for name in ("dataset", "root", "cache", "on_bad_image"):
        del sections["data"][name]
    del sections["training"]["steps_per_execution"], sections["training"]["seed"]
    if config.training.steps is not None:
        del sections["training"]["epochs"]
    return short_digest([sections, record.digest])


def check_resumable(run: Run, config: Config) -> list[str]:
    """Checks whether a run can be resumed with `config`.

    Returns:
        A sentence for every key that differs from the config of the run.

    Raises:
        UserError: A key differs that may not change, so that it is another experiment.
    """
    if not run.exists():
        return []
    changes = changed_keys(run.load_config(), config)
    fixed = {
        key: values
        for key, values in changes.items()
        if key not in CHANGEABLE and not key.startswith(("logging.", "warnings."))
    }
    if "training.init_from" in fixed:
        refuse_itself(config, run)
    if list(fixed) == ["training.init_from"]:
        raise UserError(_other_beginning(run, *fixed["training.init_from"]))
    if fixed:
        words = ", ".join(
            f"{key} = {old} there and {new} here" for key, (old, new) in fixed.items()
        )
        raise UserError(
            f"run {run.path}: holds another experiment: {words}; choose another --run, "
            "or start over with --fresh"
        )
    return [f"{key} is now {new}, was {old}" for key, (old, new) in changes.items()]


def refuse_itself(config: Config, run: Run) -> None:
    """Checks that a run does not start from itself.

    Raises:
        UserError: `training.init_from` is the directory of the run.
    """
    source = config.training.init_from
    if source is not None and Path(source).resolve() == run.path.resolve():
        raise UserError(
            f"training.init_from: {source}: is this run itself; to go on with it, leave the key "
            "out, or choose another --run to start from it"
        )


def _other_beginning(run: Run, old: object, new: object) -> str:
    """Returns the message for a run that would be resumed with another `training.init_from`."""
    began = "without training.init_from" if old is None else f"from the weights of {old}"
    begun = f"run {run.path}: began {began}, and weights are taken over at the beginning alone: "
    if new is None:
        return (
            f"{begun}to resume it, say --init-from {old} again, or --run {run.path} without "
            "--config"
        )
    return (
        f"{begun}to start from {new} choose another --run, or start over with --fresh; to resume "
        f"it, say {'nothing of it' if old is None else f'--init-from {old}'}"
    )


def steps_left(run: Run, config: Config, pairs: int) -> int:
    """Returns the number of steps that a run has still to make, at least 0.

    Args:
        run: The run.
        config: The experiment.
        pairs: Number of training pairs.
    """
    return max(Schedule(config, pairs).total - (newest_step(run.checkpoints) or 0), 0)


def already_trained(run: Run, config: Config, step: int, total: int) -> str:
    """Returns the message for a run that has nothing left to train.

    Args:
        run: The run.
        config: The config that it was to be resumed with.
        step: Number of steps that the run has made.
        total: Number of steps that `config` asks for.
    """
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
    """Compares the learning rate of a resumed run with that of its previous schedule.

    Args:
        run: The run.
        config: The config to resume it with.
        pairs: Number of training pairs.

    Returns:
        Notes for the user, one sentence each.

    Raises:
        UserError: The rate had decayed to 0 and would rise again, although the config changes
            neither `training.learning_rate` nor `training.decay_from_epoch`.
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
    if math.isclose(*shares, abs_tol=1e-9):  # `check_resumable` reports another initial rate
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
