"""The `pix2pix-tf` command: its subcommands, error handling and exit codes."""

from __future__ import annotations

import os
import sys
from typing import Annotated, NoReturn

import typer

from pix2pix_tf.cli.benchmark import benchmark
from pix2pix_tf.cli.data import data_app
from pix2pix_tf.cli.demo import demo
from pix2pix_tf.cli.doctor import doctor
from pix2pix_tf.cli.evaluate import evaluate
from pix2pix_tf.cli.export import export
from pix2pix_tf.cli.import_ import import_
from pix2pix_tf.cli.options import (
    add_commands,
    check_no_empty_argument,
    expand_home_directories,
    expand_repeated_set,
)
from pix2pix_tf.cli.reproduce import reproduce
from pix2pix_tf.cli.segmenter import train_segmenter
from pix2pix_tf.cli.study import study_app
from pix2pix_tf.cli.train import train
from pix2pix_tf.cli.translate import translate
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
from pix2pix_tf.utils.text import make_streams_tolerant, printable
from pix2pix_tf.version import __version__

app = typer.Typer(
    help="Image-to-image translation with conditional adversarial networks (pix2pix).",
    no_args_is_help=True,
    pretty_exceptions_enable=False,
    context_settings={"help_option_names": ["-h", "--help"]},
)


def _print_version(asked: bool) -> None:
    if asked:
        print(__version__)
        raise typer.Exit


@app.callback()
def _root(
    version: Annotated[
        bool,
        typer.Option(
            "--version", callback=_print_version, is_eager=True, help="Print the version and exit."
        ),
    ] = False,
) -> None:
    pass


add_commands(
    app,
    {
        "train": train,
        "translate": translate,
        "evaluate": evaluate,
        "export": export,
        "import": import_,
        "demo": demo,
        "reproduce": reproduce,
        "train-segmenter": train_segmenter,
        "benchmark": benchmark,
        "doctor": doctor,
    },
)
app.add_typer(data_app, name="data")
app.add_typer(study_app, name="study")


def main() -> NoReturn:
    """Runs the command; errors of the user are printed without a traceback, with exit code 2."""
    open_closed_streams()
    make_streams_tolerant()
    with guarded_output(_output_failed):
        _run_command()


def _output_failed(error: OSError) -> None:
    """Exits on a broken pipe with the usual exit code; continues if the terminal was closed."""
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
            sys.stdout.flush()  # errors of flushing are handled here, but not at exit
            raise
    except UserError as error:
        _fail(str(error))
    except WorkerLostError as error:
        print(f"pix2pix-tf: {printable(str(error))}", file=sys.stderr, flush=True)
        # TensorFlow's shutdown is skipped, since it would wait for the lost worker.
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
        _fail(str(error).splitlines()[0])  # TensorFlow's message
    sys.exit(0)


# Advice on how to reduce the memory of each command.
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
