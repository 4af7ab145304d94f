"""The commands `pix2pix-tf study ...`."""

from __future__ import annotations

import math
from contextlib import suppress
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Literal, cast

import typer
from rich.console import Console
from rich.table import Table

from pix2pix_tf.cli.options import (
    AxesOption,
    HostOption,
    PortOption,
    parse_display,
    parse_size,
    print_loopback_note,
    print_nested_output_notes,
)
from pix2pix_tf.utils.console import PlainConsole, ProgressBar, print_line
from pix2pix_tf.utils.errors import UserError
from pix2pix_tf.utils.files import expand_home

if TYPE_CHECKING:
    from pix2pix_tf.study.report import Report
    from pix2pix_tf.study.settings import Study

study_app = typer.Typer(
    help="Real-or-fake studies with people, as in the paper.",
    no_args_is_help=True,
)

StudyOption = Annotated[Path, typer.Option("--study", metavar="DIR", help="Folder of the study.")]


@study_app.command("new")
def study_new(
    name: Annotated[str, typer.Option(help="Name of the study.")],
    real: Annotated[Path, typer.Option(metavar="DIR", help="Folder of real images.")],
    fakes: Annotated[
        list[str],
        typer.Option(
            "--fake",
            metavar="NAME=DIR",
            help="Algorithm and its folder of images, named like the real ones. Repeatable.",
        ),
    ],
    output: Annotated[
        Path | None,
        typer.Option(metavar="DIR", help="Output directory, a new one; by default studies/NAME."),
    ] = None,
    inputs: Annotated[
        str,
        typer.Option(
            metavar="same|different",
            help="Whether the two images of a trial belong to the same input.",
        ),
    ] = "same",
    practice: Annotated[
        int, typer.Option(min=0, max=1000, help="Number of practice trials with feedback.")
    ] = 10,
    trials: Annotated[int, typer.Option(min=1, max=1000, help="Number of main trials.")] = 40,
    seconds: Annotated[
        float,
        typer.Option(min=0.05, max=60, help="Time for which each image is shown, in seconds."),
    ] = 1.0,
    size: Annotated[
        str | None,
        typer.Option(
            metavar="N|HEIGHTxWIDTH",
            help="Size to resize all images to; by default they must all have one size.",
        ),
    ] = None,
    real_half: Annotated[
        str | None,
        typer.Option(metavar="A|B", help="The real half, if --real has side-by-side pairs."),
    ] = None,
    display: Annotated[
        str | None,
        typer.Option(
            metavar="N|R,G,B",
            help="Channel that is shown as grey, or three as red, green and blue, counted from 1; "
            "stretched like the real images. By default colours as they are, the first of others.",
        ),
    ] = None,
    axes: Annotated[
        AxesOption | None,
        typer.Option(
            help="Order of the axes of NumPy arrays and of TIFFs of several pages: channels last "
            "(YXC) or first (CYX)."
        ),
    ] = None,
    about: Annotated[
        str | None,
        typer.Option(metavar="TEXT", help="Text of the first page: who asks, whom to contact."),
    ] = None,
    invite: Annotated[
        str | None, typer.Option(metavar="CODE", help="Shared access code of all participants.")
    ] = None,
    invites: Annotated[
        int,
        typer.Option(
            min=0, max=100_000, help="Number of one-time access codes, each for one session."
        ),
    ] = 0,
) -> None:
    """Make a study of folders of real and fake images."""
    from pix2pix_tf.images.display import DisplaySetting
    from pix2pix_tf.study.create import Invitation, create_study
    from pix2pix_tf.study.settings import Protocol

    if inputs not in ("same", "different"):
        raise UserError(f"--inputs {inputs}: expected same or different")
    if real_half not in (None, "A", "B"):
        raise UserError(f"--real-half {real_half}: expected A (left) or B (right)")
    console = PlainConsole()
    with ProgressBar(console, "copying") as progress:
        study = create_study(
            output or Path("studies") / name,
            name,
            real,
            _fakes(fakes),
            protocol=Protocol(
                inputs=cast(Literal["same", "different"], inputs),
                practice=practice,
                trials=trials,
                seconds=seconds,
            ),
            real_half=cast(Literal["A", "B"] | None, real_half),
            axes=None if axes is None else axes.value,
            display=DisplaySetting(parse_display(display)),
            size=parse_size(size, at_most=8192),
            about=about,
            invitation=Invitation(invite, invites),
            advance=progress.advance,
        )
    _print_study(console, study)
    print_nested_output_notes(console, study.folder, [real, *_fakes(fakes).values()])


@study_app.command("serve")
def study_serve(
    study: StudyOption,
    host: HostOption = "127.0.0.1",
    port: PortOption = 8000,
) -> None:
    """Serve a study's web page until Ctrl-C; the same command continues it."""
    from pix2pix_tf.study.serving import serve
    from pix2pix_tf.study.settings import load_study

    console = PlainConsole()
    settings = load_study(study).settings

    def ready(address: str) -> None:
        print_line(console, f"{settings.name}: {address}")
        if settings.invite == "single":
            codes = study / "invites.txt"
            print_line(console, f"Send each participant {address}#CODE with a code of {codes}")
        elif settings.invite == "shared":
            print_line(console, f"Send participants {address}#CODE with the study's invite code")
        else:
            print_line(console, f"Send participants {address}")
        print_loopback_note(console, host)
        print_line(console, "Ctrl-C stops it, and every answer is kept")

    with suppress(KeyboardInterrupt):  # a background process may end without one
        serve(study, host, port, ready)
    print_line(console, f"stopped; for the table: pix2pix-tf study report --study {study}")


@study_app.command("report")
def study_report(
    study: StudyOption,
    csv: Annotated[
        Path | None, typer.Option(metavar="FILE", help="Write the table to this CSV file.")
    ] = None,
    answers: Annotated[
        Path | None, typer.Option(metavar="FILE", help="Write every main trial to this CSV file.")
    ] = None,
    on_time_only: Annotated[
        bool,
        typer.Option(
            "--on-time-only",
            help="Leave out trials whose images were not shown for the right time, or twice.",
        ),
    ] = False,
    tolerance: Annotated[
        float, typer.Option(min=0, help="Tolerance of the display time, in seconds.")
    ] = 0.05,
    seed: Annotated[int, typer.Option(min=0, help="Random seed of the bootstrap.")] = 0,
) -> None:
    """Print how often fakes were labelled real, as in Table 4, with tests of the differences."""
    from pix2pix_tf.study.report import answers_csv, make_report, table_csv
    from pix2pix_tf.utils.files import check_output_files, write_text

    check_output_files(csv=csv, answers=answers)
    report = make_report(study, on_time_only=on_time_only, tolerance=tolerance, seed=seed)
    console = PlainConsole()
    _print_report(console, report, tolerance)
    for file, text in ((csv, table_csv(report)), (answers, answers_csv(report))):
        if file is not None:
            write_text(file, text)
            print_line(console, f"written: {file}")


def _fakes(texts: list[str]) -> dict[str, Path]:
    fakes: dict[str, Path] = {}
    for text in texts:
        name, equals, folder = text.partition("=")
        if not (name and equals and folder):
            raise UserError(f"--fake {text}: expected NAME=DIR, such as L1+cGAN=translated/maps")
        if name in fakes:
            raise UserError(f"--fake {text}: the name {name} is given twice")
        fakes[name] = Path(expand_home(folder))
    return fakes


def _print_study(console: Console, study: Study) -> None:
    settings, protocol = study.settings, study.settings.protocol
    height, width = settings.size
    print_line(
        console,
        f"{study.folder}: {len(settings.images)} inputs, {len(settings.algorithms)} algorithms, "
        f"{width}×{height} (width×height); {protocol.practice} + {protocol.trials} trials of "
        f"{protocol.seconds:g} s, images of {_inputs(protocol.inputs)}",
    )
    if settings.invite == "single":
        print_line(console, f"Invite codes, one a session: {study.invites_file}")
    print_line(console, f"Serve it: pix2pix-tf study serve --study {study.folder}")


def _print_report(console: Console, report: Report, tolerance: float) -> None:
    protocol = report.settings.protocol
    table = Table(
        "",
        "people",
        "trials",
        "% labelled real",
        "± of mean",
        "95% interval",
        title=f"{report.settings.name}: {protocol.trials} trials of {protocol.seconds:g} s, "
        f"images of {_inputs(protocol.inputs)}",
        title_justify="left",
    )
    for row in report.rows:
        fooled = row.fooled
        table.add_row(
            row.algorithm,
            str(row.participants),
            str(row.trials),
            f"{_percent(fooled.mean)} ± {_percent(fooled.standard_deviation)}",
            _percent(fooled.standard_error),
            f"{_percent(fooled.low)}–{_percent(fooled.high)}" if row.participants else "–",
        )
    console.print(table)
    for comparison in report.comparisons:
        p = "–" if math.isnan(comparison.p) else f"{comparison.p:.4f}"
        print_line(
            console,
            f"{comparison.a} less {comparison.b}: {_percent(comparison.difference)}, p = {p}",
        )
    for line in _notes(report, tolerance):
        print_line(console, line)


def _notes(report: Report, tolerance: float) -> list[str]:
    protocol = report.settings.protocol
    what = "left out" if report.left_out else "counted; --on-time-only leaves them out"
    notes = [
        "% labelled real: share of a person's main trials in which the fake was taken for real, "
        "mean ± standard deviation over people.",
        "± of mean, 95% interval: from 10,000 bootstrap samples of people. The ± in Tables 4 and 5 "
        "of the paper is of this kind, to judge by its size.",
        f"Shown for other times than {protocol.seconds:g} ± {tolerance:g} s, or again: "
        f"{report.off_time} of {len(report.answers)} trials, {what}.",
        "Sessions begun and not complete, not counted: "
        f"{', '.join(f'{row.algorithm} {row.incomplete}' for row in report.rows)}.",
    ]
    if report.comparisons:
        notes.append(
            "p: two-sided bootstrap test that the two do not differ: people of both are pooled and "
            "resampled. Not corrected for the number of comparisons.",
        )
    return notes


def _inputs(inputs: str) -> str:
    return "the same input" if inputs == "same" else "different inputs"


def _percent(share: float) -> str:
    return "–" if math.isnan(share) else f"{100 * share:.1f}%"
