"""Generators and the PatchGAN discriminator, as Keras functional models."""

from pix2pix_tf.models.discriminators import build_discriminator
from pix2pix_tf.models.generators import GENERATORS, GeneratorKind, build_generator

__all__ = ["GENERATORS", "GeneratorKind", "build_discriminator", "build_generator"]
