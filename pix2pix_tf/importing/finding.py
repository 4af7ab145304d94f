"""Which of the tensors in a PyTorch file are those of the network that is to be imported.

Programs save their networks alone, several in one dictionary (`{"netG": ..., "netD": ...}`), or as
parts of a larger module whose names then come first (`generator.model.model.0.weight`). What is a
generator and what is a discriminator is told from the names and shapes of the weights, not from
what the dictionaries are called.
"""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Literal

import numpy as np

from pix2pix_tf.utils.errors import UserError

Part = Literal["generator", "discriminator"]
States = Mapping[str, Mapping[str, np.ndarray]]

TOP = "."  # what the place of weights that lie in no dictionary of their own is called

_UNET = ("model.model.0.weight", "model.model.1.model.1.weight")
_RESNET = ("model.1.weight", "model.10.conv_block.1.weight")
_PATCHGAN = ("model.0.weight", "model.2.weight")
_PIXEL = ("net.0.weight", "net.2.weight")
# Weights that a network of each part has, and the side of the kernels of the first.
_MARKS: dict[Part, tuple[tuple[tuple[str, str], int], ...]] = {
    "generator": ((_UNET, 4), (_RESNET, 7)),
    "discriminator": ((_PATCHGAN, 4), (_PIXEL, 1)),
}
_AVERAGE = re.compile(r"(?<![a-z])(ema|swa|shadow|avg|averaged?)(?![a-z])", re.IGNORECASE)


@dataclass(frozen=True)
class FoundNetwork:
    """The tensors of one network.

    Attributes:
        key: Where in the file they lie: keys and name prefixes, joined by dots, or `TOP`.
        state: The tensors by the names that the network itself gives them.
        beside: Keys of averages of the same weights (EMA), which were not taken.
    """

    key: str
    state: dict[str, np.ndarray]
    beside: tuple[str, ...] = ()


def find_network(
    states: States, part: Part, source: str, key: str | None = None, option: str = "--key"
) -> FoundNetwork:
    """Finds the one network of a part.

    Args:
        states: See `read_state_dicts`.
        part: Which network.
        source: The file, for errors.
        key: Where it lies, as `FoundNetwork.key`; None if there is only one. Averages of the
            weights beside the weights themselves are not taken unless they are named so.
        option: What sets `key`, for errors.

    Returns:
        The network; of a file with one state dict and no network that is known, all of it.

    Raises:
        UserError: There are several, or none in several state dicts, or none at `key`.
    """
    found = networks_in(states, part)
    if key is not None:
        for network in found:
            if network.key == (key.strip(".") or TOP):
                return network
        raise UserError(f"{option} {key}: {source} has no {part} there; {_listed(states)}")
    if not found and len(states) == 1:
        return FoundNetwork(TOP, dict(next(iter(states.values()))))
    if not found:
        raise UserError(f"{source}: holds no {part} that can be imported; {_listed(states)}")
    trained = [network for network in found if not _AVERAGE.search(network.key)] or found
    if len(trained) > 1:
        raise UserError(
            f"{source}: holds {len(trained)} {part}s, {', '.join(_keys(trained))}; say which with "
            f"{option} {trained[0].key}"
        )
    beside = tuple(network.key for network in found if network is not trained[0])
    return FoundNetwork(trained[0].key, trained[0].state, beside)


def networks_in(states: States, part: Part) -> list[FoundNetwork]:
    """All networks of a part, each once, though a file has the same numbers at two places."""
    networks: list[FoundNetwork] = []
    for place, state in states.items():
        roots = {each: _roots(state, each) for each in _MARKS}
        others = [root for each in roots for root in roots[each]]
        for root in roots[part]:
            network = FoundNetwork(
                ".".join(filter(None, (place, root.strip(".")))) or TOP,
                _below(state, root, [other for other in others if len(other) > len(root)]),
            )
            if not any(_same(network.state, other.state) for other in networks):
                networks.append(network)
    return networks


def _roots(state: Mapping[str, np.ndarray], part: Part) -> list[str]:
    """The prefixes of names below which a network of the part lies, "" or ending in a dot."""
    found = []
    for (first, second), side in _MARKS[part]:
        for name, array in state.items():
            root = name.removesuffix(first)
            whole = root != name and (not root or root.endswith("."))
            if whole and f"{root}{second}" in state and array.shape[2:] == (side, side):
                found.append(root)
    return found


def _below(state: Mapping[str, np.ndarray], root: str, others: list[str]) -> dict[str, np.ndarray]:
    """What lies below a root, without other networks there and without counters."""
    return {
        name.removeprefix(root): array
        for name, array in state.items()
        if name.startswith(root)
        and not any(name.startswith(other) for other in others)
        and (array.ndim or array.dtype.kind not in "iu")
    }


def _same(one: Mapping[str, np.ndarray], other: Mapping[str, np.ndarray]) -> bool:
    return one.keys() == other.keys() and all(
        np.array_equal(array, other[name]) for name, array in one.items()
    )


def _listed(states: States) -> str:
    words = [
        f"{part}s: {', '.join(keys)}"
        for part in _MARKS
        if (keys := _keys(networks_in(states, part)))
    ]
    return f"it has {'; '.join(words or [f'tensors in {_places(states)}'])}"


def _places(states: States) -> str:
    return ", ".join(_displayed(place or TOP) for place in states)


def _keys(networks: list[FoundNetwork]) -> list[str]:
    return [_displayed(network.key) for network in networks]


def _displayed(key: str) -> str:
    return f"{key} (the file itself)" if key == TOP else key
