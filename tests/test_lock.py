"""The lock file of development and CI: it has what pyproject.toml asks for, as pip wants it."""

import re
import sys
from pathlib import Path

import pytest
from packaging.markers import default_environment
from packaging.requirements import Requirement
from packaging.utils import canonicalize_name

if sys.version_info >= (3, 11):
    import tomllib
else:
    import tomli as tomllib

ROOT = Path(__file__).parents[1]
LOCK = ROOT / "requirements-dev.lock"
AGAIN = "pyproject.toml has changed since: run make lock"


def wanted():
    """What is to be installed for development, by pyproject.toml."""
    project = tomllib.loads((ROOT / "pyproject.toml").read_text())["project"]
    lines = project["dependencies"] + project["optional-dependencies"]["dev"]
    return [Requirement(line) for line in lines]


def entries():
    """Each pinned version with what else stands under it."""
    text = re.sub(r"\A(#.*\n)+", "", LOCK.read_text())
    return [
        (Requirement(entry.partition("\\")[0]), entry)
        for entry in re.split(r"\n(?=[a-z0-9])", text.strip())
    ]


def version_of(requirement):
    (pin,) = requirement.specifier
    assert pin.operator == "=="
    return pin.version


@pytest.mark.parametrize("python", ["3.10", "3.11", "3.12", "3.13"])
def test_every_python_gets_one_version_of_each_as_pyproject_has_it(python):
    environment = {
        **default_environment(),
        "python_version": python,
        "python_full_version": f"{python}.9",
    }
    pinned = {}
    for requirement, _ in entries():
        if requirement.marker is None or requirement.marker.evaluate(environment):
            name = canonicalize_name(requirement.name)
            assert name not in pinned
            pinned[name] = version_of(requirement)
    for requirement in wanted():
        version = pinned.get(canonicalize_name(requirement.name))
        assert version is not None, f"{requirement} is not in {LOCK.name}: {AGAIN}"
        assert requirement.specifier.contains(version), f"{requirement} and {version}: {AGAIN}"


def test_nothing_is_there_that_pyproject_does_not_ask_for_any_more():
    asked = {
        canonicalize_name(requirement.name)
        for requirement, entry in entries()
        if "pix2pix-tf (pyproject.toml)" in entry
    }
    assert asked == {canonicalize_name(requirement.name) for requirement in wanted()}, AGAIN


def test_everything_has_hashes_and_nothing_an_address():
    for requirement, entry in entries():
        assert re.search(r"--hash=sha256:[0-9a-f]{64}", entry), requirement
        assert requirement.url is None
    assert "://" not in LOCK.read_text()
