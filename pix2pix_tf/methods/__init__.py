"""Methods of image translation: networks, losses, optimizers and updates."""

from pix2pix_tf.methods.registry import METHODS, images_per_step, method_of

__all__ = ["METHODS", "images_per_step", "method_of"]
