import os

os.environ.setdefault("TF_CPP_MIN_LOG_LEVEL", "2")

import pytest
import tensorflow as tf

# Before TensorFlow starts its devices: two logical CPUs, to test with two replicas.
tf.config.set_logical_device_configuration(
    tf.config.list_physical_devices("CPU")[0],
    [tf.config.LogicalDeviceConfiguration()] * 2,
)
tf.get_logger().setLevel("ERROR")


@pytest.fixture
def tiny():
    """A config of networks that take milliseconds: 32×32, 4 filters; keyword arguments override."""
    from pix2pix_tf.config import make_config

    def config(**overrides):
        tree = {
            "data": {"dataset": "sample", "load_size": 36, "crop_size": 32},
            "generator": {"width": 4},
            "discriminator": {"width": 4, "receptive_field": 34},
            "training": {"steps": 4},
        }
        for key, value in overrides.items():
            section, name = key.split("__")
            tree.setdefault(section, {})[name] = value
        return make_config(tree)

    return config
