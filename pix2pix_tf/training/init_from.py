"""The start of a run from the weights of another one, `training.init_from`.

It happens once, before the first step of a new run: `plan_initialization` checks everything before
the run is written to, `InitialWeights.load` sets the weights and records where they came from, and
the loop then saves a checkpoint of step 0. Whoever resumes the run restores that or a later one.
"""

from __future__ import annotations

import hashlib
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

import keras
import numpy as np
import tensorflow as tf

from pix2pix_tf.config.schema import Config
from pix2pix_tf.methods import method_of
from pix2pix_tf.methods.freezing import groups_of, is_named, layer_names
from pix2pix_tf.methods.method import Method
from pix2pix_tf.models.generators import GENERATORS
from pix2pix_tf.runs.checkpoint_files import newest_step
from pix2pix_tf.runs.checkpoints import StoredWeights
from pix2pix_tf.runs.pairs_record import PairsRecord, read_record, trained_among
from pix2pix_tf.runs.run import Run
from pix2pix_tf.training.resume import refuse_itself
from pix2pix_tf.utils.errors import UserError
from pix2pix_tf.utils.files import write_text
from pix2pix_tf.utils.strict_json import strict_json
from pix2pix_tf.utils.text import pluralize, shorten_list

# Settings of the networks that may differ: they change no weights.
_NO_ARCHITECTURE = {"dropout"}


@dataclass(frozen=True)
class InitialWeights:
    """The weights that a new run starts from.

    Attributes:
        config: The config of the new run.
        source: The run that the weights are from.
        source_config: Its config.
        stored: The weights of its newest checkpoint.
        new_layers: The layers that have other shapes, or no counterpart, and start anew, as
            NETWORK/LAYER.
    """

    config: Config
    source: Run
    source_config: Config
    stored: StoredWeights
    new_layers: tuple[str, ...] = ()

    def load(self, method: Method, run: Run | None) -> None:
        """Sets the weights of a method, except those of layers that start anew.

        Args:
            method: The method of the new run, whose weights are initialized.
            run: The new run, in which the origin of its weights is recorded; None on workers that
                do not write it.

        Raises:
            UserError: The checkpoint is damaged, or the record cannot be written.
        """
        digest = hashlib.sha256()
        for part, network in method.networks.items():
            for layer in network.layers:
                if f"{part}/{layer.name}" in self.new_layers:
                    continue
                for variable in layer.weights:
                    value = self._value(part, variable)
                    digest.update(f"{part}/{variable.path}".encode())
                    digest.update(np.ascontiguousarray(value).tobytes())
                    variable.value.assign(value)
        if run is not None:
            record = {
                "run": str(self.source.path),
                "absolute": str(self.source.path.absolute()),
                "step": self.stored.step,
                "sha256": digest.hexdigest(),
                "new_layers": list(self.new_layers),
                "frozen": list(self.config.training.freeze),
            }
            write_text(run.init_file, strict_json(record) + "\n")

    def notes(self, record: PairsRecord) -> list[str]:
        """Returns sentences for the user about the start.

        Args:
            record: The pairs of the new run.
        """
        notes = [f"weights: those of {self.source.path} at step {self.stored.step}"]
        if self.new_layers:
            notes[0] += (
                f"; {pluralize(len(self.new_layers), 'layer')} of other channels, of another size "
                f"or without a counterpart start anew: {', '.join(self.new_layers)}"
            )
        if self.config.training.freeze:
            notes.append(f"frozen (training.freeze): {', '.join(self.config.training.freeze)}")
        before = read_record(self.source.pairs_file)
        seen = [] if before is None else trained_among(record.val, before, record.root)
        if seen:
            notes.append(
                f"warning: {self.source.path} was trained on {len(seen)} of the "
                f"{record.val.count} validation pairs: {shorten_list(seen, 5)}; scores of them say "
                "nothing about images that the weights have not seen"
            )
        return notes

    def find_new_layers(self, method: Method) -> Iterator[str]:
        """Yields the layers of a method that start anew, as NETWORK/LAYER."""
        for part, network in method.networks.items():
            for layer in network.layers:
                if not all(
                    self.stored.shape(*self._stored(part, variable)) == tuple(variable.shape)
                    for variable in layer.weights
                ):
                    yield f"{part}/{layer.name}"

    def _value(self, part: str, variable: keras.Variable) -> np.ndarray:
        return self.stored.value(*self._stored(part, variable))

    def _stored(self, part: str, variable: keras.Variable) -> tuple[str, str]:
        """Returns part and name that a variable has in the checkpoint of the source."""
        averages = method_of(self.config).averages
        if not self.stored.has_part(part):
            part = averages.get(part, part)
        layer, slash, name = variable.path.partition("/")
        kind = GENERATORS[self.config.generator.kind]
        sizes = self.config.data.crop_size, self.source_config.data.crop_size
        return part, f"{kind.layer_elsewhere(layer, *sizes)}{slash}{name}"


def plan_initialization(config: Config, run: Run) -> InitialWeights | None:
    """Checks the run that a new run starts from, before the new one is written to.

    Args:
        config: The experiment.
        run: The new run.

    Returns:
        The weights to start from; None if the config names no run, or the run has begun already.

    Raises:
        UserError: The named run is this run, does not exist, is of a newer version or of another
            architecture, or has no checkpoint; or `training.freeze` has an invalid name.
    """
    name = config.training.init_from
    if name is None or newest_step(run.checkpoints) is not None:
        return None
    refuse_itself(config, run)
    source = Run(Path(name))
    try:
        source_config = source.load_config()
        _refuse_other_architecture(name, source_config, config)
        stored = StoredWeights(source.checkpoints)
    except UserError as error:
        raise UserError(f"training.init_from: {error}") from None
    initial = InitialWeights(config, source, source_config, stored)
    with tf.device("CPU:0"):  # built for its shapes alone
        method = method_of(config).build(config, 1, None)
    new_layers = tuple(initial.find_new_layers(method))
    if set(new_layers) >= set(layer_names(method.networks)):
        raise UserError(
            f"training.init_from: run {name}: none of its layers has the shape of one of this run's"
        )
    _check_freeze(config, method, new_layers)
    return InitialWeights(config, source, source_config, stored, new_layers)


def _refuse_other_architecture(name: str, there: Config, here: Config) -> None:
    sections = ["generator"]
    if all(getattr(each.objective, "adversarial", True) for each in (there, here)):
        sections.append("discriminator")
    differences = [] if there.method == here.method else [("method", there.method, here.method)]
    for section in sections:
        old, new = (getattr(each, section).model_dump() for each in (there, here))
        differences += [
            (f"{section}.{key}", old[key], new[key])
            for key in new
            if key not in _NO_ARCHITECTURE and old[key] != new[key]
        ]
    if differences:
        words = ", ".join(f"{key} = {old} there and {new} here" for key, old, new in differences)
        raise UserError(
            f"run {name}: is of another architecture: {words}; train with the same settings, or "
            "from nothing"
        )


def _check_freeze(config: Config, method: Method, new_layers: tuple[str, ...]) -> None:
    networks = {
        part: network
        for each in method.optimizers.values()
        for part, network in each.networks.items()
    }
    layers = layer_names(networks)
    for name in config.training.freeze:
        found = [layer for layer in layers if is_named(name, *layer.split("/", 1))]
        if not found:
            groups = [*networks, *groups_of(layers)]
            raise UserError(
                f"training.freeze: {name}: is no network or layer of this run; there are "
                f"{', '.join(groups)}, and layers such as {layers[0]}"
            )
        anew = [layer for layer in found if layer in new_layers]
        if anew:
            others = [layer for layer in found if layer not in new_layers]
            hint = f"name the others instead: {', '.join(others)}" if others else "leave it out"
            raise UserError(
                f"training.freeze: {name}: {', '.join(anew)} start anew, for their shapes are "
                f"others than in {config.training.init_from}, and would stay random; {hint}"
            )
