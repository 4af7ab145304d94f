"""The stages themselves, in this process."""

import tensorflow as tf

from pix2pix_tf.doctor import worker


def test_devices_of_this_machine():
    found = worker.devices()
    assert found["version"] == tf.__version__
    assert found["build"]["is_cuda_build"] in (True, False)
    assert len(found["gpus"]) == len(tf.config.list_physical_devices("GPU"))
    assert found["threads"] >= 1


def test_xla_computes_the_same():
    assert worker.xla()["difference"] < 1e-3
