"""The commands `pix2pix-tf data edges`, `derive` and `sketch`: inputs made of other pictures."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from pix2pix_tf.cli.options import start_tensorflow
from pix2pix_tf.utils.console import PlainConsole, counting, print_line
from pix2pix_tf.utils.errors import UserError

if TYPE_CHECKING:
    import numpy as np

    Derive = Callable[[np.ndarray, str], np.ndarray]

InputOption = Annotated[
    Path, typer.Option("--input", metavar="FOLDER", help="Photographs, with sub-folders.")
]
OutputOption = Annotated[Path, typer.Option(metavar="DIR", help="A new folder.")]


def add_commands(app: typer.Typer) -> None:
    """Adds the commands of this file to `pix2pix-tf data`."""
    for name, command in (("edges", _edges), ("derive", _derive), ("sketch", _sketch)):
        app.command(name)(command)


def _edges(
    photos: InputOption,
    output: OutputOption,
    network: Annotated[
        Path | None,
        typer.Option(
            metavar="FILE",
            help="A trained HED, ONNX or SavedModel: the paper's edges, not Canny's.",
        ),
    ] = None,
    shift: Annotated[
        int, typer.Option(help="Pixels by which that network's map lies off: 35 for some copies.")
    ] = 0,
    sigma: Annotated[float, typer.Option(help="Of Canny: larger draws fewer lines.")] = 2.0,
) -> None:
    """Write pairs for edges→photo: edges | photograph."""
    if network is not None:
        start_tensorflow()
    _write_pairs(photos, output, lambda: _edges_of(network, shift, sigma))


def _edges_of(network: Path | None, shift: int, sigma: float) -> Derive:
    from pix2pix_tf.data.derived.edges import canny_edges, hed_edges

    if network is None:
        return lambda photo, _: canny_edges(photo, sigma)
    from pix2pix_tf.data.derived.hed_network import load_edge_network

    edge_map = load_edge_network(network, shift)
    return lambda photo, _: hed_edges(edge_map(photo), photo.shape[:2])


def _derive(
    kind: Annotated[
        str,
        typer.Argument(metavar="KIND", help="grey, lightness, centre_mask or random_mask."),
    ],
    photos: InputOption,
    output: OutputOption,
    seed: Annotated[int, typer.Option(min=0, help="Of random masks.")] = 0,
) -> None:
    """Write pairs made of photographs: what is left of each | the photograph."""
    _write_pairs(photos, output, lambda: _derivation(kind, seed))


def _derivation(kind: str, seed: int) -> Derive:
    from pix2pix_tf.data.derived.inputs import DERIVATIONS, fixed_mask_seed, make_input

    kinds = [name for name in DERIVATIONS if name != "edges"]
    if kind not in kinds:
        raise UserError(f"{kind}: expected {', '.join(kinds)}; for edges there is data edges")
    return lambda photo, name: make_input(kind, photo, fixed_mask_seed(seed, name))


def _write_pairs(photos: Path, output: Path, derivation: Callable[[], Derive]) -> None:
    from pix2pix_tf.data.layout.layout import note_on_written_pairs
    from pix2pix_tf.images.listing import list_folder, listing_notes
    from pix2pix_tf.preparation.deriving import write_derived_pairs
    from pix2pix_tf.utils.output_folder import nested_output_notes

    console = PlainConsole()
    with counting(console, "deriving") as counter:
        derived = write_derived_pairs(photos, output, derivation(), counter.advance)
    notes = [*listing_notes([list_folder(photos)]), *derived.notes, *note_on_written_pairs(output)]
    for line in notes:
        print_line(console, line)
    print_line(console, f"{derived.count} pairs in {output}")
    for note in nested_output_notes(output, [photos]):
        print_line(console, note)


def _sketch(
    drawings: Annotated[
        Path, typer.Option("--input", metavar="FOLDER", help="Drawings: dark lines, light paper.")
    ],
    output: OutputOption,
    size: Annotated[int, typer.Option(min=16, max=8192, help="Pixels a side.")] = 256,
) -> None:
    """Clean drawings by hand for an edges→photo model: thin lines, centred, no specks."""
    from pix2pix_tf.images.listing import list_folder, listing_notes
    from pix2pix_tf.preparation.sketch import clean_sketches
    from pix2pix_tf.utils.output_folder import nested_output_notes

    console = PlainConsole()
    with counting(console, "cleaning") as counter:
        done = clean_sketches(drawings, output, size, counter.advance)
    for line in listing_notes([list_folder(drawings)]):
        print_line(console, line)
    print_line(console, f"{done} drawings in {output}")
    for note in nested_output_notes(output, [drawings]):
        print_line(console, note)
