"""The `pix2pix-tf` command: parse, call one function of the library, print."""

from __future__ import annotations

import os
import sys
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, NoReturn

import typer
from rich.console import Console
from rich.table import Table

from pix2pix_tf.cli import benchmark as cli_benchmark
from pix2pix_tf.cli import demo as cli_demo
from pix2pix_tf.cli import derive as cli_derive
from pix2pix_tf.cli import evaluate as cli_evaluate
from pix2pix_tf.cli import reproduce as cli_reproduce
from pix2pix_tf.cli import segmenter as cli_segmenter
from pix2pix_tf.cli.data import data_app
from pix2pix_tf.cli.options import (
    CheckpointOption,
    DataChangedOption,
    DataSettingsOption,
    OverridesOption,
    RunOption,
    check_no_empty_argument,
    default_output_directory,
    expand_home_directories,
    expand_repeated_set,
    parse_checkpoint,
    start_tensorflow,
)
from pix2pix_tf.cli.study import study_app
from pix2pix_tf.utils.console import PlainConsole, counting, format_number, print_line
from pix2pix_tf.utils.errors import UserError, WorkerLostError
from pix2pix_tf.utils.files import disk_error_reason
from pix2pix_tf.utils.memory_errors import out_of_memory
from pix2pix_tf.utils.output import (
    guarded_output,
    is_broken_pipe,
    is_closed_terminal,
    open_closed_streams,
)
from pix2pix_tf.utils.system import CLOSED_PIPE
from pix2pix_tf.utils.text import make_streams_tolerant, pluralize, printable
from pix2pix_tf.version import __version__

if TYPE_CHECKING:
    from pix2pix_tf.config.schema import Config
    from pix2pix_tf.evaluation.metrics.pixel import Scores
    from pix2pix_tf.exporters import Exported
    from pix2pix_tf.training import TrainingResult

app = typer.Typer(
    help="Image-to-image translation with conditional adversarial networks (pix2pix).",
    no_args_is_help=True,
    add_completion=False,
    pretty_exceptions_enable=False,
    context_settings={"help_option_names": ["-h", "--help"]},
)
cli_derive.add_commands(data_app)
app.add_typer(data_app, name="data")
app.add_typer(study_app, name="study")


def _print_version(asked: bool) -> None:
    if asked:
        print(__version__)
        raise typer.Exit


@app.callback()
def _root(
    version: Annotated[
        bool,
        typer.Option(
            "--version", callback=_print_version, is_eager=True, help="Print the version and leave."
        ),
    ] = False,
) -> None:
    pass


@app.command()
def train(
    config: Annotated[
        str | None,
        typer.Option(
            help="A YAML file or the name of a shipped config; a run has its own.",
            metavar="FILE|NAME",
        ),
    ] = None,
    run: Annotated[
        Path | None,
        typer.Option(
            "--run",
            help="Where to train; default runs/NAME, by the folder of --set data.root, else by the "
            "config.",
            metavar="DIR",
        ),
    ] = None,
    overrides: OverridesOption = None,
    fresh: Annotated[
        int,
        typer.Option(
            "--fresh",
            count=True,
            metavar="",
            show_default=False,
            help="Start over; give it twice to delete what is there.",
        ),
    ] = 0,
    data_changed: DataChangedOption = False,
) -> None:
    """Train, or resume what the run directory holds."""
    settings, run_dir = _experiment(config, run, overrides or [])
    start_tensorflow(devices=False)
    from pix2pix_tf.training import find_cluster
    from pix2pix_tf.training import train as train_run

    cluster = find_cluster(os.environ)
    if fresh and (cluster is None or cluster.me == cluster.chief):
        _start_over(run_dir, fresh)
    console = PlainConsole()
    result = train_run(settings, run_dir, console=console, data_changed=data_changed)
    if result.interrupted is not None:
        raise typer.Exit(128 + result.interrupted)
    if cluster is None or cluster.me == cluster.chief:
        _print_outcome(console, run_dir, result)


@app.command()
def translate(
    run: RunOption,
    inputs: Annotated[
        list[str],
        typer.Option("--input", metavar="FILE|FOLDER|GLOB", help="What to translate. Repeatable."),
    ],
    output: Annotated[Path, typer.Option(metavar="DIR", help="Where NAME.png of each input goes.")],
    more: Annotated[
        list[str] | None,
        typer.Argument(metavar="FILE", help="More inputs, as a shell expands a pattern."),
    ] = None,
    pairs: Annotated[
        bool | None,
        typer.Option(
            "--pairs/--no-pairs",
            help="Whether inputs are side-by-side pairs; by default those of twice the width are, "
            "if the run was trained on such.",
        ),
    ] = None,
    derive: Annotated[
        bool,
        typer.Option(
            "--derive",
            help="Inputs are photographs: draw their edges or cut holes into them as in training.",
        ),
    ] = False,
    dropout: Annotated[
        bool, typer.Option("--dropout/--no-dropout", help="The paper's noise at test time.")
    ] = True,
    seed: Annotated[
        int | None,
        typer.Option(min=0, max=2**31 - 1, help="Make the dropout repeatable."),
    ] = None,
    tile: Annotated[
        int | None,
        typer.Option(
            help="Translate what is larger in tiles of N×N pixels, for less memory and more time; "
            "512 is a good one, any multiple of 64 from 256 on will do.",
            metavar="N",
        ),
    ] = None,
    max_pixels: Annotated[
        int | None,
        typer.Option(
            min=1,
            help="Decode images of up to N pixels at once; by default 178,956,970, since a small "
            "file may claim any number. With --tile, TIFFs are read by their strips or tiles.",
            metavar="N",
        ),
    ] = None,
    overwrite: Annotated[
        bool,
        typer.Option("--overwrite", help="Translate what is there already anew, too."),
    ] = False,
    checkpoint: CheckpointOption = "newest",
) -> None:
    """Translate pictures of any size with a trained run; the same command again resumes.

    Exit code 1: some inputs could not be translated, which are listed.
    """
    start_tensorflow()
    from pix2pix_tf.images.io import PIXELS_AT_MOST
    from pix2pix_tf.inference.files import translate_files
    from pix2pix_tf.inference.inputs import find_inputs
    from pix2pix_tf.inference.translator import Translator

    translator = Translator(run, checkpoint=parse_checkpoint(checkpoint))
    found = find_inputs(
        [*inputs, *(more or [])], translator.source, output=output, pairs=pairs, derive=derive
    )
    console = PlainConsole()
    for note in found.notes:
        print_line(console, note)
    try:
        with counting(console, "translating") as counter:
            done = translate_files(
                translator,
                found,
                output,
                dropout=dropout,
                seed=seed,
                tile=tile,
                overwrite=overwrite,
                max_pixels=max_pixels or PIXELS_AT_MOST,
                advance=counter.advance,
            )
    except KeyboardInterrupt:
        print_line(console, f"stopped: the same command goes on with what is missing in {output}")
        raise
    for note in done.notes:
        print_line(console, note)
    made = pluralize(len(done.written), "translation")
    print_line(console, f"{made} of step {translator.step} in {output}")
    if done.problems:
        print_line(console, f"{len(done.problems)} of {len(found.paths)} could not be translated:")
        for problem in done.problems:
            print_line(console, f"  {problem}")
        raise typer.Exit(1)


@app.command()
def export(
    run: RunOption,
    format: Annotated[str, typer.Option(help="What to make.", metavar="saved_model|tflite|web")],
    output: Annotated[Path, typer.Option(metavar="DIR", help="Where to.")],
    name: Annotated[
        str | None, typer.Option(help="The model's name; default: the run's.", metavar="NAME")
    ] = None,
    precision: Annotated[
        str | None,
        typer.Option(
            help="tflite (default float32) and web (default float16).",
            metavar="float32|float16|dynamic|int8",
        ),
    ] = None,
    size: Annotated[
        str | None,
        typer.Option(
            help="tflite and web: the pictures' size; default: that of training.",
            metavar="N|HEIGHTxWIDTH",
        ),
    ] = None,
    resizable: Annotated[
        bool, typer.Option("--resizable", help="tflite: leave height and width open.")
    ] = False,
    uint8: Annotated[
        bool, typer.Option("--uint8", help="tflite: uint8 in and out, not float32 in 0..255.")
    ] = False,
    checkpoint: CheckpointOption = "newest",
    images: Annotated[int, typer.Option(min=1, help="Pictures to compare on, at most.")] = 20,
    pictures: Annotated[
        Path | None,
        typer.Option(
            metavar="FOLDER",
            help="Inputs to compare on instead of the run's data, or photographs it makes them of.",
        ),
    ] = None,
    overrides: DataSettingsOption = None,
) -> None:
    """Export a run, and prove that the export computes the same pictures."""
    start_tensorflow()
    from pix2pix_tf.exporters import export as export_run

    console = PlainConsole()
    with counting(console, "exporting") as counter:
        exported = export_run(
            run,
            format,
            output,
            name=name,
            precision=precision,
            size=_size(size),
            resizable=resizable,
            uint8=uint8,
            checkpoint=parse_checkpoint(checkpoint),
            images=images,
            pictures=pictures,
            overrides=overrides or [],
            advance=counter.advance,
        )
    console.print(_parity_table(exported))
    megabytes = exported.bytes / 1e6
    print_line(console, f"{exported.folder}: {megabytes:.1f} MB; report in export.json")


@app.command("import")
def import_(
    generator: Annotated[
        Path,
        typer.Argument(metavar="FILE", help="The generator's weights, such as latest_net_G.pth."),
    ],
    run: Annotated[Path, typer.Option("--run", metavar="DIR", help="A new run directory.")],
    source: Annotated[
        str, typer.Option("--from", metavar="torch", help="Where they come from.")
    ] = "torch",
    discriminator: Annotated[
        Path | None,
        typer.Option(
            metavar="FILE", help="The discriminator's, to train on; else it starts fresh."
        ),
    ] = None,
    key: Annotated[
        str | None,
        typer.Option(
            metavar="KEY", help="Where in a file with several generators it lies, such as netG."
        ),
    ] = None,
    discriminator_key: Annotated[
        str | None, typer.Option(metavar="KEY", help="Likewise of the discriminator.")
    ] = None,
    config: Annotated[
        str, typer.Option(help="For the data and the training.", metavar="FILE|NAME")
    ] = "facades",
    overrides: Annotated[
        list[str] | None,
        typer.Option("--set", help="Override a key of it. Repeatable.", metavar="KEY=VALUE"),
    ] = None,
) -> None:
    """Make a run of weights of the authors' PyTorch program, to translate, export, train on."""
    if source != "torch":
        raise UserError(f"--from {source}: expected torch")
    start_tensorflow()
    from pix2pix_tf.importing import import_weights

    console = PlainConsole()
    imported = import_weights(
        generator,
        run,
        discriminator_file=discriminator,
        config=config,
        overrides=overrides or [],
        key=key,
        discriminator_key=discriminator_key,
    )
    names = f"{imported.generator}, discriminator {imported.discriminator or 'fresh'}"
    for line in (f"{imported.run}: {names}", *imported.notes):
        print_line(console, line)


cli_benchmark.add_commands(app)
cli_demo.add_commands(app)
cli_evaluate.add_commands(app)
cli_reproduce.add_commands(app)
cli_segmenter.add_commands(app)


def _experiment(config: str | None, run: Path | None, overrides: list[str]) -> tuple[Config, Path]:
    """The config and the run directory that a train command means."""
    from pix2pix_tf.config.files import is_overridden
    from pix2pix_tf.config.schema import load_config
    from pix2pix_tf.runs.data import located
    from pix2pix_tf.runs.run import Run

    if config is not None:
        settings = load_config(config, overrides)
        return settings, run or default_output_directory("runs", config, settings.data, overrides)
    if run is None:
        raise UserError("train: give --config FILE|NAME to start, or --run DIR to resume")
    stored = Run(run)
    stored.load_config()  # says what is wrong when there is no run
    settings = load_config(stored.config_file, overrides)
    return settings if is_overridden(overrides, "data.root") else located(stored, settings), run


def _start_over(run_dir: Path, times: int) -> None:
    from pix2pix_tf.runs.lock import run_lock
    from pix2pix_tf.runs.run import Run

    run = Run(run_dir)
    if not run.exists():
        return
    if times < 2:
        raise UserError(
            f"run {run_dir}: --fresh would delete the training it holds; "
            "give --fresh --fresh to do so, or choose another --run"
        )
    with run_lock(run_dir):
        run.delete()


def _size(text: str | None) -> int | tuple[int, int] | None:
    if text is None:
        return None
    sides = text.lower().split("x")
    if len(sides) > 2 or not all(side.isdecimal() for side in sides):
        raise UserError(f"--size {text}: expected a number, or HEIGHTxWIDTH such as 256x512")
    return int(sides[0]) if len(sides) == 1 else (int(sides[0]), int(sides[1]))


def _print_outcome(console: Console, run_dir: Path, result: TrainingResult) -> None:
    columns = {}
    if result.before:
        columns["before"] = result.before
    if result.after:
        columns[f"step {result.step}"] = result.after
    console.print()
    console.print(_score_table("validation", columns))
    lines = (
        f"Sheets of input | output | target: {run_dir / 'samples'}",
        f"Curves:                            tensorboard --logdir {run_dir / 'logs'}",
        f"Translate pictures of your own:    pix2pix-tf translate --run {run_dir} --input FOLDER "
        "--output FOLDER",
        f"Train on:                          pix2pix-tf train --run {run_dir} --set "
        f"training.steps={2 * result.step}",
    )
    for line in lines:
        print_line(console, line)


def _score_table(title: str, columns: dict[str, Scores]) -> Table:
    from pix2pix_tf.evaluation.metrics.descriptions import DESCRIPTIONS

    table = Table("", *columns, "", title=title, title_justify="left")
    for name, meaning in DESCRIPTIONS.items():
        if all(name in scores for scores in columns.values()):
            values = (format_number(scores[name]) for scores in columns.values())
            table.add_row(name, *values, meaning)
    return table


def _parity_table(exported: Exported) -> Table:
    pictures = pluralize(exported.parity[0].images, "picture")
    title = f"compared with translate on {pictures}; errors in grey levels of 255"
    columns = ("max", "mean", "SSIM", "ms an image", "translate's", "allowed")
    table = Table("", *columns, title=title, title_justify="left")
    for parity in exported.parity:
        table.add_row(
            parity.variant,
            str(parity.max_error),
            f"{parity.mean_error:.3f}",
            f"{parity.ssim:.4f}",
            f"{parity.milliseconds:.1f}",
            f"{parity.translate_milliseconds:.1f}",
            str(parity.limit),
        )
    return table


def main() -> NoReturn:
    """Runs the command; what the user can mend is one message and exit code 2, no traceback."""
    open_closed_streams()
    make_streams_tolerant()
    with guarded_output(_output_failed):
        _run_command()


def _output_failed(error: OSError) -> None:
    """Ends as programs do whose output nobody reads; without a terminal the work goes on."""
    if is_broken_pipe(error):
        sys.exit(128 + CLOSED_PIPE)
    if not is_closed_terminal(error):
        raise error


def _run_command() -> NoReturn:
    try:
        try:
            check_no_empty_argument(sys.argv[1:])
            app(args=expand_home_directories(expand_repeated_set(sys.argv[1:])))
        except SystemExit:
            sys.stdout.flush()  # here, where it is known what to do if that fails
            raise
    except UserError as error:
        _fail(str(error))
    except WorkerLostError as error:
        print(f"pix2pix-tf: {printable(str(error))}", file=sys.stderr, flush=True)
        # Without TensorFlow's own end, which would wait for the lost one.
        os._exit(error.exit_code)
    except OSError as error:
        if out_of_memory(error):
            _fail(_too_little_memory(sys.argv[1:]))
        reason = error.strerror or str(error)
        _fail(f"{error.filename}: {reason}" if error.filename else reason)
    except KeyboardInterrupt:
        sys.exit(130)
    except Exception as error:
        if out_of_memory(error):
            _fail(_too_little_memory(sys.argv[1:]))
        if disk_error_reason(error) is None:
            raise
        _fail(str(error).splitlines()[0])  # TensorFlow's
    sys.exit(0)


# What makes a command take less memory.
_LESS_MEMORY = {
    "translate": "give --tile 512 to translate in tiles",
    "evaluate": "hide a GPU that is too small with CUDA_VISIBLE_DEVICES=-1",
    "export": "give a smaller --size, or fewer --images",
    "demo": "hide a GPU that is too small with CUDA_VISIBLE_DEVICES=-1",
}


def _too_little_memory(words: list[str]) -> str:
    command = words[0] if words else ""
    advice = _LESS_MEMORY.get(command)
    return (
        f"{command}: there is too little memory for it; {f'{advice}, or ' if advice else ''}"
        "end other programs that use it"
    )


def _fail(message: str) -> NoReturn:
    print(f"pix2pix-tf: {printable(message)}", file=sys.stderr)
    sys.exit(2)
