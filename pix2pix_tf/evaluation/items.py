"""Images to score: translations of a split by a run, or two folders of images of any origin."""

from __future__ import annotations

from collections.abc import Collection, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, field
from functools import cached_property
from pathlib import Path

import numpy as np

from pix2pix_tf.data.pair_sequence import Pairs
from pix2pix_tf.evaluation.folder_values import FolderSetting, find_values, folder_reading
from pix2pix_tf.evaluation.folders import match_images
from pix2pix_tf.evaluation.metrics.metric import EvaluationItem
from pix2pix_tf.images.convert import resize_image, to_channels
from pix2pix_tf.images.display import (
    COLOURS,
    PairDisplay,
    display_setting,
    is_measured,
    measure_display,
    thinned,
)
from pix2pix_tf.images.image_file import ANY_READING, Reading
from pix2pix_tf.images.io import decode_image, image_size, inspect_image
from pix2pix_tf.images.unreadable import report_all_unreadable
from pix2pix_tf.inference.translator import Translator
from pix2pix_tf.segmentation.decoding import Decoded, check_palette, decode_labels, decode_output
from pix2pix_tf.segmentation.labels import decode_pair, resize_classes
from pix2pix_tf.segmentation.palette import Palette
from pix2pix_tf.utils.errors import UserError
from pix2pix_tf.utils.sampling import evenly_spaced

_DISPLAYED_TOGETHER = 16  # images at most, whose values are stretched between their percentiles
RESIZE = ("outputs", "targets")


@dataclass(frozen=True)
class LabelDecoding:
    """Settings by which label images are decoded to classes.

    Attributes:
        palette: Palette of the label images.
        label_ids: Whether grey label images hold class numbers, see
            `pix2pix_tf.segmentation.decoding.decode_labels`.
    """

    palette: Palette
    label_ids: bool | None = None


@dataclass
class _UnknownPixels:
    """Counts pixels of label images that are far from every colour of the palette.

    Attributes:
        unknown: Number of unknown pixels by the kind of image: `outputs`, `targets`, `sources`.
        total: Number of all pixels, likewise.
    """

    unknown: dict[str, int] = field(default_factory=dict)
    total: dict[str, int] = field(default_factory=dict)

    def add(self, what: str, decoded: Decoded) -> None:
        self.unknown[what] = self.unknown.get(what, 0) + decoded.unknown
        self.total[what] = self.total.get(what, 0) + decoded.classes.size

    def notes(self) -> list[str]:
        return [
            f"{count / self.total[what]:.1%} of the pixels of the {what} have none of the "
            "palette's colours and count as the nearest (jpeg blurs the borders of classes)"
            for what, count in self.unknown.items()
            if count
        ]


class RunItems(Sequence[EvaluationItem]):
    """The translations of one split of the data of a run, with their targets.

    Attributes:
        files: All image files of the split.
        values: The type and the meaning of the values of outputs and targets.
        channels: The number of their channels.
    """

    def __init__(
        self,
        translator: Translator,
        pairs: Pairs,
        labels: LabelDecoding | None,
        *,
        class_maps: Collection[str],
        dropout: bool,
    ) -> None:
        """Makes the sequence; an image is read and translated when its item is accessed.

        Args:
            translator: The translator of the run.
            pairs: Pairs of the split.
            labels: Settings by which label images are decoded; None makes no class maps.
            class_maps: Names of the class maps to make.
            dropout: Whether dropout is on, with the seed of the config.
        """
        self._translator, self._dropout = translator, dropout
        self._pairs = pairs
        self._labels, self._class_maps = labels, class_maps
        self._unknown = _UnknownPixels()
        self._readings = _readings(pairs, translator)
        self.files = list(self._readings)
        self.values = translator.values.target
        _, self.channels = translator.config.data.image_channels

    def __len__(self) -> int:
        return len(self._pairs)

    def __getitem__(self, index: int) -> EvaluationItem:  # type: ignore[override]  # no slices
        image, target = self._pairs[index]
        seed = self._translator.config.training.seed
        output = self._translator.for_scoring(image, dropout=self._dropout, seed=seed)
        class_maps = self._decoded(index, output, self._labels) if self._labels else {}
        images = self.values.full_scale(output), self.values.full_scale(target)
        return EvaluationItem(self._pairs.names[index], *images, class_maps)

    def open(self, path: Path) -> None:
        """Reads one of the files as it is scored, to see whether it can be read."""
        decode_image(path, *self._readings[path])

    def sizes(self) -> Iterator[tuple[str, tuple[int, int]]]:
        """Returns the name of each image, with the height and width it is scored at."""
        return ((name, self._pairs.size_of(i)) for i, name in enumerate(self._pairs.names))

    @cached_property
    def display(self) -> PairDisplay:
        """How inputs, and targets and outputs, are shown, by some evenly spaced pairs."""
        data, inputs = self._translator.config.data, self._translator.values.input
        setting, (channels, _) = display_setting(data), data.image_channels
        if not is_measured(setting.input, inputs, channels) and not is_measured(
            setting.target, self.values, self.channels
        ):
            return PairDisplay()  # without reading any
        values = self.values
        measured: tuple[list[np.ndarray], list[np.ndarray]] = ([], [])
        for index in evenly_spaced(len(self._pairs), _DISPLAYED_TOGETHER):
            image, target = self._pairs[index]
            measured[0].append(inputs.full_scale(thinned(image)))
            measured[1].append(values.full_scale(thinned(target)))
        return PairDisplay(
            measure_display(measured[0], setting.input),
            measure_display(measured[1], setting.target),
        )

    def source(self, index: int) -> np.ndarray:
        """Returns the input of one item, [H, W, C], in full scale as outputs and targets are."""
        return self._translator.values.input.full_scale(self._pairs[index][0])

    def notes(self) -> list[str]:
        """Returns notes about the label images read so far, one sentence each."""
        return self._unknown.notes()

    def _decoded(
        self, index: int, output: np.ndarray, labels: LabelDecoding
    ) -> dict[str, np.ndarray]:
        data = self._translator.config.data
        found: dict[str, Decoded] = {}
        for what, side in (("source", 0), ("target", 1)):
            if what in self._class_maps:
                found[what] = decode_pair(
                    self._pairs, index, side, labels.palette, data, labels.label_ids
                )
        if "output" in self._class_maps:
            found["output"] = decode_output(
                output, found["target"], labels.palette, labels.label_ids
            )
        for what, decoded in found.items():
            self._unknown.add(f"{what}s", decoded)
        return {
            what: resize_classes(decoded.classes, *self._pairs.size_of(index))
            for what, decoded in found.items()
        }


class FolderItems(Sequence[EvaluationItem]):
    """Images of one folder with those of the same names in another.

    Attributes:
        names: Names of the images.
        files: Files of all images.
        values: The type and the meaning of the values of outputs and targets.
        channels: The number of their channels.
    """

    def __init__(
        self,
        outputs: str | Path,
        targets: str | Path,
        source: str | Path | None,
        labels: LabelDecoding | None,
        *,
        class_maps: Collection[str],
        resize: str | None,
        setting: FolderSetting,
    ) -> None:
        """Matches the images; an image is read when its item is accessed.

        Args:
            outputs: Folder or pattern of the images to score, see `match_images`.
            targets: Folder or pattern of the targets.
            source: Folder or pattern of the label images that the outputs were made from, or None.
            labels: Settings by which label images are decoded; None makes no class maps.
            class_maps: Names of the class maps to make.
            resize: `outputs` or `targets`, the images to resize to the size of the others if the
                two differ; None refuses such images.
            setting: What is known of outputs and targets besides their files.

        Raises:
            UserError: There is no image, the names do not match, the sizes differ, or the values
                cannot be compared, see `find_values`.
        """
        places = [outputs, targets, *([] if source is None else [source])]
        matched = match_images(places)
        self._outputs, self._targets = matched.files[:2]
        self._sources = {} if source is None else matched.files[2]
        self._labels, self._class_maps, self._resize = labels, class_maps, resize
        self._notes, self._unknown = matched.notes, _UnknownPixels()
        self.names = list(self._outputs)
        self.files = [path for files in matched.files for path in files.values()]
        self._compared = {*self._outputs.values(), *self._targets.values()}
        self._reading = folder_reading(setting)
        with report_all_unreadable(self.files, self.open):
            self._found = find_values(sorted(self._compared), setting)
            self._reading = self._found.reading
            if resize is None:
                self._check_same_sizes()
        self.values, self.channels = self._found.values, self._found.channels
        self._display = setting.display

    def __len__(self) -> int:
        return len(self.names)

    def __getitem__(self, index: int) -> EvaluationItem:  # type: ignore[override]  # no slices
        name = self.names[index]
        output = self._found.read(self._outputs[name])
        target = self._found.read(self._targets[name])
        if self._resize == "outputs":
            output = resize_image(output, *target.shape[:2])
        elif self._resize == "targets":
            target = resize_image(target, *output.shape[:2])
        class_maps = self._decoded(name, output.shape[:2], self._labels) if self._labels else {}
        images = self.values.full_scale(output), self.values.full_scale(target)
        return EvaluationItem(name, *images, class_maps)

    @cached_property
    def display(self) -> PairDisplay:
        """How label images, and targets and outputs, are shown, by some evenly spaced targets."""
        if not is_measured(self._display, self.values, self.channels):
            return PairDisplay()  # without reading any
        chosen = evenly_spaced(len(self), _DISPLAYED_TOGETHER)
        paths = [self._targets[self.names[index]] for index in chosen]
        targets = [self.values.full_scale(thinned(self._found.read(path))) for path in paths]
        return PairDisplay(COLOURS, measure_display(targets, self._display))

    def open(self, path: Path) -> None:
        """Reads one of the files as it is scored, to see whether it can be read."""
        inspect_image(path, *(self._reading if path in self._compared else ANY_READING))

    def sizes(self) -> Iterator[tuple[str, tuple[int, int]]]:
        """Returns the file of each image, with the height and width it is scored at."""
        files = self._outputs if self._resize == "targets" else self._targets
        return ((str(files[name]), self._size(files[name])) for name in self.names)

    def source(self, index: int) -> np.ndarray | None:
        """Returns the label image that one output was made from, [H, W, 3], if there is one."""
        return _read_rgb(self._sources[self.names[index]]) if self._sources else None

    def notes(self) -> list[str]:
        """Returns notes about files that are not read and about label images."""
        return [*self._notes, *self._unknown.notes()]

    def _decoded(
        self, name: str, size: tuple[int, int], labels: LabelDecoding
    ) -> dict[str, np.ndarray]:
        """Returns the class maps, at the size of the output."""
        found: dict[str, Decoded] = {}
        for what, files in (("source", self._sources), ("target", self._targets)):
            if what in self._class_maps and name in files:
                found[what] = _decode_truth(files[name], labels)
        if "output" in self._class_maps:
            path = self._outputs[name]
            image = decode_image(path)
            with _named_errors(path):
                found["output"] = decode_output(
                    image, found["target"], labels.palette, labels.label_ids
                )
        for what, decoded in found.items():
            self._unknown.add(f"{what}s", decoded)
        return {what: resize_classes(decoded.classes, *size) for what, decoded in found.items()}

    def _size(self, path: Path) -> tuple[int, int]:
        return image_size(path, *self._reading)

    def _check_same_sizes(self) -> None:
        for name, output in self._outputs.items():
            sizes = [self._size(path) for path in (output, self._targets[name])]
            if sizes[0] != sizes[1]:
                (h, w), (height, width) = sizes
                raise UserError(
                    f"{output}: is {w}×{h} pixels (width × height), its target "
                    f"{self._targets[name]} {width}×{height}; say with --resize outputs or "
                    "--resize targets which of the two are to be resized to the size of the other"
                )


EvaluationItems = RunItems | FolderItems


def _readings(pairs: Pairs, translator: Translator) -> dict[Path, Reading]:
    """Returns how each file of pairs is read."""
    one_file = "photo" if translator.config.data.from_photographs else "A|B"
    return {
        path: translator.source.spec.reading_of(side)
        for files in pairs.files
        for side, path in zip(("A", "B") if len(files) == 2 else (one_file,), files, strict=True)
    }


def _decode_truth(path: Path, labels: LabelDecoding) -> Decoded:
    image = decode_image(path)
    with _named_errors(path):
        decoded = decode_labels(image, labels.palette, label_ids=labels.label_ids)
    check_palette(decoded, labels.palette, str(path))
    return decoded


def _read_rgb(path: Path) -> np.ndarray:
    return to_channels(decode_image(path), 3)


@contextmanager
def _named_errors(path: Path) -> Iterator[None]:
    """Prepends the name of the file to error messages about its values."""
    try:
        yield
    except UserError as error:
        raise UserError(f"{path}: {error}") from None
