"""Search for the network to import among the tensors of a PyTorch file.

Programs save a single network, several in one dictionary (`{"netG": ..., "netD": ...}`), or parts
of a larger module, whose name is then a prefix (`generator.model.model.0.weight`). Generators and
discriminators are recognised by the names and shapes of their weights, not by the names of
dictionaries.
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

TOP = "."  # key of a network at the top level of a file

_UNET = ("model.model.0.weight", "model.model.1.model.1.weight")
_RESNET = ("model.1.weight", "model.10.conv_block.1.weight")
_PATCHGAN = ("model.0.weight", "model.2.weight")
_PIXEL = ("net.0.weight", "net.2.weight")
# Two weights that identify a network of each part, and the side of the first one's kernels.
_MARKS: dict[Part, tuple[tuple[tuple[str, str], int], ...]] = {
    "generator": ((_UNET, 4), (_RESNET, 7)),
    "discriminator": ((_PATCHGAN, 4), (_PIXEL, 1)),
}
_AVERAGE = re.compile(r"(?<![a-z])(ema|swa|shadow|avg|averaged?)(?![a-z])", re.IGNORECASE)


@dataclass(frozen=True)
class FoundNetwork:
    """The tensors of one network.

    Attributes:
        key: Location in the file: keys and name prefixes, joined by dots, or `TOP`.
        state: The tensors by their names in the network.
        beside: Keys of averages of the same weights (EMA) in the file, which are not used.
    """

    key: str
    state: dict[str, np.ndarray]
    beside: tuple[str, ...] = ()


def find_network(
    states: States, part: Part, source: str, key: str | None = None, option: str = "--key"
) -> FoundNetwork:
    """Finds the only generator or discriminator in a file.

    Args:
        states: See `read_state_dicts`.
        part: The kind of network.
        source: The file, for error messages.
        key: Location of the network, as in `FoundNetwork.key`; None if there is only one. Without a
            key, averages of the weights are not used if the file has the weights themselves.
        option: The command-line option that sets `key`, for error messages.

    Returns:
        The network. If the file is one state dict without a known network, all of its tensors.

    Raises:
        UserError: There are several such networks, none in several state dicts, or none at `key`.
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
    """Returns all networks of a part, without duplicates.

    Args:
        states: See `read_state_dicts`.
        part: The kind of network.

    Returns:
        The networks; of several with equal weights only the first.
    """
    networks: list[FoundNetwork] = []
    for prefix, state in states.items():
        roots = {each: _roots(state, each) for each in _MARKS}
        others = [root for each in roots for root in roots[each]]
        for root in roots[part]:
            network = FoundNetwork(
                ".".join(filter(None, (prefix, root.strip(".")))) or TOP,
                _below(state, root, [other for other in others if len(other) > len(root)]),
            )
            if not any(_same(network.state, other.state) for other in networks):
                networks.append(network)
    return networks


def _roots(state: Mapping[str, np.ndarray], part: Part) -> list[str]:
    """Returns the name prefixes of networks of a part, which are "" or end in a dot."""
    found = []
    for (first, second), side in _MARKS[part]:
        for name, array in state.items():
            root = name.removesuffix(first)
            whole = root != name and (not root or root.endswith("."))
            if whole and f"{root}{second}" in state and array.shape[2:] == (side, side):
                found.append(root)
    return found


def _below(state: Mapping[str, np.ndarray], root: str, others: list[str]) -> dict[str, np.ndarray]:
    """Returns the tensors with a prefix, without those of other networks and without counters."""
    return {
        name.removeprefix(root): array
        for name, array in state.items()
        if name.startswith(root)
        and not any(name.startswith(other) for other in others)
        and (array.ndim or array.dtype.kind not in "iu")
    }


def _same(one: Mapping[str, np.ndarray], other: Mapping[str, np.ndarray]) -> bool:
    """Returns whether two networks have equal weights."""
    return one.keys() == other.keys() and all(
        np.array_equal(array, other[name]) for name, array in one.items()
    )


def _listed(states: States) -> str:
    """Returns the part of an error message that lists a file's networks."""
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
