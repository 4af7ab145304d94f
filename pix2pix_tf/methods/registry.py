"""The methods that `method` in a config can name."""

from __future__ import annotations

from pix2pix_tf.config.schema import Config
from pix2pix_tf.data.pipeline import images_per_update
from pix2pix_tf.methods.method import MethodType
from pix2pix_tf.methods.pix2pix import PIX2PIX

METHODS: dict[str, MethodType] = {"pix2pix": PIX2PIX}
"""Methods by the name that `method` in a config has; `config.objectives.OBJECTIVES` has the section
`objective` of each."""


def method_of(config: Config) -> MethodType:
    """The method that a config names."""
    return METHODS[config.method]


def images_per_step(config: Config) -> int:
    """Images of each side that one step of training takes."""
    return images_per_update(config, method_of(config).data_needs(config))
