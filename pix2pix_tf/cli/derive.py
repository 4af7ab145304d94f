"""The commands `pix2pix-tf data edges`, `derive` and `sketch`: inputs derived from images."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from pix2pix_tf.cli.options import NewFolderOption, print_nested_output_notes, start_tensorflow
from pix2pix_tf.utils.console import PlainConsole, ProgressBar, print_line
from pix2pix_tf.utils.errors import UserError

if TYPE_CHECKING:
    import numpy as np

    Derive = Callable[[np.ndarray, str], np.ndarray]

InputOption = Annotated[
    Path, typer.Option("--input", metavar="FOLDER", help="Folder of photographs, with sub-folders.")
]


def edges(
    photos: InputOption,
    output: NewFolderOption,
    network: Annotated[
        Path | None,
        typer.Option(
            metavar="FILE",
            help="Trained HED network, ONNX or SavedModel: the paper's edges, not Canny's.",
        ),
    ] = None,
    shift: Annotated[
        int, typer.Option(help="Offset of that network's edge map in pixels: 35 for some copies.")
    ] = 0,
    sigma: Annotated[
        float, typer.Option(help="Gaussian sigma of Canny: a larger one draws fewer lines.")
    ] = 2.0,
) -> None:
    """Write edges→photo pairs: edges | photograph."""
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


def derive(
    kind: Annotated[
        str,
        typer.Argument(
            metavar="KIND", help="Kind of input: grey, lightness, centre_mask or random_mask."
        ),
    ],
    photos: InputOption,
    output: NewFolderOption,
    seed: Annotated[int, typer.Option(min=0, help="Random seed of the masks.")] = 0,
) -> None:
    """Write pairs made of photographs: derived input | photograph."""
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

    console = PlainConsole()
    with ProgressBar(console, "deriving") as progress:
        derived = write_derived_pairs(photos, output, derivation(), progress.advance)
    notes = [*listing_notes([list_folder(photos)]), *derived.notes, *note_on_written_pairs(output)]
    for line in notes:
        print_line(console, line)
    print_line(console, f"{derived.count} pairs in {output}")
    print_nested_output_notes(console, output, [photos])


def sketch(
    drawings: Annotated[
        Path,
        typer.Option(
            "--input", metavar="FOLDER", help="Folder of drawings: dark lines, light paper."
        ),
    ],
    output: NewFolderOption,
    size: Annotated[int, typer.Option(min=16, max=8192, help="Height and width in pixels.")] = 256,
) -> None:
    """Clean hand drawings for an edges→photo model: thin lines, centred, no specks."""
    from pix2pix_tf.images.listing import list_folder, listing_notes
    from pix2pix_tf.preparation.sketch import clean_sketches

    console = PlainConsole()
    with ProgressBar(console, "cleaning") as progress:
        done = clean_sketches(drawings, output, size, progress.advance)
    for line in listing_notes([list_folder(drawings)]):
        print_line(console, line)
    print_line(console, f"{done} drawings in {output}")
    print_nested_output_notes(console, output, [drawings])
