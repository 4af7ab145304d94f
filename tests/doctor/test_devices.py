"""Why a GPU is not seen, on machines that are made up; the messages are TensorFlow's own."""

import pytest

from pix2pix_tf.doctor import devices
from pix2pix_tf.doctor.devices import Driver, device_findings, find_driver

CUDA = {
    "is_cuda_build": True,
    "is_rocm_build": False,
    "cuda_version": "12.5.1",
    "cudnn_version": "9",
    "cuda_compute_capabilities": ["sm_60", "compute_90"],
}
T4 = "Tesla T4, 550.54, 15360 MiB"
NO_LIBRARIES = (
    "I0000 00:00:1795799549.28 21443 port.cc:153] oneDNN custom operations are on.\n"
    "W0000 00:00:1730.1 1 gpu_device.cc:2344] Cannot dlopen some GPU libraries. Please make sure "
    "the missing libraries mentioned above are installed properly. Skipping registering GPU "
    "devices...\n"
)
INSTALLED = {"nvidia-cudnn-cu12": "9.3"}.get


def seen(*gpus, newer=None, build=CUDA):
    return {"version": "2.21.0", "build": build, "gpus": list(gpus), "newer": newer, "threads": 8}


def gpu(name="Tesla T4", capability=(7, 5)):
    return {"name": name, "compute_capability": list(capability)}


def unseen(driver, messages="", environment=(), system="Linux", version=INSTALLED, build=CUDA):
    *_, found = device_findings(
        seen(build=build), messages, driver, dict(environment), system, version
    )
    assert (found.section, found.name) == ("gpu", "GPU")
    return found


def test_build_and_threads():
    build, threads, _ = device_findings(seen(), "", Driver(), {})
    assert build.text == "2.21.0, for CUDA 12.5.1 and cuDNN 9, with kernels for sm_60 compute_90"
    assert (threads.name, threads.value) == ("threads", 8)
    build, *_ = device_findings(seen(build={"is_cuda_build": False}), "", Driver(), {})
    assert build.text == "2.21.0, for CPUs"


def test_gpus_that_are_seen():
    found = device_findings(seen(gpu(), gpu("L4", (8, 9))), "", Driver(2, (T4, "L4")), {})
    assert [each.text for each in found if each.section == "gpu"] == [
        "Tesla T4, compute capability 7.5",
        "L4, compute capability 8.9",
    ]
    assert {each.status for each in found} == {"ok"}


def test_a_gpu_newer_than_tensorflow_is_noted():
    sentence = "RTX 5090 has compute capability 12.0, and TensorFlow 2.21.0 was built for up to 9.0"
    *_, found = device_findings(
        seen(gpu("RTX 5090", (12, 0)), newer=sentence), "", Driver(1, ("RTX 5090",)), {}
    )
    assert (found.status, found.text) == ("note", sentence)
    assert "leaves XLA off" in found.advice


def test_one_of_two_gpus_not_seen():
    driver = Driver(2, (T4, T4))
    *_, found = device_findings(seen(gpu()), NO_LIBRARIES, driver, {})
    assert found.status == "problem"
    assert found.text.startswith("the driver lists 2 GPUs: ")
    *_, found = device_findings(seen(gpu()), "", driver, {"CUDA_VISIBLE_DEVICES": "0"})
    assert found.status == "ok"


def test_no_gpu_is_no_problem():
    found = unseen(Driver(), "x] Could not find cuda drivers on your machine")
    assert (found.status, found.text) == ("ok", "none found; the CPU trains")


@pytest.mark.parametrize("value", ["-1", ""])
def test_hidden_on_purpose(value):
    found = unseen(Driver(1, (T4,)), environment={"CUDA_VISIBLE_DEVICES": value}.items())
    assert found.status == "note"
    assert found.text == f"hidden by CUDA_VISIBLE_DEVICES={value}: {T4}"


def test_not_seen_although_it_is_asked_for():
    found = unseen(
        Driver(1, (T4,)), NO_LIBRARIES, environment={"CUDA_VISIBLE_DEVICES": "0"}.items()
    )
    assert (found.status, found.text) == ("problem", f"TensorFlow sees no GPU; there is {T4}")


@pytest.mark.parametrize(
    ("driver", "words", "text", "advice"),
    [
        (Driver(cards=1), {}, "no driver that answers", "install NVIDIA's driver"),
        (
            Driver(cards=1, error="Failed to initialize NVML: Driver/library version mismatch"),
            {},
            "version mismatch",
            "restart",
        ),
        (Driver(1, (T4,)), {"version": {}.get}, "libraries of CUDA", "pix2pix-tf[gpu]"),
        (Driver(1, (T4,)), {"build": {"is_cuda_build": False}}, "without CUDA", "[gpu]"),
        (Driver(0, (T4,)), {"system": "Windows"}, "under Windows itself", "WSL2"),
        (Driver(wsl=True, wsl_gpu=(True, False)), {}, "WSL shares a GPU", "driver in Windows"),
        (Driver(1, (T4,)), {"messages": NO_LIBRARIES}, T4, "says: Cannot dlopen some GPU"),
        (Driver(1, (T4,)), {}, "TensorFlow sees no GPU", "look at what it says"),
    ],
)
def test_every_reason_is_a_problem_with_its_advice(driver, words, text, advice):
    found = unseen(driver, **words)
    assert found.status == "problem"
    assert text in found.text
    assert advice in found.advice


def write_card(bus, name, vendor, kind):
    (bus / name).mkdir(parents=True)
    (bus / name / "vendor").write_text(f"{vendor}\n")
    (bus / name / "class").write_text(f"{kind}\n")


def script(path, text):
    path.write_text(f"#!/bin/sh\n{text}\n")
    path.chmod(0o755)


@pytest.fixture
def machine(tmp_path, monkeypatch):
    """A bus, and a folder for programs."""
    bus, programs = tmp_path / "bus", tmp_path / "bin"
    bus.mkdir()
    programs.mkdir()
    monkeypatch.setattr(devices, "_PCI", bus)
    monkeypatch.setenv("PATH", str(programs))
    monkeypatch.setattr(devices, "_WSL_LIBRARY", tmp_path / "wsl")
    return bus, programs


def test_cards_on_the_bus(machine):
    bus, _ = machine
    write_card(bus, "0", "0x10de", "0x030000")  # a display
    write_card(bus, "1", "0x10de", "0x030200")  # a 3D controller
    write_card(bus, "2", "0x10de", "0x040300")  # their sound
    write_card(bus, "3", "0x8086", "0x030000")
    assert find_driver() == Driver(cards=2)


def test_what_nvidia_smi_lists(machine):
    _, programs = machine
    script(programs / "nvidia-smi", f"echo '{T4}'; echo '{T4}'")
    assert find_driver() == Driver(gpus=(T4, T4))


def test_what_nvidia_smi_says_instead(machine):
    _, programs = machine
    script(programs / "nvidia-smi", "echo 'NVIDIA-SMI has failed'; exit 9")
    assert find_driver() == Driver(error="NVIDIA-SMI has failed")
