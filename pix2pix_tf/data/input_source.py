"""Reading of inputs from the user's files: images, halves of pairs, or photographs.

It is used wherever a trained run takes single images: `translate`, the exporters and the demo.
"""

from __future__ import annotations

from collections.abc import Sequence
from contextlib import suppress
from dataclasses import dataclass, replace
from pathlib import Path
from typing import NamedTuple

import numpy as np

from pix2pix_tf.config.schema import Config
from pix2pix_tf.data.derived.derivation import derivation
from pix2pix_tf.data.layout.pair_files import Size, refuse_odd_width
from pix2pix_tf.data.layout.pair_spec import pair_spec
from pix2pix_tf.images.carried_tags import CarriedTags
from pix2pix_tf.images.convert import halves, resize_image, to_channels
from pix2pix_tf.images.image_file import ImageFile, Reading, openable
from pix2pix_tf.images.io import PIXELS_AT_MOST, decode_with_mask, image_size, open_image_file
from pix2pix_tf.images.nodata import nodata_value
from pix2pix_tf.images.windows import ImageWindows, has_windows
from pix2pix_tf.utils.errors import UserError
from pix2pix_tf.utils.text import pluralize


@dataclass(frozen=True)
class InputForm:
    """Conversion of the user's files to inputs.

    Attributes:
        half: The half of side-by-side pairs that is read, 0 (left) or 1 (right); None for the whole
            file.
        derive: Whether the input is derived from the image that is read, as in training; if not,
            that image is the input.
    """

    half: int | None
    derive: bool


class InputImage(NamedTuple):
    """An input.

    Attributes:
        image: [H, W, C] with the channels of the input, of the type of its file.
        empty: Which pixels have no data in any channel, bool [H, W]; None if none, or if the image
            was resized.
    """

    image: np.ndarray
    empty: np.ndarray | None


class InputSource:
    """Reads single inputs in the form that a run needs.

    Attributes:
        spec: The input and the target of the run's pairs.
        derivation: The derivation of inputs from photographs; None if inputs are not derived.
        layout: The layout of the dataset that the run was trained on; None if unknown.
    """

    def __init__(
        self,
        config: Config,
        layout: str | None = None,
        proportions: tuple[float, float] | None = None,
    ) -> None:
        """Initializes the source.

        Args:
            config: The config of the run.
            layout: The layout of the dataset that the run was trained on, a `LayoutKind`; None if
                unknown.
            proportions: Least and greatest width / height of the side-by-side files that the run
                was trained on; None if unknown, for which those of two training crops beside each
                other are taken.
        """
        self.spec = pair_spec(config.data)
        self.derivation = derivation(config)
        self.layout = layout if layout is not None else _layout_by_config(config)
        height, width = config.data.crop_size
        self._proportions = proportions or (2 * width / height, 2 * width / height)
        self._direction = config.data.direction

    def form(
        self, paths: Sequence[Path], *, pairs: bool | None = None, derive: bool = False
    ) -> InputForm:
        """Decides how the user's files are converted to inputs.

        Images are taken for side-by-side pairs without `pairs` only if the run was trained on
        side-by-side files and all of the images have the proportions of pairs.

        Args:
            paths: The files; those whose headers cannot be read are ignored.
            pairs: Whether the files are side-by-side pairs; None to decide by their proportions.
            derive: Whether the files are photographs that inputs are derived from, for any kind of
                derivation.

        Returns:
            The form of the inputs, the same for all files.

        Raises:
            UserError: Some files look like pairs and others do not; all look like pairs, but it is
                unknown whether the run was trained on pairs; or `derive` is given, but the inputs
                of the run are not derived from photographs.
        """
        if derive and self.derivation is None:
            raise UserError(
                "--derive: this run's inputs are not made of photographs (its data.derive is "
                "pair); give the inputs themselves"
            )
        halved = self._are_pairs(paths) if pairs is None else pairs
        if halved and self.derivation is not None and self.spec.target.name != "photo":
            return InputForm(self.spec.target.half, derive=True)
        half = None
        if halved:  # the half of the target is the photograph, as `data derive` writes such pairs
            half = int((self._direction == "AtoB") == derive)
        idempotent = self.derivation is not None and self.derivation.idempotent
        return InputForm(half, derive or idempotent)

    def input_of(
        self,
        file: ImageFile,
        form: InputForm | None = None,
        *,
        name: str = "",
        size: Size | None = None,
        max_pixels: int = PIXELS_AT_MOST,
    ) -> np.ndarray:
        """Returns the image of `read`, which see."""
        return self.read(file, form, name=name, size=size, max_pixels=max_pixels).image

    def read(
        self,
        file: ImageFile,
        form: InputForm | None = None,
        *,
        name: str = "",
        size: Size | None = None,
        max_pixels: int = PIXELS_AT_MOST,
    ) -> InputImage:
        """Reads the input from a file, or derives it from the image in the file.

        Args:
            file: The image file.
            form: The result of `form`; None for a single image that is not a pair.
            name: The name of the image, without suffix, see `Derivation.input_of`.
            size: Height and width in pixels that the image is resized to, before an input is
                derived from it; None keeps its size.
            max_pixels: The largest number of pixels that are decoded at once.

        Returns:
            The input.

        Raises:
            UserError: The file cannot be read, or one half is to be read and its width is odd.
        """
        form = form or InputForm(None, self.derivation is not None and self.derivation.idempotent)
        channels = self.spec.input_channels
        decoded = decode_with_mask(file, self._reading(form), max_pixels=max_pixels)
        image, empty = decoded.pixels, decoded.empty
        if form.half is not None:
            refuse_odd_width(file, image.shape[1])
            image = halves(image)[form.half]
            empty = None if empty is None else halves(empty)[form.half]
        if size is not None:
            empty = None
        if self.derivation is None or not form.derive:
            image = to_channels(image, channels)
            return InputImage(image if size is None else resize_image(image, *size), empty)
        photo = self.derivation.photograph(image)
        photo = photo if size is None else resize_image(photo, *size)
        return InputImage(self.derivation.input_of(photo, name), empty)

    def windows_of(
        self, file: Path, form: InputForm, *, max_pixels: int = PIXELS_AT_MOST
    ) -> ImageWindows | None:
        """Opens a large TIFF for reading by windows.

        Args:
            file: The image file.
            form: The result of `form`.
            max_pixels: The largest number of pixels that are decoded at once.

        Returns:
            The opened file; None for files that are to be read by `input_of`.

        Raises:
            UserError: The file cannot be read, or one half is to be read and its width is odd.
        """
        reading = self._reading(form)
        if form.derive or not has_windows(file, reading):
            return None
        if form.half is not None:
            refuse_odd_width(file, self.size_of(file, form)[1])
        return ImageWindows(file, reading, half=form.half, max_pixels=max_pixels)

    def tags_of(self, file: ImageFile, form: InputForm) -> CarriedTags:
        """Reads what a file says beside values about the image that the input is made of.

        Args:
            file: The image file.
            form: The result of `form`.

        Returns:
            Resolution and georeference of the input, and the value that stands for no data in it.

        Raises:
            UserError: The header cannot be read.
        """
        reading = self._reading(form)
        with open_image_file(openable(file), reading) as opened:
            value = nodata_value(reading.nodata[0], opened.tags.nodata, opened.dtype)
            first = opened.width // 2 if form.half == 1 else 0
            return replace(opened.tags.moved(first), nodata=value)

    def size_of(self, file: ImageFile, form: InputForm) -> Size:
        """Reads height and width in pixels of an image, whole pairs included, from its header.

        Args:
            file: The image file.
            form: The result of `form`.

        Raises:
            UserError: The header cannot be read.
        """
        return image_size(file, *self._reading(form))

    def _reading(self, form: InputForm) -> Reading:
        side = self.spec.input or self.spec.target
        channels = None if form.derive else self.spec.input_channels
        return Reading(channels, side.axes, (side.nodata,), side.array)

    def _sizes(self, paths: Sequence[Path]) -> dict[Path, Size]:
        """Returns the sizes of files with readable headers; the others raise errors if decoded."""
        sizes, reading = {}, self._reading(InputForm(None, derive=False))
        for path in paths:
            with suppress(UserError):
                sizes[path] = image_size(path, *reading)
        return sizes

    def described(
        self, form: InputForm, paths: Sequence[Path], *, by_itself: bool = True
    ) -> list[str]:
        """Describes how files are converted to inputs, for a message to the user.

        Args:
            form: The result of `form`.
            paths: The files.
            by_itself: Whether `form` decided about pairs, rather than the user.

        Returns:
            One sentence, or an empty list if the files are read unchanged.
        """
        count, kind = len(paths), self.derivation.kind if self.derivation else ""
        if form.half is not None:
            half = ("left", "right")[form.half]
            parts = f"their {half} halves" if count > 1 else f"its {half} half"
            pairs = pluralize(count, "side-by-side pair")
            if form.derive:
                return [f"{pairs}: making inputs of {parts} as in training ({kind})"]
            otherwise = " (--no-pairs translates all of it)" if by_itself else ""
            return [f"{pairs}: translating {parts}{otherwise}"]
        if form.derive:
            pronoun = "them" if count > 1 else "it"
            photographs = pluralize(count, "photograph")
            return [f"{photographs}: making inputs of {pronoun} as in training ({kind})"]
        if self.derivation is not None:
            content = "photographs with holes" if self.derivation.masks else "drawings"
            return [
                f"{pluralize(count, 'image')}: taken for inputs as they are, {content} (--derive: "
                f"for photographs, to make inputs of as in training: {kind})"
            ]
        return self._on_wide_images(paths) if by_itself else []

    def _on_wide_images(self, paths: Sequence[Path]) -> list[str]:
        """Returns a note if all files have the proportions of pairs but are translated whole."""
        if self.layout == "side_by_side":
            return []
        sizes = list(self._sizes(paths).values())
        if not sizes or not all(_within(size, *self._proportions) for size in sizes):
            return []
        return [
            f"{pluralize(len(paths), 'image')} of twice an input's width: translated whole, since "
            "this run was not trained on side-by-side files (--pairs: these are such pairs)"
        ]

    def _are_pairs(self, paths: Sequence[Path]) -> bool:
        if self.layout not in (None, "side_by_side"):
            return False
        sized = self._sizes(paths)
        paths, sizes = list(sized), list(sized.values())
        least, greatest = self._proportions
        flags = [_within(size, least, greatest) for size in sizes]
        if not any(flags):
            return False
        if not all(flags):
            pair, single = paths[flags.index(True)], paths[flags.index(False)]
            raise UserError(
                f"{pair}: looks like a side-by-side pair, {single} does not; "
                "say --pairs or --no-pairs, or translate them apart"
            )
        # Of a training on files of many proportions, one file's pair can be another one's half.
        doubtful = [_within(size, least / 2, greatest / 2) for size in sizes]
        if self.layout is None or any(doubtful):
            path = paths[doubtful.index(True) if any(doubtful) else 0]
            why = "this run was trained on files of very different proportions"
            if self.layout is None:
                why = "this run has no record of the files that it was trained on"
            raise UserError(
                f"{path}: has the proportions of a side-by-side pair, but may be an input by "
                f"itself: {why}; say --pairs or --no-pairs"
            )
        return True


def _layout_by_config(config: Config) -> str | None:
    """Returns the layout as far as the config determines it, else None."""
    data = config.data
    if data.from_photographs:
        return "photographs"
    if data.dataset == "sample":
        return "city"
    return None if data.layout == "auto" else data.layout


def _within(size: Size, least: float, greatest: float) -> bool:
    """Whether width / height lies in a range that is widened by 2% at both ends."""
    height, width = size
    return least * height <= 1.02 * width and width <= 1.02 * greatest * height
