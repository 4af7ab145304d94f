"""The experiment's configuration: one typed, frozen object; YAML in, YAML out."""

from pix2pix_tf.config.schema import Config, load_config, make_config, shipped_configs

__all__ = ["Config", "load_config", "make_config", "shipped_configs"]
