"""The command `pix2pix-tf doctor`."""

from __future__ import annotations

from typing import TYPE_CHECKING, Annotated

import typer
from rich.console import Console

from pix2pix_tf.utils.console import PlainConsole, print_line
from pix2pix_tf.utils.strict_json import strict_json
from pix2pix_tf.utils.text import pluralize

if TYPE_CHECKING:
    from pix2pix_tf.doctor.finding import Examination, Finding

_MARKS = {"ok": "", "note": "note: ", "problem": "PROBLEM: "}


def doctor(
    seconds: Annotated[
        float, typer.Option(min=0, max=600, metavar="N", help="Seconds of the training.")
    ] = 10,
    json: Annotated[bool, typer.Option("--json", help="Print JSON instead of lines.")] = False,
) -> None:
    """Examine this installation: versions, GPUs, XLA, extras, and a short training of the sample.

    The exit code is 1 if there is a problem, and 0 otherwise.
    """
    from pix2pix_tf.doctor.examine import examine

    progress = PlainConsole(stderr=True)

    def advance(stage: str) -> None:
        if progress.is_terminal and not json:
            print_line(progress, f"examining: {stage} ...")

    examination = examine(seconds, advance=advance)
    if json:
        print(strict_json(examination.as_dict()))
    else:
        _print(PlainConsole(), examination)
    if examination.problems:
        raise typer.Exit(1)


def _print(console: Console, examination: Examination) -> None:
    section = None
    for finding in examination.findings:
        if finding.section != section:
            section = finding.section
            print_line(console, section)
        print_line(console, f"  {finding.name}: {_MARKS[finding.status]}{finding.text}")
        if finding.advice and (finding.status != "ok" or _is_missing(finding)):
            print_line(console, f"    {finding.advice}")
    count = len(examination.problems)
    print_line(console, f"{pluralize(count, 'problem')} found" if count else "no problems found")


def _is_missing(finding: Finding) -> bool:
    """Whether an extra is not installed, which is no problem but can be mended."""
    return finding.section == "extras" and not finding.value["installed"]
