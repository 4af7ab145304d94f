"""Which configs may go on with a run: the same training, only longer or looked at otherwise."""

from __future__ import annotations

from pix2pix_tf.config import Config
from pix2pix_tf.errors import UserError
from pix2pix_tf.runs import Run

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
    "training.steps_per_call",
    "training.deterministic",
}


def changed_keys(before: Config, after: Config) -> dict[str, tuple[object, object]]:
    """Keys (`section.name`) whose values differ, with both values."""
    old, new = before.model_dump(mode="json"), after.model_dump(mode="json")
    return {
        f"{section}.{name}": (old[section][name], new[section][name])
        for section in old
        for name in old[section]
        if old[section][name] != new[section][name]
    }


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
