"""Layers that `training.freeze` excludes from updates."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence

import keras


def freeze(networks: Mapping[str, keras.Model], names: Sequence[str]) -> None:
    """Marks the layers of some names as not trainable, before an optimizer is built.

    Args:
        networks: Networks by their names in `Method.networks`.
        names: The entries of `training.freeze`, see `is_named`.
    """
    for part, network in networks.items():
        for layer in network.layers:
            if any(is_named(name, part, layer.name) for name in names):
                layer.trainable = False


def is_named(name: str, part: str, layer: str) -> bool:
    """Whether an entry of `training.freeze` means a layer.

    Args:
        name: The name of a network; or that of a layer or its beginning up to a `_`, with or
            without that of the network before a `/`.
        part: The name of the layer's network.
        layer: The name of the layer.

    Example:
        >>> is_named("encoder", "generator", "encoder_2_norm")
        True
        >>> is_named("generator/encoder_1", "generator", "encoder_10")
        False
    """
    beginning = name.removeprefix(f"{part}/")
    return name == part or layer == beginning or layer.startswith(f"{beginning}_")


def layer_names(networks: Mapping[str, keras.Model]) -> list[str]:
    """Returns the layers that have weights, as NETWORK/LAYER, in order."""
    return [
        f"{part}/{layer.name}"
        for part, network in networks.items()
        for layer in network.layers
        if layer.weights
    ]


def groups_of(layers: Iterable[str]) -> list[str]:
    """Returns the beginnings of layers' names up to the first `_`, each once, in order."""
    return list(dict.fromkeys(name.rpartition("/")[2].partition("_")[0] for name in layers))
