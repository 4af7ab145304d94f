"""The result of an examination."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import asdict, dataclass
from typing import Any, Literal, TypeAlias

Status: TypeAlias = Literal["ok", "note", "problem"]


@dataclass(frozen=True)
class Finding:
    """One line of an examination.

    Attributes:
        section: What it is about: `system`, `packages`, `tensorflow`, `gpu`, `xla`, `training` or
            `extras`.
        name: Name of the finding within its section.
        text: What was found, in words.
        status: `ok`; `note`, for what limits a use; `problem`, for what should be mended.
        advice: What to do about it; empty if there is nothing to do.
        value: The same as a value for JSON, where the words are not enough.
    """

    section: str
    name: str
    text: str
    status: Status = "ok"
    advice: str = ""
    value: Any = None


@dataclass(frozen=True)
class Examination:
    """All findings of an examination.

    Attributes:
        findings: The findings, by sections.
    """

    findings: Sequence[Finding]

    @property
    def problems(self) -> list[Finding]:
        """The findings to be mended."""
        return [finding for finding in self.findings if finding.status == "problem"]

    def as_dict(self) -> dict[str, Any]:
        """Converts the examination to values for JSON."""
        return {
            "healthy": not self.problems,
            "findings": [asdict(finding) for finding in self.findings],
        }
