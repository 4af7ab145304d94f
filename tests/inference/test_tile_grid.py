import tracemalloc

import numpy as np
import pytest

from pix2pix_tf.inference.tile_grid import blended_rows, tile_grid

SIZES = [(512, 512), (512, 768), (544, 1600), (4096, 300)]


@pytest.mark.parametrize("size", SIZES)
def test_each_pixel_counts_once(size):
    grid = tile_grid(*size, 256, 64)
    counts = np.zeros(size)
    for tile in grid.tiles:
        weights = np.outer(tile.rows.weights, tile.columns.weights)
        counts[tile.rows.within(), tile.columns.within()] += weights
    np.testing.assert_allclose(counts, 1, atol=1e-6)
    assert sum(tile.share for tile in grid.tiles) == pytest.approx(size[0] * size[1])
    assert [tile.number for tile in grid.tiles] == list(range(len(grid.tiles)))


@pytest.mark.parametrize("side", [256, 320, 512])
@pytest.mark.parametrize("overlap", [128, 160, 256])
def test_any_length_is_covered_and_counts_once(side, overlap):
    """Shorter than what tiles share, equal to it, equal to a tile, up to three times the shared."""
    if overlap >= side:
        return
    for length in range(1, 3 * overlap + 1):
        spans = tile_grid(length, 1, side, overlap).rows
        counts = np.zeros(length)
        for span in spans:
            assert len(span.weights) == min(side, length)
            assert span.start >= 0
            counts[span.within()] += span.weights  # of the same length: it lies within
        np.testing.assert_allclose(counts, 1, atol=1e-6)
        assert len(spans) == (1 if length <= side else 2 + (length - side - 1) // (side - overlap))


def test_where_tiles_lie():
    grid = tile_grid(544, 200, 256, 64)
    assert [span.start for span in grid.rows] == [0, 192, 288]
    assert [span.start for span in grid.columns] == [0]
    assert {len(span.weights) for span in grid.rows} == {256}
    assert len(grid.columns[0].weights) == 200  # the picture is no wider
    assert grid.rows[1].within() == slice(192, 448)
    assert grid.rows[1].within(32) == slice(6, 14)


def test_weights_at_borders():
    first, last = tile_grid(448, 256, 256, 64).rows
    assert np.all(first.weights[:192] == 1)  # at the picture's border in full
    assert np.all(last.weights[:24] == 0)  # three eighths of the overlap
    assert np.all(last.weights[40:] == 1)
    assert np.all(np.diff(last.weights[23:41]) > 0)
    # A raised cosine over 16 pixels; the middle of the sixth is 5.5 in.
    assert last.weights[29] == pytest.approx(np.sin(np.pi / 2 * 5.5 / 16) ** 2)


@pytest.mark.parametrize("size", SIZES)
@pytest.mark.parametrize("cell", [1, 4])
def test_cuttings_blend_to_the_whole(size, cell):
    whole = np.random.default_rng(0).normal(size=(size[0] // cell, size[1] // cell, 2))
    whole = whole.astype(np.float32)
    grid = tile_grid(*size, 256, 64)
    bands = blended_rows(
        grid,
        lambda tile: whole[np.newaxis, tile.rows.within(cell), tile.columns.within(cell)],
        cell,
    )
    next_row = 0
    for first, rows in bands:
        assert first == next_row
        np.testing.assert_allclose(rows, whole[first : first + len(rows)], atol=1e-5)
        next_row += len(rows)
    assert next_row == len(whole)


def test_memory_does_not_grow_with_the_height():
    def peak(height):
        tracemalloc.start()
        for _ in blended_rows(tile_grid(height, 512, 256, 64), lambda _: np.ones((1, 256, 256, 3))):
            pass
        peak = tracemalloc.get_traced_memory()[1]
        tracemalloc.stop()
        return peak

    assert peak(4096) < 1.1 * peak(1024)
