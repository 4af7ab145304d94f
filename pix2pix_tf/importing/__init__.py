"""Import of weights from the authors' PyTorch program into a run."""

from __future__ import annotations

import json
import shutil
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import keras
import numpy as np

from pix2pix_tf.config.schema import Config, load_config
from pix2pix_tf.importing.authors import Recognised, recognise_discriminator, recognise_generator
from pix2pix_tf.importing.finding import FoundNetwork, find_network, networks_in
from pix2pix_tf.methods.method import checkpoint_parts, translating_parts
from pix2pix_tf.methods.pix2pix import Pix2Pix
from pix2pix_tf.models.unet import unet_levels
from pix2pix_tf.runs.checkpoint_files import check_path
from pix2pix_tf.runs.checkpoints import Checkpoints
from pix2pix_tf.runs.run import Run
from pix2pix_tf.utils.errors import UserError
from pix2pix_tf.utils.files import check_output_directory
from pix2pix_tf.utils.torch_file import read_state_dicts

__all__ = ["Imported", "import_weights"]

Overrides = Mapping[str, Any] | Sequence[str]


@dataclass(frozen=True)
class Imported:
    """Result of an import.

    Attributes:
        run: The run directory, with a checkpoint at step 0.
        config: The config of the run.
        generator: Description of the recognised generator.
        discriminator: Description of the recognised discriminator; None if it has initial weights,
            or if the objective has no discriminator.
        notes: Sentences about the location of the weights in the files, assumptions that the
            weights do not determine, and differences from the original program.
    """

    run: Path
    config: Config
    generator: str
    discriminator: str | None
    notes: tuple[str, ...]


def import_weights(
    generator_file: str | Path,
    run_dir: str | Path,
    *,
    discriminator_file: str | Path | None = None,
    config: str | Path = "facades",
    overrides: Overrides = (),
    key: str | None = None,
    discriminator_key: str | None = None,
) -> Imported:
    """Creates a run from networks that the authors' PyTorch program trained.

    The architecture is recognised from the weights; the other settings are those of the config. The
    state of the optimisers is not imported.

    Args:
        generator_file: A state dict, such as `latest_net_G.pth`, or a checkpoint that contains one.
        run_dir: The run directory, which must not hold a run yet.
        discriminator_file: A file such as `latest_net_D.pth`, which may be the same file. Without
            it the discriminator has initial weights.
        config: A config file, or the name of a shipped config.
        overrides: Overrides as for `load_config`, which must not contradict the weights.
        key: Key of the generator in its file, such as `netG`, if the file holds several.
        discriminator_key: Key of the discriminator in its file.

    Returns:
        The run, its config and descriptions of the networks.

    Raises:
        UserError: The files cannot be read, hold unknown networks or several of them, or do not
            match each other or the config; or the directory holds a run already.
    """
    run = Run(Path(run_dir))
    if run.exists() or run.checkpoints.exists():
        raise UserError(f"run {run.path}: holds a training already; choose another --run")
    check_path(run.path)
    check_output_directory(run.path)
    states = read_state_dicts(generator_file)
    places = [find_network(states, "generator", str(generator_file), key)]
    found = [recognise_generator(places[0].state, str(generator_file))]
    if discriminator_file is not None:
        same = Path(discriminator_file) == Path(generator_file)
        places.append(
            find_network(
                states if same else read_state_dicts(discriminator_file),
                "discriminator",
                str(discriminator_file),
                discriminator_key,
                "--discriminator-key",
            )
        )
        found.append(recognise_discriminator(places[1].state, str(discriminator_file)))
    elif discriminator_key is not None:
        raise UserError(f"--discriminator-key {discriminator_key}: needs --discriminator FILE")
    settled = _settle(found, [str(generator_file), str(discriminator_file)], config, overrides)
    generator, discriminator = found[0], found[1] if len(found) > 1 else None
    if discriminator is not None:
        _check_conditional(discriminator, str(discriminator_file), settled)

    method = Pix2Pix(settled, total_updates=1, decay_start=None)
    for network in (method.generator, method.ema_generator):
        if network is not None:
            _assign(network, generator.weights)
    if discriminator is not None and method.discriminator is not None:
        _assign(method.discriminator, discriminator.weights)
    try:
        parts, translating = checkpoint_parts(method), translating_parts(method)
        Checkpoints(run.checkpoints, parts, translating, settled.logging.keep).save()
        run.save_config(settled)  # written last, because a folder with a config is a run
    except BaseException:
        shutil.rmtree(run.checkpoints, ignore_errors=True)
        raise
    return Imported(
        run=run.path,
        config=settled,
        generator=generator.name,
        discriminator=None if discriminator is None else discriminator.name,
        notes=(
            *_found_notes(places, ["--key", "--discriminator-key"]),
            *_discriminator_notes(settled, discriminator, networks_in(states, "discriminator")),
            *_assumed_notes(settled, found[0], config, overrides),
            "the optimisers start fresh: theirs are not imported",
        ),
    )


def _settle(
    found: list[Recognised], files: list[str], config: str | Path, overrides: Overrides
) -> Config:
    """Returns the config with the settings that the weights determine.

    Raises:
        UserError: `overrides` contradict the weights.
    """
    settings = {key: value for network in found for key, value in network.settings.items()}
    defaults = {key: value for network in found for key, value in network.defaults.items()}
    if "data.crop_size" in _keys_of(overrides) or _levels(config, overrides) == _levels_of(
        defaults
    ):
        defaults = {key: value for key, value in defaults.items() if not key.startswith("data.")}
    settled = load_config(config, _merged({**defaults, **settings}, overrides))
    values = settled.model_dump(mode="json")
    for file, network in zip(files, found, strict=False):
        for key, value in network.settings.items():
            section, name = key.split(".")
            if values[section][name] != value:
                raise UserError(
                    f"{key}: {values[section][name]}: contradicts {file}, which has {value}; "
                    "leave it out"
                )
    levels, settled_levels = _levels_of(found[0].defaults), unet_levels(settled.data.crop_size)
    if levels is not None and settled_levels != levels:
        raise UserError(
            f"data.crop_size: {list(settled.data.crop_size)}: can be halved {settled_levels} "
            f"times and makes a U-Net of that depth; that of {files[0]} halves {levels} times: "
            f"leave data.crop_size out, or set it to {2**levels}"
        )
    return settled


def _levels_of(defaults: Mapping[str, Any]) -> int | None:
    """Returns the number of downsamplings of a U-Net, or None for a ResNet."""
    side = defaults.get("data.crop_size")
    return None if side is None else side.bit_length() - 1


def _levels(config: str | Path, overrides: Overrides) -> int | None:
    """Returns how often the config's own crop size can be halved, or None for an invalid config."""
    try:
        return unet_levels(load_config(config, overrides).data.crop_size)
    except UserError:  # the settings from the weights may make it valid; it is loaded again later
        return None


def _merged(settings: Mapping[str, Any], overrides: Overrides) -> Overrides:
    if isinstance(overrides, Mapping):
        return {**settings, **overrides}
    return [*(f"{key}={json.dumps(value)}" for key, value in settings.items()), *overrides]


def _check_conditional(discriminator: Recognised, file: str, config: Config) -> None:
    seen, objective = discriminator.input_channels, config.objective
    both = config.data.input_channels + config.data.target_channels
    if not objective.adversarial:
        raise UserError(
            f"objective.name: {objective.name}: has no discriminator; leave out {file}, or set "
            "objective.name=l1+cgan"
        )
    if seen == (both if objective.conditional else config.data.target_channels):
        return
    fitting = {both: "l1+cgan", config.data.target_channels: "l1+gan"}.get(seen)
    raise UserError(
        f"{file}: sees {seen} channels, "
        + (
            f"which needs an objective such as objective.name={fitting}"
            if fitting
            else f"which fits neither the generator's images together ({both}) nor its "
            f"translation alone ({config.data.target_channels})"
        )
    )


def _assign(network: keras.Model, weights: Mapping[str, np.ndarray]) -> None:
    """Sets every variable of a network.

    Raises:
        RuntimeError: The weights are not exactly those of the network.
    """
    variables = {variable.path: variable for variable in network.variables}
    if variables.keys() != weights.keys():
        raise RuntimeError(f"{network.name}: {sorted(variables.keys() ^ weights.keys())}")
    for path, variable in variables.items():
        variable.assign(weights[path])


def _keys_of(overrides: Overrides) -> set[str]:
    """Returns the keys that overrides set."""
    return {text.partition("=")[0].strip() for text in overrides}


def _found_notes(places: list[FoundNetwork], options: list[str]) -> list[str]:
    return [
        f"taken is {place.key}; beside it is {', '.join(place.beside)}, by its name an average of "
        f"the same weights: {option} {place.beside[0]} takes that"
        for place, option in zip(places, options, strict=False)
        if place.beside
    ]


def _discriminator_notes(
    config: Config, discriminator: Recognised | None, beside: list[FoundNetwork]
) -> list[str]:
    if discriminator is not None or not config.objective.adversarial:
        return []
    words = "the discriminator starts fresh: no file was given for it"
    if beside:
        keys = ", ".join(network.key for network in beside)
        words += f" (the generator's has {keys}: give it as --discriminator too)"
    return [words]


def _assumed_notes(
    config: Config, generator: Recognised, name: str | Path, overrides: Overrides
) -> list[str]:
    """Returns notes on settings that the weights do not determine and on differences in dropout."""
    overridden = _keys_of(overrides)
    assumed = []
    if "generator.dropout" not in (generator.defaults.keys() | overridden):
        dropout = config.generator.dropout
        otherwise = (
            "--set generator.dropout=0 if it was trained with --no_dropout"
            if dropout
            else "--set generator.dropout=0.5 if it was trained with dropout"
        )
        assumed.append(f"generator.dropout={dropout:g} ({otherwise})")
    if config.data.representation == "lab" and "data.representation" not in overridden:
        assumed.append(
            "data.representation=lab, L in and ab out, as its colorization has one channel in and "
            "two out"
        )
    assumed.append("RGB images scaled to [-1, 1]")
    if config.generator.norm == "batch":
        assumed.append("norms by each image's own statistics, as its test does without --eval")
    values = config.model_dump(mode="json")
    keys = ["data.direction", "data.load_size", "data.crop_size"]
    keys += ["objective.name", "objective.gan_loss"] if config.objective.adversarial else []
    of_config = [
        f"{key}={values[section][setting]}"
        for key in keys
        if key not in overridden
        for section, setting in [key.split(".")]
    ]
    if of_config:
        assumed.append(
            f"of the config {name}, as far as it fits: {', '.join(of_config)} (--set changes them)"
        )
    notes = [f"assumed, since weights do not tell: {'; '.join(assumed)}"]
    if config.generator.kind == "unet" and config.generator.dropout:
        notes.append(
            "dropout is in the first three decoder blocks, as in the paper; the authors' PyTorch "
            "program has it one block further out. Without dropout the two are the same"
        )
    return notes
