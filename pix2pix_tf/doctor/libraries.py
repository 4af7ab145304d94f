"""The installed packages: those that everything needs, and those of the extras."""

from __future__ import annotations

import re
from collections.abc import Callable, Iterable
from importlib import metadata

from packaging.requirements import Requirement

from pix2pix_tf.doctor.finding import Finding, Status
from pix2pix_tf.utils.text import shorten_list

_DISTRIBUTION = "pix2pix-tf"
_EXTRA = re.compile(r'extra == "([^"]+)"')
_DEVELOPMENT = ("dev", "docs")  # extras of who works on the package

Version = Callable[[str], str | None]


def installed_version(name: str) -> str | None:
    """Returns the version of an installed distribution, None if it is not installed."""
    try:
        return metadata.version(name)
    except metadata.PackageNotFoundError:
        return None


def package_findings(
    requirements: Iterable[str] | None = None, version: Version = installed_version
) -> list[Finding]:
    """Judges the packages that the program needs, and those of each extra.

    Args:
        requirements: The requirements of the program; by default those of its installation.
        version: Returns the version of an installed distribution, None if it is not installed.

    Returns:
        A finding for each package, and one for each extra. Packages that are missing, or of a
        version that the program is not made for, are problems; extras that are not installed are
        not.
    """
    if requirements is None:
        requirements = metadata.requires(_DISTRIBUTION) or []
    needed: list[Finding] = []
    extras: dict[str, list[Requirement]] = {}
    for requirement in map(Requirement, requirements):
        extra = _extra(requirement)
        if not _is_for_this_system(requirement, extra):
            continue
        if extra is None:
            needed.append(_package(requirement, version))
        elif extra not in _DEVELOPMENT:
            extras.setdefault(extra, []).extend(_expanded(requirement))
    core = {finding.name for finding in needed}
    return needed + [_extra_finding(name, extras[name], core, version) for name in sorted(extras)]


def _extra(requirement: Requirement) -> str | None:
    """Returns the extra that a requirement belongs to, None if it is needed without any."""
    match = _EXTRA.search(str(requirement.marker))
    return match[1] if match else None


def _is_for_this_system(requirement: Requirement, extra: str | None) -> bool:
    marker = requirement.marker
    return marker is None or marker.evaluate({"extra": extra or ""})


def _expanded(requirement: Requirement) -> list[Requirement]:
    """Returns a requirement and what its own extras require, such as those of TensorFlow."""
    found = [requirement]
    try:
        others = metadata.requires(requirement.name) if requirement.extras else None
    except metadata.PackageNotFoundError:
        return found
    for other in map(Requirement, others or []):
        extra = _extra(other)
        if extra in requirement.extras and _is_for_this_system(other, extra):
            found.append(other)
    return found


def _fault(requirement: Requirement, version: Version) -> str | None:
    """Says what is wrong with the package of a requirement, None if nothing is."""
    found = version(requirement.name)
    if found is None:
        return f"{requirement.name} is not installed"
    if not requirement.specifier.contains(found, prereleases=True):
        return f"{requirement.name} {found}, and pix2pix-tf is made for {requirement.specifier}"
    return None


def _package(requirement: Requirement, version: Version) -> Finding:
    found, fault = version(requirement.name), _fault(requirement, version)
    if fault is None:
        return Finding("packages", requirement.name, str(found), value=found)
    return Finding(
        "packages",
        requirement.name,
        fault,
        "problem",
        f"pip install '{requirement.name}{requirement.specifier}'",
        found,
    )


def _extra_finding(
    name: str, requirements: list[Requirement], core: set[str], version: Version
) -> Finding:
    found = {each.name: version(each.name) for each in requirements if each.name not in core}
    missing = [package for package, number in found.items() if number is None]
    value = {"installed": not missing, "packages": found}
    install = f"pip install 'pix2pix-tf[{name}]'"
    if missing:
        # An extra of which nothing is there was never asked for.
        status: Status = "ok" if len(missing) == len(found) else "note"
        text = f"not installed: {shorten_list(missing)}"
        return Finding("extras", name, text, status, install, value)
    faults = [fault for each in requirements if (fault := _fault(each, version)) is not None]
    if faults:
        return Finding("extras", name, "; ".join(faults), "problem", install, value)
    text = ", ".join(f"{package} {number}" for package, number in found.items())
    return Finding("extras", name, text, value=value)
