from collections import namedtuple

import pytest

from pix2pix_tf.doctor import system
from pix2pix_tf.doctor.system import system_findings


def findings(*words):
    return {each.name: each for each in system_findings(*words)}


def test_this_machine_has_no_problem(tmp_path):
    found = findings(tmp_path)
    assert {each.status for each in found.values()} <= {"ok", "note"}
    assert found["memory"].value["total"] > 2**30
    assert "GiB, of which" in found["memory"].text
    assert str(tmp_path) in found["disk"].text


@pytest.mark.parametrize(
    ("version", "bits", "status"),
    [
        ((3, 9), 64, "problem"),
        ((3, 10), 64, "ok"),
        ((3, 13), 64, "ok"),
        ((3, 14), 64, "problem"),
        ((3, 12), 32, "problem"),
    ],
)
def test_supported_pythons(tmp_path, version, bits, status):
    found = findings(tmp_path, version, bits)["Python"]
    assert found.status == status
    assert ("3.10 to 3.13 of 64 bits" in found.advice) is (status == "problem")


@pytest.mark.parametrize(("free", "status"), [(2**30, "note"), (2**31, "ok")])
def test_little_disk_is_noted(tmp_path, monkeypatch, free, status):
    usage = namedtuple("usage", "total used free")
    monkeypatch.setattr(system.shutil, "disk_usage", lambda folder: usage(2**40, 0, free))
    found = findings(tmp_path)["disk"]
    assert (found.status, found.value) == (status, free)
    assert found.text.startswith(f"{free / 2**30:.1f} GiB free in")
