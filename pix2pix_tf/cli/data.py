"""The commands `pix2pix-tf data ...`."""

from __future__ import annotations

import os
from contextlib import AbstractContextManager
from enum import Enum
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer
from rich.table import Table

from pix2pix_tf.cli.derive import derive, edges, sketch
from pix2pix_tf.cli.options import (
    AxesOption,
    NewFolderOption,
    OverridesOption,
    add_commands,
    print_nested_output_notes,
)
from pix2pix_tf.utils.console import PlainConsole, ProgressBar, print_line
from pix2pix_tf.utils.errors import UserError
from pix2pix_tf.utils.text import pluralize

if TYPE_CHECKING:
    from pix2pix_tf.data.checking.report import DatasetReport
    from pix2pix_tf.preparation.geographic import LatitudeSplit

data_app = typer.Typer(
    help="Datasets: fetch, check, make and arrange pairs of images.",
    no_args_is_help=True,
)

add_commands(data_app, {"edges": edges, "derive": derive, "sketch": sketch})

_KINDS_AT_MOST = 12  # maximal number of rows of a table


class SplitBy(str, Enum):
    """Criterion of `data split`."""

    name = "name"
    latitude = "latitude"


class LayoutOption(str, Enum):
    """Layout of a folder's images, see `pix2pix_tf.data.layout.layout.find_layout`."""

    auto = "auto"
    side_by_side = "side_by_side"
    folders = "folders"
    photographs = "photographs"


Layout = Annotated[
    LayoutOption,
    typer.Option(
        help="Layout of the images: side-by-side pairs of any proportions, two folders, or whole "
        "photographs; auto looks for two folders by known names, then images of twice the width."
    ),
]


@data_app.command("list")
def data_list(
    output: Annotated[Path, typer.Option(metavar="DIR", help="Folder of datasets.")] = Path(
        "datasets"
    ),
) -> None:
    """List the datasets that were published with pix2pix."""
    from pix2pix_tf.datasets.catalogue import CATALOGUE

    console = PlainConsole()
    table = Table("name", "A: left", "B: right", "train pairs", "download", "here")
    for dataset in CATALOGUE.values():
        table.add_row(
            dataset.name,
            dataset.a,
            dataset.b,
            dataset.pairs,
            _size(dataset.bytes, dataset.exact),
            "yes" if (output / dataset.name).is_dir() else "no",
        )
    console.print(table)
    for dataset in CATALOGUE.values():
        print_line(
            console,
            f"{dataset.name}: {dataset.what}. Licence: {dataset.licence}. "
            f"Cite: {dataset.citation}.",
        )


@data_app.command("download")
def data_download(
    name: Annotated[
        str, typer.Argument(metavar="NAME", help="Name of the dataset, see `data list`.")
    ],
    url: Annotated[
        str | None,
        typer.Option(
            metavar="URL",
            help="Another address: of the archive, or of the folder that holds NAME.tar.gz.",
        ),
    ] = None,
    output: Annotated[Path, typer.Option(metavar="DIR", help="Folder of datasets.")] = Path(
        "datasets"
    ),
    sha256: Annotated[
        str | None, typer.Option(metavar="HEX", help="Expected SHA-256 of the archive.")
    ] = None,
) -> None:
    """Download a dataset into datasets/NAME; the same command resumes an interrupted one."""
    from pix2pix_tf.datasets.catalogue import CATALOGUE
    from pix2pix_tf.datasets.download import download

    console = PlainConsole()
    try:
        with ProgressBar(console, "connecting", unit="MB") as bar:
            done = download(
                name,
                output,
                url=url,
                sha256=sha256,
                progress=lambda stage, completed, total: bar.update(
                    completed, total, description=stage
                ),
            )
    except KeyboardInterrupt:
        print_line(console, "stopped: the same command resumes")
        raise
    print_line(console, f"{done.images} images in {done.folder}, from {done.url}")
    print_line(console, f"sha256 {done.sha256}")
    if name in CATALOGUE:
        dataset = CATALOGUE[name]
        print_line(console, f"Licence: {dataset.licence}. Please cite: {dataset.citation}.")


@data_app.command("check")
def data_check(
    folder: Annotated[
        Path,
        typer.Argument(
            metavar="FOLDER|TABLE", help="Folder of the dataset, or table of its pairs."
        ),
    ],
    layout: Layout = LayoutOption.auto,
    axes: Annotated[
        AxesOption | None,
        typer.Option(
            help="Order of the axes of NumPy arrays and of TIFFs of several pages, on both sides: "
            "channels last (YXC) or first (CYX)."
        ),
    ] = None,
    config: Annotated[
        str | None,
        typer.Option(
            "--config",
            metavar="FILE|NAME",
            help="Config whose channels and ranges of values are checked too.",
        ),
    ] = None,
    overrides: OverridesOption = None,
) -> None:
    """Open every image of a dataset; exit code 2 if any cannot be used."""
    from pix2pix_tf.config.schema import load_config
    from pix2pix_tf.data.checking.report import check_dataset

    if overrides and config is None:
        raise UserError("--set: changes keys of a config; give it with --config")
    if axes is not None and config is not None:
        raise UserError("--axes: with a config, give --set data.input_axes and data.target_axes")
    data = None
    if config is not None:
        data = load_config(config, [*(overrides or []), f"data.root={folder}"]).data
    console = PlainConsole()
    with _quietly(), ProgressBar(console, "opening") as progress:
        checked = check_dataset(
            folder, layout.value, progress.advance, data, axes=None if axes is None else axes.value
        )
    print_line(console, f"{folder}: {checked.layout}")
    console.print(_pairs_table(checked))
    console.print(_kinds_table(checked))
    for line in (*checked.notes, *checked.warnings, *checked.problems):
        print_line(console, line)
    if checked.problems:
        print_line(console, f"problems in {folder}: {len(checked.problems)}")
        raise typer.Exit(2)
    warned = len(checked.warnings)
    if warned:
        stand = "1 warning stands" if warned == 1 else f"{warned} warnings stand"
        print_line(console, f"no bad file in {folder}; {stand} above")
    else:
        print_line(console, f"all good in {folder}")


@data_app.command("pair")
def data_pair(
    a: Annotated[Path, typer.Option("--a", metavar="FOLDER", help="Folder of the left halves.")],
    b: Annotated[
        Path, typer.Option("--b", metavar="FOLDER", help="Folder of the right halves, named alike.")
    ],
    output: NewFolderOption,
    resize: Annotated[
        bool, typer.Option("--resize", help="Resize B to the size of A if they differ.")
    ] = False,
    axes: Annotated[
        AxesOption | None,
        typer.Option(
            help="Order of the axes of NumPy arrays and of TIFFs of several pages: channels last "
            "(YXC) or first (CYX)."
        ),
    ] = None,
) -> None:
    """Combine two folders of like-named images into side-by-side pairs."""
    from pix2pix_tf.preparation.pairing import pair_folders

    console = PlainConsole()
    with _quietly(), ProgressBar(console, "pairing") as progress:
        paired = pair_folders(
            a,
            b,
            output,
            resize=resize,
            axes=None if axes is None else axes.value,
            advance=progress.advance,
        )
    for line in paired.notes:
        print_line(console, line)
    print_line(console, f"{pluralize(paired.count, 'pair')} in {output}")
    print_nested_output_notes(console, output, [a, b])


@data_app.command("split")
def data_split(
    folder: Annotated[
        Path,
        typer.Argument(metavar="FOLDER", help="Folder of pairs without splits, as for training."),
    ],
    output: Annotated[
        Path | None,
        typer.Option(
            metavar="DIR",
            help="Output directory, a new one; with --move, by default FOLDER itself.",
        ),
    ] = None,
    val: Annotated[
        float | None,
        typer.Option(
            help="Approximate fraction of validation pairs.", show_default="0.1; by latitude 0.5"
        ),
    ] = None,
    test: Annotated[float, typer.Option(help="Approximate fraction of test pairs.")] = 0.0,
    seed: Annotated[
        int | None, typer.Option(help="Random seed of the split.", show_default="0")
    ] = None,
    by: Annotated[
        SplitBy,
        typer.Option(
            help="How to split: by name, at random; or by latitude, as the paper splits maps, with "
            "the southern ones held out."
        ),
    ] = SplitBy.name,
    coordinates: Annotated[
        Path | None,
        typer.Option(
            metavar="FILE",
            help="By latitude: CSV file of name, latitude and longitude of each image's centre.",
        ),
    ] = None,
    buffer: Annotated[
        str | None,
        typer.Option(
            metavar="DEGREES|METRESm",
            help="By latitude: distance of the splits, centre to centre, at least the height "
            "of an image. Pairs between them are left out.",
        ),
    ] = None,
    move: Annotated[
        bool, typer.Option("--move/--copy", help="Move the files or copy them.")
    ] = False,
    layout: Layout = LayoutOption.auto,
) -> None:
    """Split a folder of pairs into train, val and test, repeatably: at random, or by latitude."""
    from pix2pix_tf.preparation.splitting import split_folder

    latitude = _latitude_split(by, coordinates, buffer, seed)
    if val is None:
        val = 0.1 if latitude is None else 0.5
    console = PlainConsole()
    with ProgressBar(console, "moving" if move else "copying") as progress:
        divided = split_folder(
            folder,
            output,
            val=val,
            test=test,
            seed=seed or 0,
            move=move,
            setting=layout.value,
            latitude=latitude,
            advance=progress.advance,
        )
    for line in (f"{folder}: {divided.layout}", *divided.notes):
        print_line(console, line)
    counts = ", ".join(f"{count} {split}" for split, count in divided.counts.items())
    print_line(console, f"pairs in {output or folder}: {counts}")
    print_nested_output_notes(console, output or folder, [folder])


@data_app.command("sample")
def data_sample(
    output: NewFolderOption,
    train_pairs: Annotated[int, typer.Option("--train", min=1, help="Training pairs.")] = 200,
    val_pairs: Annotated[int, typer.Option("--val", min=1, help="Validation pairs.")] = 20,
    size: Annotated[
        int, typer.Option(min=16, max=8192, help="Height and width of an image in pixels.")
    ] = 256,
    scene: Annotated[
        int | None,
        typer.Option(
            min=48,
            max=32768,
            metavar="N",
            help="Cut all pairs out of one city of N×N pixels, as maps are: split by latitude.",
        ),
    ] = None,
) -> None:
    """Write pairs of the embedded city, aerial photograph | street map, and their classes."""
    from pix2pix_tf.datasets.sample import write_sample, write_scene

    console = PlainConsole()
    scene_split = None
    with ProgressBar(console, "drawing") as progress:
        if scene is None:
            write_sample(output, train_pairs, val_pairs, (size, size), progress.advance)
        else:
            scene_split = write_scene(output, train_pairs, val_pairs, size, scene, progress.advance)
    validation = pluralize(val_pairs, "validation pair")
    print_line(console, f"{train_pairs} training and {validation} in {output}")
    if scene_split is not None:
        print_line(
            console,
            f"{output / 'places.csv'}: where each image lies; training and validation images "
            f"are split as by data split --by latitude --val {scene_split.share:.6g} --buffer "
            f"{scene_split.buffer:g}m",
        )


def _quietly() -> AbstractContextManager[None]:
    """Suppresses TensorFlow's start-up messages; TensorFlow decodes the rarer kinds of PNG."""
    from pix2pix_tf.utils.runtime import captured_native_stderr

    os.environ.setdefault("TF_CPP_MIN_LOG_LEVEL", "3")
    return captured_native_stderr()


def _pairs_table(checked: DatasetReport) -> Table:
    table = Table("split", "pairs")
    for split, count in checked.pairs.items():
        table.add_row(split or "(none)", f"{count:,}")
    return table


def _latitude_split(
    by: SplitBy, coordinates: Path | None, buffer: str | None, seed: int | None
) -> LatitudeSplit | None:
    from pix2pix_tf.preparation.geographic import LatitudeSplit, parse_buffer

    if by is not SplitBy.latitude:
        for option, value in (("--coordinates", coordinates), ("--buffer", buffer)):
            if value is not None:
                raise UserError(f"{option}: is for --by latitude")
        return None
    if coordinates is None:
        raise UserError(
            "--by latitude: give --coordinates FILE, a CSV file of name,latitude,longitude"
        )
    if buffer is None:
        raise UserError(
            "--by latitude: give --buffer, the height of an image at least, in degrees such as "
            "0.003 or in metres such as 300m"
        )
    if seed is not None:
        raise UserError("--seed: is not for --by latitude, where nothing is at random")
    return LatitudeSplit(coordinates, parse_buffer(buffer))


def _kinds_table(checked: DatasetReport) -> Table:
    table = Table("split", "side", "width×height", "type", "files")
    rows = checked.kinds.most_common(_KINDS_AT_MOST)
    for kind, count in rows:
        table.add_row(
            kind.split or "(none)",
            kind.side,
            f"{kind.width}×{kind.height}",
            kind.type,
            f"{count:,}",
        )
    more = checked.kinds.total() - sum(count for _, count in rows)
    if more:
        table.add_row("", "", f"{len(checked.kinds) - len(rows)} more", "", f"{more:,}")
    return table


def _size(count: int | None, exact: bool) -> str:
    if count is None:
        return "not recorded"
    size = f"{count / 1e9:.1f} GB" if count >= 1e9 else f"{count / 1e6:.0f} MB"
    return size if exact else f"~{size}"
