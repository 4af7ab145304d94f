"""Methods of image translation: what is trained, apart from the loop that trains it."""

from pix2pix_tf.methods.registry import METHODS, images_per_step, method_of

__all__ = ["METHODS", "images_per_step", "method_of"]
