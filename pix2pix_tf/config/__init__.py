"""Configuration of an experiment: a typed, immutable object, read from and written as YAML."""

from pix2pix_tf.config.schema import Config, load_config, make_config, shipped_configs

__all__ = ["Config", "load_config", "make_config", "shipped_configs"]
