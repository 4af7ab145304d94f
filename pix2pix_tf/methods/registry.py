"""Registry of the methods that `method` in a config can name."""

from __future__ import annotations

from pix2pix_tf.config.schema import Config
from pix2pix_tf.data.pipeline import images_per_update
from pix2pix_tf.methods.method import MethodType
from pix2pix_tf.methods.pix2pix import PIX2PIX

METHODS: dict[str, MethodType] = {"pix2pix": PIX2PIX}
"""Methods by their name in the config key `method`; `config.objectives.OBJECTIVES` holds the
section `objective` of each."""


def method_of(config: Config) -> MethodType:
    """Returns the method that a config names."""
    return METHODS[config.method]


def images_per_step(config: Config) -> int:
    """Returns the number of images of each side that one training step uses."""
    return images_per_update(config, method_of(config).data_needs(config))
