"""How an input comes of a file: which half, how many channels, made of a photograph or not.

It is decided once, by one object made from the config and the layout of the dataset; training,
`translate`, `evaluate`, the exporters, the demo and `data derive` all read their inputs by it.
Images are uint8 or uint16 [H, W, C] here, at the size their files have.
"""

from __future__ import annotations

import hashlib
from collections.abc import Callable, Sequence
from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path

import numpy as np

from pix2pix_tf.config.schema import Config
from pix2pix_tf.data.derived.derive import centre_mask, grey, lightness_in_grey, random_mask
from pix2pix_tf.data.derived.edges import canny_edges
from pix2pix_tf.data.layout.pair_files import PairFiles, read_pair, refuse_misfit
from pix2pix_tf.images.convert import resize_image, to_8bit, to_channels
from pix2pix_tf.images.image_file import ImageFile
from pix2pix_tf.images.io import PIXELS_AT_MOST, decode_image, image_size
from pix2pix_tf.images.windows import ImageWindows, has_windows
from pix2pix_tf.utils.console import pluralize
from pix2pix_tf.utils.errors import UserError

Pair = tuple[np.ndarray, np.ndarray]
Derive = Callable[[np.ndarray, str], np.ndarray]
Size = tuple[int, int]  # height and width

DERIVATIONS = ("grey", "lightness", "edges", "centre_mask", "random_mask")
MASKS = ("centre_mask", "random_mask")
# Made of an input once more, these are that input: a photograph and its grey give the same.
_IDEMPOTENT = ("grey", "lightness")

# Training draws the masks of crops from seeds below it, everything else from those above.
_FIRST_FIXED_SEED = 2**31


def make_input(kind: str, photo: np.ndarray, mask_seed: int = 0) -> np.ndarray:
    """What a network is given of a photograph.

    Args:
        kind: One of `DERIVATIONS`.
        photo: uint8 [H, W, 3].
        mask_seed: What is missing with `random_mask`.

    Returns:
        uint8 [H, W, C]: one channel of `grey` and `edges`, else three.
    """
    if kind == "grey":
        return grey(photo)
    if kind == "lightness":
        return lightness_in_grey(photo)
    if kind == "edges":
        return canny_edges(photo)[..., np.newaxis]
    if kind == "centre_mask":
        return centre_mask(photo)
    if kind == "random_mask":
        return random_mask(photo, mask_seed)
    raise ValueError(f"kind is {kind}, expected one of {', '.join(DERIVATIONS)}")


def fixed_mask_seed(seed: int, name: str) -> int:
    """The seed of an image's mask by its name: the same whatever other images there are.

    No crop of a training has a mask of any of these seeds, see `PairSource.mask_crop`.
    """
    digest = hashlib.sha256(f"{seed}/{name}".encode("utf-8", "surrogateescape")).digest()
    return _FIRST_FIXED_SEED + int.from_bytes(digest[:4], "big") % 2**31


@dataclass(frozen=True)
class InputForm:
    """How files that hold no pairs, or more than the input, become inputs.

    Attributes:
        half: 0 (left) or 1 (right) of side-by-side pairs; None: the whole file.
        derive: Whether the input is made of what is read, as in training; else it is the input.
    """

    half: int | None
    derive: bool


class PairSource:
    """Inputs and targets of files, as one run takes them.

    Attributes:
        layout: How the dataset lies on disk that the run is or was trained on; None: not known.
        derives: Whether inputs are made of photographs, which are the targets.
        masks: Whether they are photographs with holes, which training cuts into each crop.
    """

    def __init__(
        self,
        config: Config,
        layout: str | None = None,
        proportions: tuple[float, float] | None = None,
    ) -> None:
        """Takes what decides it.

        Args:
            config: The experiment.
            layout: How the dataset lies on disk that it is or was trained on, a `LayoutKind`;
                None: not known.
            proportions: Least and greatest width / height of the side-by-side files it was trained
                on; None: not known, so those of two training crops beside each other.
        """
        data = config.data
        self._data, self._seed = data, config.training.seed
        self.layout = layout if layout is not None else _layout_by_config(config)
        height, width = data.crop_size
        self._proportions = proportions or (2 * width / height, 2 * width / height)
        self.derives = data.derive != "pair"
        self.masks = data.derive in MASKS

    def pair_of(self, files: PairFiles) -> Pair:
        """The input and the target of a pair; where inputs are derived, twice the photograph.

        The input is made of it by `derive` or `mask_crop`, at the size it is seen at.

        Raises:
            UserError: A file cannot be read, or the two do not fit together.
        """
        channels = self._data.image_channels
        if not self.derives:
            a, b = channels if self._data.direction == "AtoB" else channels[::-1]
            return self.directed(*read_pair(files, a, b))
        if self._data.photo == "file":
            return self._photograph(decode_image(files.a))
        if files.b is None:
            return self._photograph(_half(files.a, "AB".index(self._data.photo), files))
        colours = 4 if channels[1] in (2, 4) else 3  # with alpha where the target has it
        sides = read_pair(files, colours, colours)  # both, since they must fit together
        return self._photograph(sides["AB".index(self._data.photo)])

    def directed(self, a: np.ndarray, b: np.ndarray) -> Pair:
        """The input and the target among the two sides of a pair; for derived inputs as above."""
        if self.derives:
            return self._photograph(b if self._data.photo == "B" else a)
        return (a, b) if self._data.direction == "AtoB" else (b, a)

    def derivation(
        self, *, training: bool = False
    ) -> Callable[[np.ndarray, str], np.ndarray] | None:
        """`derive` where pairs need it when they are read, else None.

        While training, masks do not: they are cut into crops, see `mask_crop`.
        """
        return self.derive if self.derives and not (training and self.masks) else None

    def derive(self, photo: np.ndarray, name: str) -> np.ndarray:
        """The input made of a photograph, uint8 [H, W, C] in the input's channels.

        Args:
            photo: uint8 [H, W, 1..4].
            name: Of the image: what is missing with `random_mask` follows from it.
        """
        return self._made(photo, fixed_mask_seed(self._seed, name))

    def mask_crop(self, photo: np.ndarray, number: int) -> np.ndarray:
        """The input made of a crop while training, another one in each epoch.

        Args:
            photo: uint8 [H, W, 3].
            number: Of the image, counted over all epochs.
        """
        return self._made(photo, _training_mask_seed(self._seed, number))

    def form(
        self, paths: Sequence[Path], *, pairs: bool | None = None, derive: bool = False
    ) -> InputForm:
        """How files that a user gives become inputs.

        Only a run that was trained on side-by-side files takes images for such pairs by itself,
        and only where all of them have the proportions of pairs.

        Args:
            paths: The files; those whose headers cannot be read tell nothing.
            pairs: Whether they are side-by-side pairs, where the user says so.
            derive: Whether the user wants inputs made of photographs, of whatever kind.

        Raises:
            UserError: Some are like pairs and some not; all are, and it is not known whether the
                run was trained on such; `derive` where inputs are not made of photographs.
        """
        if derive and not self.derives:
            raise UserError(
                "--derive: this run's inputs are not made of photographs (its data.derive is "
                "pair); give the inputs themselves"
            )
        halved = self._are_pairs(paths) if pairs is None else pairs
        if halved and self.derives and self._data.photo != "file":
            return InputForm("AB".index(self._data.photo), derive=True)
        half = None
        if halved:  # the target's half is the photograph: `data derive` writes such pairs
            half = int((self._data.direction == "AtoB") == derive)
        return InputForm(half, derive or self._data.derive in _IDEMPOTENT)

    def input_of(
        self,
        file: ImageFile,
        form: InputForm | None = None,
        *,
        name: str = "",
        size: Size | None = None,
        max_pixels: int = PIXELS_AT_MOST,
    ) -> np.ndarray:
        """The input that a file holds, or that is made of it: [H, W, C] in the input's channels.

        Args:
            file: The image.
            form: See `form`; None takes a single image that is no pair.
            name: What the image is called, without suffix: see `derive`.
            size: What an image is resized to, before an input is made of it; None: its own.
            max_pixels: How many pixels may be decoded at once.

        Raises:
            UserError: It cannot be read; it is to be halved and has an odd width.
        """
        form = form or InputForm(None, self._data.derive in _IDEMPOTENT)
        channels = None if form.derive else self._data.image_channels[0]
        if form.half is None:
            image = decode_image(file, channels, max_pixels=max_pixels)
        else:
            image = _half(file, form.half, channels=channels, max_pixels=max_pixels)
        if not form.derive:
            image = to_channels(image, self._data.image_channels[0])
            return image if size is None else resize_image(image, *size)
        photo, _ = self._photograph(image)
        return self.derive(photo if size is None else resize_image(photo, *size), name)

    def windows_of(
        self, file: Path, form: InputForm, *, max_pixels: int = PIXELS_AT_MOST
    ) -> ImageWindows | None:
        """The input that a large TIFF holds, read in parts; None where `input_of` is to read it.

        Raises:
            UserError: It cannot be read; it is to be halved and has an odd width.
        """
        if form.derive or not has_windows(file):
            return None
        if form.half is not None:
            refuse_misfit(PairFiles("", file, None, proportions=()), *[image_size(file)] * 2)
        channels = self._data.image_channels[0]
        return ImageWindows(file, channels, half=form.half, max_pixels=max_pixels)

    def described(
        self, form: InputForm, paths: Sequence[Path], *, by_itself: bool = True
    ) -> list[str]:
        """What becomes of files in this form, in a sentence; none where they are simply read.

        Args:
            form: See `form`.
            paths: The files.
            by_itself: Whether `form` decided about pairs, and not the user.
        """
        count = len(paths)
        if form.half is not None:
            half = ("left", "right")[form.half]
            halves = f"their {half} halves" if count > 1 else f"its {half} half"
            pairs = pluralize(count, "side-by-side pair")
            if form.derive:
                return [f"{pairs}: making inputs of {halves} as in training ({self._data.derive})"]
            otherwise = " (--no-pairs translates all of it)" if by_itself else ""
            return [f"{pairs}: translating {halves}{otherwise}"]
        if form.derive:
            of = "them" if count > 1 else "it"
            return [
                f"{pluralize(count, 'photograph')}: making inputs of {of} as in training "
                f"({self._data.derive})"
            ]
        if self.derives:
            what = "photographs with holes" if self.masks else "drawings"
            return [
                f"{pluralize(count, 'image')}: taken for inputs as they are, {what} (--derive: for "
                f"photographs, to make inputs of as in training: {self._data.derive})"
            ]
        return self._on_wide_images(paths) if by_itself else []

    def _on_wide_images(self, paths: Sequence[Path]) -> list[str]:
        """Where all could be pairs, by their proportions, but are not taken for such."""
        if self.layout == "side_by_side":
            return []
        sizes = list(_sizes(paths).values())
        if not sizes or not all(_within(size, *self._proportions) for size in sizes):
            return []
        return [
            f"{pluralize(len(paths), 'image')} of twice an input's width: translated whole, since "
            "this run was not trained on side-by-side files (--pairs: these are such pairs)"
        ]

    def _are_pairs(self, paths: Sequence[Path]) -> bool:
        if self.layout not in (None, "side_by_side"):
            return False
        sized = _sizes(paths)
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

    def _photograph(self, image: np.ndarray) -> Pair:
        """The photograph that inputs are made of, and the target that it is: the same."""
        photo = to_8bit(to_channels(image, self._data.image_channels[1]))
        return photo, photo

    def _made(self, photo: np.ndarray, mask_seed: int) -> np.ndarray:
        made = make_input(self._data.derive, to_channels(photo, 3), mask_seed)
        return to_channels(made, self._data.image_channels[0])


def _layout_by_config(config: Config) -> str | None:
    """What the config alone tells of the layout."""
    data = config.data
    if data.from_photographs:
        return "photographs"
    if data.dataset == "sample":
        return "city"
    return None if data.layout == "auto" else data.layout


def _training_mask_seed(seed: int, number: int) -> int:
    return int(np.random.default_rng([seed, number]).integers(_FIRST_FIXED_SEED))


def _sizes(paths: Sequence[Path]) -> dict[Path, Size]:
    """The sizes of those files whose headers can be read; whoever reads the others learns why."""
    sizes = {}
    for path in paths:
        with suppress(UserError):
            sizes[path] = image_size(path)
    return sizes


def _within(size: Size, least: float, greatest: float) -> bool:
    """Whether width / height lies in a range, 2% more or less."""
    height, width = size
    return least * height <= 1.02 * width and width <= 1.02 * greatest * height


def _half(
    file: ImageFile,
    half: int,
    files: PairFiles | None = None,
    channels: int | None = None,
    max_pixels: int = PIXELS_AT_MOST,
) -> np.ndarray:
    """The left (0) or right (1) half of a side-by-side pair, which is one by what is known of it.

    Without `files` its proportions are known to be right; the rest as of `decode_image`.
    """
    both = decode_image(file, channels, max_pixels=max_pixels)
    files = files or PairFiles("", Path(str(file)), None, proportions=())
    refuse_misfit(files, both.shape[:2], both.shape[:2])
    middle = both.shape[1] // 2
    return both[:, middle:] if half else both[:, :middle]
