"""When XLA compiles updates, with devices that only pretend to be GPUs."""

from types import SimpleNamespace

import pytest
import tensorflow as tf

from pix2pix_tf.config.schema import TrainingConfig
from pix2pix_tf.methods.xla import choose_xla, newer_gpu, newest_capability

BUILT_FOR = ["sm_60", "sm_70", "sm_80", "sm_89", "compute_90"]  # TensorFlow 2.21


def strategy(*devices):
    return SimpleNamespace(
        num_replicas_in_sync=len(devices),
        extended=SimpleNamespace(worker_devices=[f"/device:{device}" for device in devices]),
    )


@pytest.fixture
def gpus(monkeypatch):
    """A function that makes TensorFlow see GPUs of these compute capabilities."""

    def pretend(*capabilities, built_for=BUILT_FOR):
        devices = [tf.config.PhysicalDevice(f"gpu:{n}", "GPU") for n in range(len(capabilities))]
        details = {
            device.name: {"device_name": f"Card {number}", "compute_capability": capability}
            for number, (device, capability) in enumerate(zip(devices, capabilities, strict=True))
        }
        info = {"cuda_compute_capabilities": built_for} if built_for else {}
        monkeypatch.setattr(tf.sysconfig, "get_build_info", lambda: info)
        monkeypatch.setattr(tf.config, "get_visible_devices", lambda kind: devices)
        monkeypatch.setattr(
            tf.config.experimental, "get_device_details", lambda device: details[device.name]
        )

    return pretend


def choice(jit_compile, *devices):
    return choose_xla(TrainingConfig(jit_compile=jit_compile), strategy(*devices))


@pytest.mark.parametrize("capability", [(6, 0), (8, 9), (9, 0)])
def test_auto_uses_xla_on_one_gpu_that_tensorflow_was_built_for(gpus, capability):
    gpus(capability)
    assert choice("auto", "GPU:0").used
    assert choice("auto", "GPU:0").note is None


@pytest.mark.parametrize("capability", [(9, 1), (10, 0), (12, 0)])
def test_auto_leaves_xla_off_on_a_newer_gpu_and_says_so(gpus, capability):
    gpus(capability)
    found = choice("auto", "GPU:0")
    assert not found.used
    assert found.note == (
        f"training.jit_compile: auto leaves XLA off: Card 0 has compute capability "
        f"{capability[0]}.{capability[1]}, and TensorFlow {tf.__version__} was built for up to 9.0"
    )


def test_true_is_obeyed_with_a_warning(gpus):
    gpus((12, 0))
    found = choice(True, "GPU:0")
    assert found.used
    assert "where XLA may end the process" in found.note
    gpus((9, 0))
    assert choice(True, "GPU:0").note is None


def test_false_asks_no_device(monkeypatch):
    monkeypatch.setattr(tf.config, "get_visible_devices", lambda kind: 1 / 0)
    assert not choice(False, "GPU:0").used


def test_auto_leaves_it_off_on_cpus_and_on_several_gpus(gpus):
    gpus((8, 0), (8, 0))
    assert not choice("auto", "CPU:0").used
    assert not choice("auto", "GPU:0", "GPU:1").used
    assert choice("auto", "CPU:0").note is None
    gpus((12, 0), (12, 0))
    assert choice("auto", "GPU:0", "GPU:1").note is None  # it would be off anyway


def test_a_build_that_does_not_say_what_it_is_for(gpus):
    gpus((12, 0), built_for=None)
    assert newer_gpu() is None
    assert choice("auto", "GPU:0").used


def test_gpus_that_do_not_say_what_they_are(gpus):
    gpus(None)
    assert newer_gpu() is None


def test_capabilities_of_builds():
    assert newest_capability(BUILT_FOR) == (9, 0)
    assert newest_capability(["sm_100", "sm_90", "compute_120"]) == (12, 0)
    assert newest_capability(["sm_90a"]) == (9, 0)
    assert newest_capability([]) is None
    assert newest_capability(["gfx90a"]) is None


def test_the_installed_tensorflow_says_what_it_is_for():
    info = tf.sysconfig.get_build_info()
    newest = newest_capability(info.get("cuda_compute_capabilities", ()))
    assert newest is None if not info["is_cuda_build"] else newest >= (8, 0)


def test_training_says_that_xla_is_off(gpus, tiny, tmp_path, capsys, monkeypatch, eagerly):
    from pix2pix_tf.training import loop

    monkeypatch.setattr(
        loop, "choose_xla", lambda *_: SimpleNamespace(used=False, note="XLA is off: too new")
    )
    config = tiny(training__steps=1, data__sample_train=1, data__sample_val=1)
    loop.train(config, tmp_path / "run")
    assert "warning: XLA is off: too new" in capsys.readouterr().out
