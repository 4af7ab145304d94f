"""Images larger than memory allows: translated tile by tile into what they are as a whole.

What keeps a generator from working on tiles is what makes its output depend on the whole picture:

- Normalisation. Each layer's mean and variance are measured over all tiles first and then fixed,
  unless the run has statistics of a batch for all images.
  What a layer receives depends on the statistics of those before it, so they are measured one after
  the other, each in a pass of all tiles through the layers up to it. Estimates from single tiles
  or from a few will not do: they shift brightness by many grey levels where an image varies.
- Distance. The inner layers of a U-Net see further than tiles can overlap; without, whole regions
  change colour. But their maps are small: a 32nd of the image's sides after five halvings. So
  tiles go down through the five outermost levels; what is inside is computed for the whole image
  at once; and tiles come up again with their part of it. Of a U-Net of five levels four are outer.
  These levels see no further than tiles overlap, and nor do ResNets and U-Nets of four levels as a
  whole.

The result is that of the whole image but for rounding. Dropout in the inner layers, which of a
256×256 U-Net is all of it, has the masks of the whole image too; elsewhere each tile has its own,
and blending hides where they change. Memory grows with the image only by the image itself, its
translation and the inner maps; time is that of as many translations as there are norms in the tiled
layers, though most of them end early.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable
from dataclasses import dataclass, field
from functools import partial

import keras
import numpy as np
import tensorflow as tf

from pix2pix_tf.data.representation import decode, encode
from pix2pix_tf.images.windows import ImageWindows
from pix2pix_tf.inference.tile_grid import Bands, Tile, TileGrid, blended_rows, tile_grid
from pix2pix_tf.inference.translation import AnySizeTranslation, fast_convolutions, image_seeds
from pix2pix_tf.methods.translation import GeneratorTranslation
from pix2pix_tf.models.layers import BatchStatisticsNorm, dropout_seeds, fixed_moments
from pix2pix_tf.utils.errors import UserError

SIDE_MULTIPLE, SMALLEST_SIDE = 64, 256

_Forward = Callable[..., tf.Tensor]


def check_side(side: int) -> None:
    """Checks the side of tiles.

    Raises:
        UserError: It is too small, or no multiple of 64.
    """
    if side < SMALLEST_SIDE or side % SIDE_MULTIPLE:
        raise UserError(
            f"tile {side}: expected the side of a tile in pixels, a multiple of {SIDE_MULTIPLE}, "
            f"at least {SMALLEST_SIDE}"
        )


class TiledTranslation:
    """The translation of single images, tile by tile.

    Args:
        translation: That of whole images, by one generator for images of any size.

    Raises:
        UserError: It is by something else than one generator.
    """

    def __init__(self, translation: AnySizeTranslation) -> None:
        whole = translation.translation
        if not isinstance(whole, GeneratorTranslation):
            raise UserError(
                "tiles: only the translation of a single generator can be computed in tiles; "
                "translate the images whole"
            )
        self._translation, self._representation = translation, whole.representation
        fixed = translation.moments.with_dropout  # by the names of the same norms as without
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
        """How often `advance` is called for an image of this size."""
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
            image: uint8 or uint16 [H, W, C].
            side: Of the tiles, see `check_side`: what the network sees at a time.
            seed: Of the dropout; None turns it off.
            advance: Called as often as `steps` says, with that number: for each tile of each pass
                once for every convolution it went through, so that the calls come about evenly.

        Returns:
            uint8 [H, W, D].
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
        return _stacked(self._pictured(forward.make(self._up), image), height)

    def _fixed(self, seed: int | None) -> dict[str, tf.Tensor]:
        """The statistics of norms that are not measured in images."""
        moments = self._translation.moments.of(seed)
        return {name: tf.constant(values) for name, values in moments.items()}

    def grid(self, height: int, width: int, side: int) -> TileGrid:
        """The tiles of an image of this size, over the image as it is padded."""
        rows, columns = (self._translation.axis_padding(size).padded for size in (height, width))
        return tile_grid(rows, columns, side, min(self._tiling.overlap, side // 2))

    def _pixels(self, image: np.ndarray | ImageWindows) -> Callable[[Tile], tf.Tensor]:
        """From a tile to what the generator takes, padded as whole images are."""
        rows, columns = (
            self._translation.axis_padding(size).sources().numpy() for size in image.shape[:2]
        )

        def pixels(tile: Tile) -> tf.Tensor:
            cut = _cut(image, rows[tile.rows.within()], columns[tile.columns.within()])
            return self._representation.to_input(encode(tf.constant(cut[np.newaxis])))

        return pixels

    def _maps(self, bands: Bands, grid: TileGrid, seed: int | None) -> list[tf.Tensor]:
        """What the way up needs of the whole picture: what the inner levels make of their input.

        And that input, where a skip leads past them.
        """
        bottom = _tensor(bands, grid.height // self._cell)
        seeds = None if seed is None else image_seeds(seed, 1)
        top = self._inner([bottom], self._fixed(seed), seeds)
        return [bottom, top] if self._skip else [top]

    def _pictured(self, made: Bands, image: np.ndarray | ImageWindows) -> Bands:
        """Bands of the image, uint8, from what the generator made of the padded one."""
        height, width = image.shape[:2]
        top = self._translation.axis_padding(height).before
        columns = self._translation.axis_padding(width).inside
        for start, rows in _strips(made):
            first, end = np.clip([start - top, start - top + len(rows)], 0, height)
            if first == end:  # they are padding
                continue
            cut = rows[first + top - start : end + top - start, columns]
            given = encode(tf.constant(image[first:end][np.newaxis]))
            picture = self._representation.to_image(tf.constant(cut[np.newaxis]), given)
            yield first, decode(picture).numpy()[0]


@dataclass(frozen=True)
class _Pass:
    """What all tiles go through.

    Attributes:
        run: A compiled function; of what, `_measuring` and `_making` say.
        steps: How many convolutions it computes: most of its time.
    """

    run: _Forward
    steps: int


@dataclass(frozen=True)
class _Part:
    """A part of the generator that tiles go through: a pass for each norm in it, then the last.

    Attributes:
        measures: For each norm what finds its statistics in a tile, in the order in which they
            depend on each other.
        make: What computes the part's output.
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
    """The part between some of the generator's tensors and another; `known` norms are not measured.

    Its layers are called anew: models from the middle of the generator would change its graph.
    """
    anew = {id(tensor): keras.Input(batch_shape=tensor.shape) for tensor in inputs}
    starts = list(anew.values())
    for layer in generator.layers:
        taken = keras.tree.flatten(layer.input)
        if id(layer.output) not in anew and taken and all(id(tensor) in anew for tensor in taken):
            given = keras.tree.map_structure(lambda tensor: anew[id(tensor)], layer.input)
            anew[id(layer.output)] = layer(given)
    make = keras.Model(starts, anew[id(output)])
    norms = [layer for layer in make.layers if isinstance(layer, BatchStatisticsNorm)]
    measures = {
        norm.name: _measuring(keras.Model(starts, anew[id(norm.input)]))
        for norm in norms
        if norm.name not in known
    }
    return _Part(measures, _making(make))


def _convolutions(network: keras.Model) -> int:
    kinds = (keras.layers.Conv2D, keras.layers.Conv2DTranspose)
    return sum(isinstance(layer, kinds) for layer in network.layers)


def _making(network: keras.Model) -> _Pass:
    """The pass whose function is from (inputs, moments, seeds) to the network's output."""

    @tf.function(reduce_retracing=True, autograph=False)
    def make(
        inputs: list[tf.Tensor], moments: dict[str, tf.Tensor], seeds: tf.Tensor | None
    ) -> tf.Tensor:
        return _applied(network, inputs, moments, seeds)

    return _Pass(make, _convolutions(network))


def _measuring(network: keras.Model) -> _Pass:
    """The pass whose function is to mean and variance, [2, C], of the network's output.

    Besides what `_making`'s takes, it takes how much rows and columns of pixels count.
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
        seed: Of the dropout, or None.
        done: Called for each step of a pass that a tile has gone through.
        sources: From a tile to each input of the parts it goes through.
        moments: What has been measured: mean and variance, [2, C], by the names of norms.
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
            of_tiles = [
                self._run(measure, tile, tile.rows.weights, tile.columns.weights)
                for tile in self.grid.tiles
            ]
            self.moments[norm] = tf.constant(_pooled_moments(shares, np.array(of_tiles)))

    def make(self, part: _Part, cell: int = 1) -> Bands:
        """The whole image's output of a part, by `blended_rows`."""
        return blended_rows(self.grid, lambda tile: self._run(part.make, tile), cell)

    def _run(self, through: _Pass, tile: Tile, *more: np.ndarray) -> np.ndarray:
        seeds = None if self.seed is None else tf.constant([[self.seed, 1 + tile.number]], tf.int32)
        inputs = [source(tile) for source in self.sources]
        result = through.run(inputs, dict(self.moments), seeds, *map(tf.constant, more)).numpy()
        for _ in range(through.steps):
            self.done()
        return result


def _part_of(whole: tf.Tensor, cell: int, tile: Tile) -> tf.Tensor:
    return whole[:, tile.rows.within(cell), tile.columns.within(cell)]


def _cut(image: np.ndarray | ImageWindows, rows: np.ndarray, columns: np.ndarray) -> np.ndarray:
    """Rows and columns of an image by their numbers, of which only the part around them is read."""
    top, left = rows.min(), columns.min()
    part = image[top : rows.max() + 1, left : columns.max() + 1]
    return part[np.ix_(rows - top, columns - left)]


def _strips(bands: Bands, rows: int = 32) -> Bands:
    """The same in bands of so many rows at most: what is made of one takes much more memory."""
    for first, band in bands:
        for start in range(0, len(band), rows):
            yield first + start, band[start : start + rows]


def _stacked(bands: Bands, height: int) -> np.ndarray:
    whole: np.ndarray | None = None
    for first, rows in bands:
        if whole is None:
            whole = np.empty((height, *rows.shape[1:]), rows.dtype)
        whole[first : first + len(rows)] = rows
    assert whole is not None
    return whole


def _tensor(bands: Bands, height: int) -> tf.Tensor:
    """`_stacked` as [1, height, W, C]. Of an array it would be made by way of two copies."""
    whole: tf.Variable | None = None
    for first, rows in bands:
        if whole is None:
            whole = tf.Variable(tf.zeros([1, height, *rows.shape[1:]], rows.dtype))
        whole[:, first : first + len(rows)].assign(rows[np.newaxis])
    assert whole is not None
    return whole.read_value()


def _pooled_moments(shares: np.ndarray, moments: np.ndarray) -> np.ndarray:
    """Mean and variance [2, C] of the whole, of those of its tiles [N, 2, C]."""
    means, variances = np.moveaxis(moments.astype(np.float64), 1, 0)
    mean = np.average(means, 0, shares)
    variance = np.average(variances + (means - mean) ** 2, 0, shares)
    return np.stack([mean, variance]).astype(np.float32)
