"""Translation of images that do not fit into memory as a whole, computed tile by tile.

Two properties make a generator's output depend on the whole image:

- Normalisation. The mean and variance of each norm are first measured over all tiles and then
  fixed, unless the run has statistics of a batch for all images. The input of a layer depends on
  the statistics of the norms before it, so the norms are measured one after the other, each in a
  pass of all tiles through the layers up to it. Estimates from one or a few tiles are not enough:
  they shift brightness by many grey levels where an image varies.
- Receptive field. The inner layers of a U-Net have a larger receptive field than tiles can overlap;
  computed from tiles alone, whole regions change colour. But their feature maps are small: 1/32 of
  the image's sides after five halvings. The encoder's five outermost levels are therefore computed
  in tiles, the inner levels for the whole image at once, and the outermost decoder levels again in
  tiles, each with its part of the inner levels' output. In a U-Net of five levels the four
  outermost levels are tiled. The receptive field of the tiled levels is no larger than the overlap,
  and nor is that of complete ResNets and U-Nets of four levels.

The result equals the translation of the whole image, except for rounding. Dropout in the inner
layers (all of the dropout of a 256×256 U-Net) uses the masks of the whole image; in the tiled
layers each tile has its own mask, and blending hides the transitions. Memory grows with the image
only by the inner feature maps and a row of tiles, and by the image and its translation where they
are held as a whole: files are read by windows, and `bands` yields the translation from the top. The
time is that of as many translations as there are norms in the tiled layers, though most of these
passes end early.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable
from dataclasses import dataclass, field
from functools import partial

import keras
import numpy as np
import tensorflow as tf

from pix2pix_tf.config.schema import Config, DataConfig
from pix2pix_tf.data.representation import decode, encode
from pix2pix_tf.images.windows import ImageWindows
from pix2pix_tf.inference.tile_grid import Bands, Tile, TileGrid, blended_rows, tile_grid
from pix2pix_tf.inference.translation import (
    AnySizeTranslation,
    fast_convolutions,
    image_function,
    image_seeds,
)
from pix2pix_tf.methods.translation import GeneratorTranslation
from pix2pix_tf.models.layers import BatchStatisticsNorm, dropout_seeds, fixed_moments
from pix2pix_tf.utils.errors import UserError

SIDE_MULTIPLE, SMALLEST_SIDE = 64, 256
# Images of more pixels are scored in tiles of this side, if pairs are not resized to one size.
LARGEST_SCORED_WHOLE, SCORING_SIDE = 2**20, 512

_Forward = Callable[..., tf.Tensor]


def check_side(side: int) -> None:
    """Checks the side of tiles.

    Args:
        side: The side of a tile in pixels.

    Raises:
        UserError: The side is less than 256 or not a multiple of 64.
    """
    if side < SMALLEST_SIDE or side % SIDE_MULTIPLE:
        raise UserError(
            f"tile {side}: expected the side of a tile in pixels, a multiple of {SIDE_MULTIPLE}, "
            f"at least {SMALLEST_SIDE}"
        )


def scoring_side(
    translation: AnySizeTranslation, data: DataConfig, size: tuple[int, ...]
) -> int | None:
    """Returns the side of tiles by which validation and `evaluate` translate an image.

    It depends on nothing but the size, so that both have the same scores on every machine.

    Args:
        translation: The translation.
        data: The section `data` of the run's config.
        size: Height and width of the image in pixels.

    Returns:
        The side in pixels; None if the image is translated whole.
    """
    tiled = data.scale != "resize" and isinstance(translation.translation, GeneratorTranslation)
    return SCORING_SIDE if tiled and size[0] * size[1] > LARGEST_SCORED_WHOLE else None


def scoring_function(
    translation: AnySizeTranslation, config: Config
) -> Callable[[np.ndarray], np.ndarray]:
    """Returns the function by which validation translates an image, see `scoring_side`.

    Args:
        translation: The translation.
        config: The config of the run, whose seed is that of the dropout.

    Returns:
        A function from [H, W, C] to [H, W, D], see `AnySizeTranslation.translate_values`.
    """
    seed = config.training.seed
    whole = image_function(translation, seed)
    tiles: list[TiledTranslation] = []  # built when the first large image comes

    def translate(image: np.ndarray) -> np.ndarray:
        side = scoring_side(translation, config.data, image.shape[:2])
        if side is None:
            return whole(image)
        if not tiles:
            tiles.append(TiledTranslation(translation))
        return tiles[0](image, side, seed)

    return translate


class TiledTranslation:
    """Translation of single images, tile by tile.

    Args:
        translation: The translation of whole images by a single generator.

    Raises:
        UserError: The translation uses more than a single generator.
    """

    def __init__(self, translation: AnySizeTranslation) -> None:
        whole = translation.translation
        if not isinstance(whole, GeneratorTranslation):
            raise UserError(
                "tiles: only the translation of a single generator can be computed in tiles; "
                "translate the images whole"
            )
        self._translation, self._representation = translation, whole.representation
        self._values = translation.values
        fixed = translation.moments.with_dropout  # its keys are those of `without_dropout`
        network = whole.network
        self._tiling = whole.kind.tiling(network, whole.crop_size)
        inner = self._tiling.inner
        self._down: _Part | None = None
        if inner is None:
            self._up = _part(network, [network.input], network.output, known=fixed)
            return
        self._cell, self._skip = inner.cell, inner.skip
        self._down = _part(network, [network.input], inner.bottom, known=fixed)
        self._inner = _part(network, [inner.bottom], inner.top).make.run
        inputs = [network.input, *([inner.bottom] if inner.skip else []), inner.top]
        self._up = _part(network, inputs, network.output, known={*fixed, *self._down.measures})

    def steps(self, height: int, width: int, side: int) -> int:
        """Returns how often `advance` is called for an image.

        Args:
            height: Height of the image in pixels.
            width: Width of the image in pixels.
            side: Side of a tile in pixels.

        Returns:
            The number of calls.
        """
        tiles = len(self.grid(height, width, side).tiles)
        if self._down is None:
            return self._up.steps * tiles
        return (self._down.steps + self._up.steps) * tiles + 1

    def __call__(
        self,
        image: np.ndarray | ImageWindows,
        side: int,
        seed: int | None,
        advance: Callable[[int], None] = lambda total: None,
    ) -> np.ndarray:
        """Translates one image.

        Args:
            image: [H, W, C], see `AnySizeTranslation.translate_values`.
            side: Side of the tiles in pixels, see `check_side`.
            seed: Seed of the dropout; None turns dropout off.
            advance: Called with the total number of steps, which is `steps(...)`, after each step.
                Each tile of each pass has one step for every convolution it is computed by, so
                that the calls are about evenly spaced in time.

        Returns:
            [H, W, D] of the type of the targets' files.
        """
        return stacked(self.bands(image, side, seed, advance), image.shape[0])

    def bands(
        self,
        image: np.ndarray | ImageWindows,
        side: int,
        seed: int | None,
        advance: Callable[[int], None] = lambda total: None,
    ) -> Bands:
        """Translates one image, and yields the translation in bands while it is computed.

        Args:
            image: As of `__call__`, like the other arguments.

        Yields:
            The index of the first row of a band, and the band, [rows, W, D], from the top.
        """
        height, width = image.shape[:2]
        total = self.steps(height, width, side)
        forward = _MultiPassForward(self.grid(height, width, side), seed, lambda: advance(total))
        forward.moments |= self._fixed(seed)
        forward.sources.append(self._pixels(image))
        if self._down is not None:
            forward.measure(self._down)
            maps = self._maps(forward.make(self._down, self._cell), forward.grid, seed)
            forward.sources += [partial(_part_of, whole, self._cell) for whole in maps]
            forward.done()
        forward.measure(self._up)
        yield from self._image_bands(forward.make(self._up), image)

    def _fixed(self, seed: int | None) -> dict[str, tf.Tensor]:
        """Returns the statistics of the norms that are fixed for all images."""
        moments = self._translation.moments.of(seed)
        return {name: tf.convert_to_tensor(values) for name, values in moments.items()}

    def grid(self, height: int, width: int, side: int) -> TileGrid:
        """Returns the tiles over an image after padding.

        Args:
            height: Height of the image in pixels, without padding.
            width: Width of the image in pixels, without padding.
            side: Side of a tile in pixels.

        Returns:
            The tiles of the padded image.
        """
        rows, columns = (self._translation.axis_padding(size).padded for size in (height, width))
        return tile_grid(rows, columns, side, min(self._tiling.overlap, side // 2))

    def _pixels(self, image: np.ndarray | ImageWindows) -> Callable[[Tile], tf.Tensor]:
        """Returns the function from a tile to the generator's input, padded like whole images."""
        rows, columns = (
            self._translation.axis_padding(size).sources().numpy() for size in image.shape[:2]
        )

        def pixels(tile: Tile) -> tf.Tensor:
            cut = _cut(image, rows[tile.rows.within()], columns[tile.columns.within()])
            images = encode(tf.constant(cut[np.newaxis]), self._values.input)
            return self._representation.to_input(images)

        return pixels

    def _maps(self, bands: Bands, grid: TileGrid, seed: int | None) -> list[tf.Tensor]:
        """Returns the inner levels' output for the whole image, which the decoder's tiles take.

        Their input comes before it where a skip connection bypasses them.
        """
        bottom = _tensor(bands, grid.height // self._cell)
        seeds = None if seed is None else image_seeds(seed, 1)
        top = self._inner([bottom], self._fixed(seed), seeds)
        return [bottom, top] if self._skip else [top]

    def _image_bands(self, outputs: Bands, image: np.ndarray | ImageWindows) -> Bands:
        """Yields bands of the translation, with the values of targets, from the padded outputs."""
        height, width = image.shape[:2]
        top = self._translation.axis_padding(height).before
        columns = self._translation.axis_padding(width).inside
        for start, rows in _strips(outputs):
            first, end = np.clip([start - top, start - top + len(rows)], 0, height)
            if first == end:  # all rows of the strip are padding
                continue
            cut = tf.constant(rows[first + top - start : end + top - start, columns][np.newaxis])
            if self._representation.recombines:  # else a file is not read once more
                source = encode(tf.constant(image[first:end][np.newaxis]), self._values.input)
                cut = self._representation.to_image(cut, source)
            yield first, decode(cut, self._values.target).numpy()[0]


@dataclass(frozen=True)
class _Pass:
    """A computation that is applied to all tiles.

    Attributes:
        run: The compiled function; see `_measuring` and `_making` for its arguments.
        steps: Number of convolutions in it, which take most of its time.
    """

    run: _Forward
    steps: int


@dataclass(frozen=True)
class _Part:
    """A part of the generator that is computed in tiles.

    Attributes:
        measures: For each norm to be measured, the pass that returns its statistics in a tile, in
            the order in which the norms depend on each other.
        make: The last pass, which computes the part's output.
    """

    measures: dict[str, _Pass]
    make: _Pass

    @property
    def steps(self) -> int:
        return sum(each.steps for each in (*self.measures.values(), self.make))


def _part(
    generator: keras.Model,
    inputs: list[keras.KerasTensor],
    output: keras.KerasTensor,
    known: Iterable[str] = (),
) -> _Part:
    """Returns the part of a generator between some of its tensors and another.

    The norms named in `known` are not measured. The layers are called again on new inputs, because
    models that start in the middle of the generator would change its graph.
    """
    copies = {id(tensor): keras.Input(batch_shape=tensor.shape) for tensor in inputs}
    starts = list(copies.values())
    for layer in generator.layers:
        sources = keras.tree.flatten(layer.input)
        computable = bool(sources) and all(id(tensor) in copies for tensor in sources)
        if id(layer.output) not in copies and computable:
            arguments = keras.tree.map_structure(lambda tensor: copies[id(tensor)], layer.input)
            copies[id(layer.output)] = layer(arguments)
    make = keras.Model(starts, copies[id(output)])
    norms = [layer for layer in make.layers if isinstance(layer, BatchStatisticsNorm)]
    measures = {
        norm.name: _measuring(keras.Model(starts, copies[id(norm.input)]))
        for norm in norms
        if norm.name not in known
    }
    return _Part(measures, _making(make))


def _convolutions(network: keras.Model) -> int:
    """Returns the number of convolutions in a network."""
    kinds = (keras.layers.Conv2D, keras.layers.Conv2DTranspose)
    return sum(isinstance(layer, kinds) for layer in network.layers)


def _making(network: keras.Model) -> _Pass:
    """Returns the pass whose function maps (inputs, moments, seeds) to the network's output."""

    @tf.function(reduce_retracing=True, autograph=False)
    def make(
        inputs: list[tf.Tensor], moments: dict[str, tf.Tensor], seeds: tf.Tensor | None
    ) -> tf.Tensor:
        return _applied(network, inputs, moments, seeds)

    return _Pass(make, _convolutions(network))


def _measuring(network: keras.Model) -> _Pass:
    """Returns the pass whose function computes mean and variance, [2, C], of a network's output.

    Besides the arguments of `_making`'s function, it takes the weights of the tile's rows and
    columns of pixels.
    """

    @tf.function(reduce_retracing=True, autograph=False)
    def measure(
        inputs: list[tf.Tensor],
        moments: dict[str, tf.Tensor],
        seeds: tf.Tensor | None,
        rows: tf.Tensor,
        columns: tf.Tensor,
    ) -> tf.Tensor:
        x = _applied(network, inputs, moments, seeds)  # [1, h, w, C]
        rows = tf.reduce_sum(tf.reshape(rows, [tf.shape(x)[1], -1]), 1)
        columns = tf.reduce_sum(tf.reshape(columns, [tf.shape(x)[2], -1]), 1)
        weights = tf.tensordot(rows / tf.reduce_sum(rows), columns / tf.reduce_sum(columns), 0)
        weights = weights[tf.newaxis, :, :, tf.newaxis]
        mean = tf.reduce_sum(weights * x, [0, 1, 2])
        variance = tf.reduce_sum(weights * tf.math.squared_difference(x, mean), [0, 1, 2])
        return tf.stack([mean, variance])

    return _Pass(measure, _convolutions(network))


def _applied(
    network: keras.Model,
    inputs: list[tf.Tensor],
    moments: dict[str, tf.Tensor],
    seeds: tf.Tensor | None,
) -> tf.Tensor:
    with fast_convolutions(), fixed_moments(moments), dropout_seeds(seeds):
        return network(inputs, training=False)


@dataclass
class _MultiPassForward:
    """A forward pass over the tiles of one image for each norm, then one for the output.

    Attributes:
        grid: The tiles.
        seed: Seed of the dropout; None turns dropout off.
        done: Called after each step of a pass over a tile.
        sources: Functions from a tile to each input of the part.
        moments: Statistics that are known so far: mean and variance, [2, C], by the names of norms.
    """

    grid: TileGrid
    seed: int | None
    done: Callable[[], None]
    sources: list[Callable[[Tile], tf.Tensor]] = field(default_factory=list)
    moments: dict[str, tf.Tensor] = field(default_factory=dict)

    def measure(self, part: _Part) -> None:
        """Measures the whole image's statistics for all norms of a part."""
        shares = np.array([tile.share for tile in self.grid.tiles])
        for norm, measure in part.measures.items():
            tile_moments = [
                self._run(measure, tile, tile.rows.weights, tile.columns.weights)
                for tile in self.grid.tiles
            ]
            self.moments[norm] = tf.constant(_pooled_moments(shares, np.array(tile_moments)))

    def make(self, part: _Part, cell: int = 1) -> Bands:
        """Returns a part's output for the whole image, in bands; see `blended_rows`."""
        return blended_rows(self.grid, lambda tile: self._run(part.make, tile), cell)

    def _run(self, computation: _Pass, tile: Tile, *weights: np.ndarray) -> np.ndarray:
        seeds = None if self.seed is None else tf.constant([[self.seed, 1 + tile.number]], tf.int32)
        inputs = [source(tile) for source in self.sources]
        weight_tensors = map(tf.constant, weights)
        result = computation.run(inputs, dict(self.moments), seeds, *weight_tensors).numpy()
        for _ in range(computation.steps):
            self.done()
        return result


def _part_of(whole: tf.Tensor, cell: int, tile: Tile) -> tf.Tensor:
    return whole[:, tile.rows.within(cell), tile.columns.within(cell)]


def _cut(image: np.ndarray | ImageWindows, rows: np.ndarray, columns: np.ndarray) -> np.ndarray:
    """Returns rows and columns of an image by index; only the part around them is read."""
    top, left = rows.min(), columns.min()
    part = image[top : rows.max() + 1, left : columns.max() + 1]
    return part[np.ix_(rows - top, columns - left)]


def _strips(bands: Bands, rows: int = 32) -> Bands:
    """Splits bands into bands of at most `rows` rows, whose conversion takes less memory."""
    for first, band in bands:
        for start in range(0, len(band), rows):
            yield first + start, band[start : start + rows]


def stacked(bands: Bands, height: int) -> np.ndarray:
    """Returns the bands as one array [height, W, C]."""
    whole: np.ndarray | None = None
    for first, rows in bands:
        if whole is None:
            whole = np.empty((height, *rows.shape[1:]), rows.dtype)
        whole[first : first + len(rows)] = rows
    assert whole is not None
    return whole


def _tensor(bands: Bands, height: int) -> tf.Tensor:
    """Returns the bands as one tensor [1, height, W, C].

    Converting the array that `stacked` returns would take two more copies.
    """
    whole: tf.Variable | None = None
    for first, rows in bands:
        if whole is None:
            whole = tf.Variable(tf.zeros([1, height, *rows.shape[1:]], rows.dtype))
        whole[:, first : first + len(rows)].assign(rows[np.newaxis])
    assert whole is not None
    return whole.read_value()


def _pooled_moments(shares: np.ndarray, moments: np.ndarray) -> np.ndarray:
    """Returns mean and variance of the whole image, [2, C], from those of its tiles, [N, 2, C]."""
    means, variances = np.moveaxis(moments.astype(np.float64), 1, 0)
    mean = np.average(means, 0, shares)
    variance = np.average(variances + (means - mean) ** 2, 0, shares)
    return np.stack([mean, variance]).astype(np.float32)
