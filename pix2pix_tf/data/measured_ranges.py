"""Ranges of values that are measured in the training files, for `data.input_range: data`."""

from __future__ import annotations

from collections.abc import Callable, Sequence

import numpy as np

from pix2pix_tf.config.schema import Config
from pix2pix_tf.config.section import Bounds
from pix2pix_tf.data.checking.pending import OPENED_AT_MOST, SAMPLED
from pix2pix_tf.data.layout.pair_files import PairFiles, read_side
from pix2pix_tf.data.layout.pair_spec import PairSpec, Side, pair_spec
from pix2pix_tf.data.pairs import training_files
from pix2pix_tf.utils.errors import UserError
from pix2pix_tf.utils.parallel import parallel_map
from pix2pix_tf.utils.sampling import evenly_spaced

_VALUES_AT_MOST = 2**24  # of one side, that are kept to find percentiles


def measure_ranges(config: Config, advance: Callable[[int], None] = lambda total: None) -> Config:
    """Replaces ranges of `data` by the percentiles of the training files, channel by channel.

    Of more than 10,000 training pairs, 2,000 that are evenly spaced are read. Of more than 16
    million values a side, the same number of random pixels of each file is used, which depend on
    its number alone. Values that stand for no data are left out, and so are files that cannot be
    read: the check of all images, which follows in a training, names them.

    Args:
        config: The config of the experiment.
        advance: Called after each file, with the number of files to read.

    Returns:
        The config with numbers for `data.input_range` and `data.target_range`.

    Raises:
        UserError: The dataset does not exist, none of its files can be read, or a channel has the
            same value at both percentiles.
    """
    data, spec = config.data, pair_spec(config.data)
    measured = {
        f"{role}_range": side
        for role, side in (("input", spec.input), ("target", spec.target))
        if side is not None and getattr(data, f"{role}_range") == "data"
    }
    if not measured:
        return config
    files = training_files(data)
    if len(files) > OPENED_AT_MOST:
        files = [files[index] for index in evenly_spaced(len(files), SAMPLED)]
    total = len(files) * len(measured)
    ranges = {
        key: _measure(
            files, side, spec, data.range_percentiles, f"data.{key}", lambda _: advance(total)
        )
        for key, side in measured.items()
    }
    return config.model_copy(update={"data": data.model_copy(update=ranges)})


def _measure(
    files: Sequence[PairFiles],
    side: Side,
    spec: PairSpec,
    percentiles: Bounds,
    key: str,
    advance: Callable[[int], None],
) -> Bounds | tuple[Bounds, ...]:
    """Returns the range of one side: [low, high], or one for each of several channels."""
    at_most = max(1, _VALUES_AT_MOST // (side.channels * len(files)))

    def sample(numbered: tuple[int, PairFiles]) -> np.ndarray | UserError:
        number, pair = numbered
        try:
            _, image, missing = read_side(pair, side.name, spec)
        except UserError as error:
            return error
        pixels = image.reshape(-1, side.channels)
        chosen: slice | np.ndarray = slice(None)
        if len(pixels) > at_most:
            chosen = np.random.default_rng(number).integers(len(pixels), size=at_most)
        if missing is None:
            return pixels[chosen]
        return np.where(missing.reshape(pixels.shape)[chosen], np.nan, pixels[chosen])

    samples = parallel_map(sample, list(enumerate(files)), advance)
    read = [each for each in samples if isinstance(each, np.ndarray)]
    if not read:
        raise next(each for each in samples if isinstance(each, UserError))
    pixels = np.concatenate(read).astype(np.float64)
    limits = []
    for channel in range(side.channels):
        of_channels = f"channel {channel + 1} of " if side.channels > 1 else ""
        values = pixels[:, channel]
        values = values[~np.isnan(values)]
        if not len(values):
            raise UserError(
                f"{key}: data: all values of {of_channels}{side.name} stand for no data "
                "(data.nodata), so that there is nothing to measure"
            )
        low, high = np.percentile(values, percentiles)
        limits.append((_legible(low), _legible(high)))
        if not _legible(low) < _legible(high):
            raise UserError(
                f"{key}: data: nearly all values of {of_channels}{side.name} are {low:g}, so that "
                f"there is no range between percentiles {percentiles[0]:g} and {percentiles[1]:g}: "
                f"give it as numbers, --set {key}=[LOW,HIGH]"
            )
    return limits[0] if len(limits) == 1 else tuple(limits)


def _legible(number: float) -> float:
    """Returns a number without the digits that rounding errors leave."""
    return float(f"{number:.10g}")
