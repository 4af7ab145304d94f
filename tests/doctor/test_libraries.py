"""Packages and extras, with installations that are made up."""

from importlib import metadata

from pix2pix_tf.doctor.libraries import installed_version, package_findings

REQUIREMENTS = [
    "numpy>=1.26",
    "tensorflow<2.22,>=2.18",
    'tomli>=2; python_version < "3.0"',
    'pydicom>=3.0; extra == "medical"',
    'nibabel>=5.3; extra == "medical"',
    'imagecodecs>=2024.9; extra == "scientific"',
    'winlib>=1; sys_platform == "amiga" and extra == "scientific"',
    'ruff>=0.8; extra == "dev"',
    'sphinx>=8; extra == "docs"',
]


def findings(**installed):
    versions = {"numpy": "2.1.0", "tensorflow": "2.21.0", **installed}
    return {each.name: each for each in package_findings(REQUIREMENTS, versions.get)}


def test_packages_have_their_versions():
    found = findings()
    assert (found["numpy"].text, found["numpy"].status) == ("2.1.0", "ok")
    assert list(found) == ["numpy", "tensorflow", "medical", "scientific"]


def test_a_missing_or_unfit_package_is_a_problem():
    found = findings(numpy=None, tensorflow="2.23.0")
    assert (found["numpy"].status, found["numpy"].text) == ("problem", "numpy is not installed")
    assert found["numpy"].advice == "pip install 'numpy>=1.26'"
    assert found["tensorflow"].status == "problem"
    assert found["tensorflow"].text == (
        "tensorflow 2.23.0, and pix2pix-tf is made for <2.22,>=2.18"
    )
    assert findings(tensorflow="2.21.0rc1")["tensorflow"].status == "ok"


def test_extras_that_nobody_asked_for_are_no_problem():
    found = findings()["medical"]
    assert (found.status, found.text) == ("ok", "not installed: pydicom, nibabel")
    assert found.advice == "pip install 'pix2pix-tf[medical]'"
    assert found.value == {"installed": False, "packages": {"pydicom": None, "nibabel": None}}


def test_half_an_extra_is_noted():
    found = findings(pydicom="3.0.1")["medical"]
    assert (found.status, found.text) == ("note", "not installed: nibabel")


def test_a_whole_extra_has_its_versions():
    found = findings(imagecodecs="2025.3")["scientific"]  # winlib is for another system
    assert (found.status, found.text, found.advice) == ("ok", "imagecodecs 2025.3", "")


def test_an_old_package_of_an_extra_is_a_problem():
    found = findings(imagecodecs="2023.1")["scientific"]
    assert (found.status, found.advice) == ("problem", "pip install 'pix2pix-tf[scientific]'")
    assert found.text == "imagecodecs 2023.1, and pix2pix-tf is made for >=2024.9"


def test_extras_of_packages_are_those_of_their_own(monkeypatch):
    """As of `tensorflow[and-cuda]`, whose own package is always there."""
    needed = ['nvidia-cudnn-cu12>=9; extra == "and-cuda"', 'other>=1; extra == "else"', "six"]
    monkeypatch.setattr(metadata, "requires", {"tensorflow": needed}.get)
    requirements = ["tensorflow>=2.18", 'tensorflow[and-cuda]>=2.18; extra == "gpu"']
    for cudnn, status in ((None, "ok"), ("9.3", "ok"), ("8.9", "problem")):
        versions = {"tensorflow": "2.21.0", "nvidia-cudnn-cu12": cudnn}
        _, found = package_findings(requirements, versions.get)
        assert (found.name, found.status) == ("gpu", status)
        assert found.value == {
            "installed": cudnn is not None,
            "packages": {"nvidia-cudnn-cu12": cudnn},
        }


def test_the_installation_of_these_tests():
    found = package_findings()
    assert [each.name for each in found if each.status == "problem"] == []
    names = {each.name for each in found if each.section == "packages"}
    assert {"tensorflow", "keras", "numpy", "typer"} <= names
    extras = {each.name for each in found if each.section == "extras"}
    assert {"edges", "formats", "medical", "gpu", "serve"} <= extras
    assert not {"dev", "docs"} & extras
    assert installed_version("no-such-package") is None
