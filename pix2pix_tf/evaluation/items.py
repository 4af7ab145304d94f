"""What is scored: a run's translations of a split, or two folders of pictures of any origin."""

from __future__ import annotations

import re
from collections.abc import Collection, Iterable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path

import numpy as np

from pix2pix_tf.data.layout.matching import nearly_mates
from pix2pix_tf.data.pairs import Pairs
from pix2pix_tf.evaluation.metrics.metric import EvaluationItem
from pix2pix_tf.images.convert import resize_image, to_channels
from pix2pix_tf.images.io import decode_image, image_size
from pix2pix_tf.images.listing import (
    Listing,
    composed,
    image_name,
    list_folder,
    list_images,
    listing_notes,
)
from pix2pix_tf.images.unreadable import report_all_unreadable
from pix2pix_tf.inference.translator import Translator
from pix2pix_tf.segmentation.labels import decode_pair, resize_classes
from pix2pix_tf.segmentation.palette import (
    Decoded,
    Palette,
    check_palette,
    decode_labels,
    decode_output,
)
from pix2pix_tf.utils.errors import UserError

RESIZE = ("outputs", "targets")
_NAMED_AT_MOST = 5


@dataclass
class _Unknown:
    """Pixels of label pictures that were far from every colour of the palette, by what they are."""

    pixels: dict[str, int] = field(default_factory=dict)
    of: dict[str, int] = field(default_factory=dict)

    def count(self, what: str, decoded: Decoded) -> None:
        self.pixels[what] = self.pixels.get(what, 0) + decoded.unknown
        self.of[what] = self.of.get(what, 0) + decoded.classes.size

    def notes(self) -> list[str]:
        return [
            f"{count / self.of[what]:.1%} of the pixels of the {what} have none of the palette's "
            "colours and count as the nearest (jpeg blurs the borders of classes)"
            for what, count in self.pixels.items()
            if count
        ]


class RunItems(Sequence[EvaluationItem]):
    """The translations of one split of a run's data, beside their targets."""

    def __init__(
        self,
        translator: Translator,
        pairs: Pairs,
        *,
        dropout: bool,
        palette: Palette | None,
        label_ids: bool | None,
        class_maps: Collection[str],
    ) -> None:
        """Prepares them; pictures are read and translated when they are asked for.

        Args:
            translator: The run's generator.
            pairs: The split's.
            dropout: Whether the paper's noise is on; its seed is the config's.
            palette: Of the label pictures among inputs or targets.
            label_ids: Whether grey ones hold class numbers, see `decode_labels`.
            class_maps: Which class maps the metrics look at.
        """
        self._unknown = _Unknown()
        self._translator, self._dropout = translator, dropout
        self._pairs = pairs
        self._palette, self._label_ids, self._class_maps = palette, label_ids, class_maps
        self.files = [path for files in pairs.files for path in files]

    def __len__(self) -> int:
        return len(self._pairs)

    def __getitem__(self, index: int) -> EvaluationItem:  # type: ignore[override]  # no slices
        image, target = self._pairs[index]
        config = self._translator.config
        output = self._translator(image, dropout=self._dropout, seed=config.training.seed)
        return EvaluationItem(
            self._pairs.names[index], output, target, self._classes(index, output)
        )

    def sizes(self) -> Iterator[tuple[str, tuple[int, int]]]:
        """The height and width that each image is scored at, by name."""
        return ((name, self._pairs.size) for name in self._pairs.names)

    def source(self, index: int) -> np.ndarray:
        """The input image of one item, to be shown beside it."""
        return self._pairs[index][0]

    def notes(self) -> list[str]:
        """Sentences about the label pictures read so far."""
        return self._unknown.notes()

    def _classes(self, index: int, output: np.ndarray) -> dict[str, np.ndarray]:
        if self._palette is None:
            return {}
        data, ids = self._translator.config.data, self._label_ids
        classes = {}
        for what, side in (("source", 0), ("target", 1)):
            if what in self._class_maps:
                decoded = decode_pair(self._pairs, index, side, self._palette, data, ids)
                self._unknown.count(f"{what}s", decoded)
                classes[what] = resize_classes(decoded.classes, *self._pairs.size)
        if "output" in self._class_maps:  # and then the target, which is the last decoded
            decoded = decode_output(output, decoded, self._palette, ids)
            self._unknown.count("outputs", decoded)
            classes["output"] = decoded.classes
        return classes


class FolderItems(Sequence[EvaluationItem]):
    """Pictures of one folder beside those of the same names in another, compared in RGB."""

    def __init__(
        self,
        outputs: str | Path,
        targets: str | Path,
        *,
        labels: str | Path | None,
        palette: Palette | None,
        label_ids: bool | None,
        class_maps: Collection[str],
        resize: str | None,
    ) -> None:
        """Matches the pictures; they are read when they are asked for.

        Args:
            outputs: A folder, searched with its sub-folders, or a pattern with one `*`, which then
                stands for a image's name, such as `results/*_fake_B.png`.
            targets: Likewise.
            labels: Likewise: the label pictures that the outputs were made from, or None.
            palette: Of label pictures.
            label_ids: Whether grey ones hold class numbers, see `decode_labels`.
            class_maps: Which class maps the metrics look at.
            resize: `outputs` or `targets`: which are resized to the size of the others where the
                two differ; None refuses them.

        Raises:
            UserError: Nothing there, names without a mate, sizes that differ.
        """
        self._unknown = _Unknown()
        self._palette, self._label_ids = palette, label_ids
        self._class_maps, self._resize = class_maps, resize
        places = [_place(str(place)) for place in (outputs, targets, labels) if place is not None]
        for other in places[1:]:
            _refuse_misfits(places[0], other)
        self._outputs, self._targets = places[0].named, places[1].named
        self._labels = places[2].named if labels is not None else {}
        listings = {place.text: place.listing for place in places if place.listing is not None}
        self._unread = listing_notes(list(listings.values()))
        self.names = list(self._outputs)
        named = (self._outputs, self._targets, self._labels)
        self.files = [path for side in named for path in side.values()]
        if resize is None:
            with report_all_unreadable(self.files):
                self._refuse_other_sizes()

    def __len__(self) -> int:
        return len(self.names)

    def __getitem__(self, index: int) -> EvaluationItem:  # type: ignore[override]  # no slices
        name = self.names[index]
        output = _picture(self._outputs[name])
        target = _picture(self._targets[name])
        if self._resize == "outputs":
            output = resize_image(output, *target.shape[:2])
        elif self._resize == "targets":
            target = resize_image(target, *output.shape[:2])
        return EvaluationItem(name, output, target, self._classes(name, output.shape[:2]))

    def sizes(self) -> Iterator[tuple[str, tuple[int, int]]]:
        """The height and width that each image is scored at, by name."""
        files = self._outputs if self._resize == "targets" else self._targets
        return ((str(files[name]), image_size(files[name])) for name in self.names)

    def source(self, index: int) -> np.ndarray | None:
        """The label image that one item was made from, where there is one."""
        name = self.names[index]
        return _picture(self._labels[name]) if self._labels else None

    def notes(self) -> list[str]:
        """Sentences about what lies in the folders and is not read, and about label pictures."""
        return [*self._unread, *self._unknown.notes()]

    def _classes(self, name: str, size: tuple[int, int]) -> dict[str, np.ndarray]:
        """The classes that label pictures show, at the output's size."""
        if self._palette is None:
            return {}
        found: dict[str, Decoded] = {}
        for what, files in (("source", self._labels), ("target", self._targets)):
            if what in self._class_maps and name in files:
                found[what] = self._truth(files[name], self._palette)
        if "output" in self._class_maps:
            found["output"] = self._output(self._outputs[name], found["target"], self._palette)
        for what, decoded in found.items():
            self._unknown.count(f"{what}s", decoded)
        return {what: resize_classes(one.classes, *size) for what, one in found.items()}

    def _truth(self, path: Path, palette: Palette) -> Decoded:
        with _naming(path):
            decoded = decode_labels(decode_image(path), palette, label_ids=self._label_ids)
        check_palette(decoded, palette, str(path))
        return decoded

    def _output(self, path: Path, truth: Decoded, palette: Palette) -> Decoded:
        image = decode_image(path)
        with _naming(path):
            return decode_output(image, truth, palette, self._label_ids)

    def _refuse_other_sizes(self) -> None:
        for name, output in self._outputs.items():
            sizes = [image_size(path) for path in (output, self._targets[name])]
            if sizes[0] != sizes[1]:
                (h, w), (height, width) = sizes
                raise UserError(
                    f"{output}: is {w}×{h} pixels (width × height), its target "
                    f"{self._targets[name]} {width}×{height}; say with --resize outputs or "
                    "--resize targets which of the two are to be resized to the size of the other"
                )


@contextmanager
def _naming(path: Path) -> Iterator[None]:
    """Puts the file's name before what is wrong with its values."""
    try:
        yield
    except UserError as error:
        raise UserError(f"{path}: {error}") from None


@dataclass(frozen=True)
class _Place:
    """A folder or a pattern.

    Attributes:
        text: As it was given.
        named: Pictures by name: paths in a folder without suffix, or what the `*` of a pattern
            stands for.
        listing: All that lies in the folder.
    """

    text: str
    named: dict[str, Path]
    listing: Listing | None


def _place(place: str) -> _Place:
    """Lists what is there.

    Raises:
        UserError: There is no image, or two have the same name.
    """
    folder = Path(place)
    listing = list_folder(folder) if folder.is_dir() else None
    if listing is None:
        found = _matching(place)
    else:
        found = ((image_name(path, folder), path) for path in listing.images)
    named: dict[str, Path] = {}
    for name, path in found:
        if name in named:
            raise UserError(f"{path} and {named[name]}: both are called {name}; keep one of them")
        named[name] = path
    if not named:
        raise UserError(f"{place}: no image there; expected a folder of pictures or a pattern")
    return _Place(place, named, listing)


def _matching(place: str) -> Iterable[tuple[str, Path]]:
    """Files of a pattern, each with what its `*` stands for."""
    if place.count("*") != 1 or "*" not in Path(place).name:
        found = "is a file" if Path(place).is_file() else f"no such folder in {Path.cwd()}"
        raise UserError(
            f"{place}: {found}; expected a folder, or a pattern of files with one * in its last "
            "part, which stands for the pictures' names"
        )
    before, after = composed(Path(place).name).split("*")
    pattern = re.compile(f"{re.escape(before)}(.+){re.escape(after)}")
    if not Path(place).parent.is_dir():
        raise UserError(f"{Path(place).parent}: no such folder in {Path.cwd()}")
    for path in list_images(Path(place).parent):
        match = pattern.fullmatch(composed(path.name))
        if match and path.parent == Path(place).parent:
            yield match[1], path


def _refuse_misfits(first: _Place, second: _Place) -> None:
    for own, other in ((first, second), (second, first)):
        lonely = [name for name in own.named if name not in other.named]
        if lonely:
            shown = ", ".join(str(own.named[name]) for name in lonely[:_NAMED_AT_MOST])
            more = f" and {len(lonely) - _NAMED_AT_MOST} more" * (len(lonely) > _NAMED_AT_MOST)
            hints = nearly_mates(lonely, other.listing) if other.listing is not None else []
            nearly = "".join(f" ({hint})" for hint in [hint for hint in hints if hint][:1])
            raise UserError(
                f"{shown}{more}: no image of that name in {other.text}{nearly}; "
                "pictures are matched by their names without suffix"
            )


def _picture(path: Path) -> np.ndarray:
    return to_channels(decode_image(path), 3)


EvaluationItems = RunItems | FolderItems
