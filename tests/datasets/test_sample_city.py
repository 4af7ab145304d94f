import itertools
import subprocess
import sys

import numpy as np
import pytest

from pix2pix_tf.datasets.sample_city import CLASSES, render_city
from pix2pix_tf.datasets.sample_city.fields import box, cover, noise, uniform
from pix2pix_tf.datasets.sample_city.plan import make_plan
from pix2pix_tf.datasets.sample_city.street_map import AVENUE, MAIN, MINOR, WATER

INDEX = {name: index for index, name in enumerate(CLASSES)}


@pytest.fixture(scope="module")
def cities():
    return [render_city(seed, 128, 128) for seed in range(12)]


def colours(cities, image, *names):
    """All pixels of the named classes, float [N, 3]."""
    wanted = [INDEX[name] for name in names]
    pixels = [getattr(city, image)[np.isin(city.classes, wanted)] for city in cities]
    return np.concatenate(pixels).astype(float)


@pytest.mark.parametrize(("height", "width"), [(16, 16), (64, 97), (131, 40)])
def test_any_size(height, width):
    city = render_city(3, height, width)
    assert city.street_map.shape == city.aerial.shape == (height, width, 3)
    assert city.classes.shape == (height, width)
    assert {a.dtype for a in (city.street_map, city.aerial, city.classes)} == {np.dtype(np.uint8)}
    assert city.classes.max() < len(CLASSES)


@pytest.mark.parametrize(("seed", "height", "width"), [(-1, 64, 64), (0, 15, 64), (0, 64, 0)])
def test_other_sizes_and_seeds_are_refused(seed, height, width):
    with pytest.raises(ValueError, match=f"seed {seed}, height {height}, width {width}"):
        render_city(seed, height, width)


def test_same_seed_same_city_in_any_order_and_process(cities):
    again = render_city(5, 128, 128)
    assert np.array_equal(again.aerial, cities[5].aerial)
    assert np.array_equal(again.street_map, cities[5].street_map)
    code = (
        "import sys, zlib; from pix2pix_tf.datasets.sample_city import render_city; "
        "print(zlib.crc32(render_city(5, 128, 128).aerial.tobytes()))"
    )
    out = subprocess.run([sys.executable, "-c", code], capture_output=True, check=True).stdout
    import zlib

    assert int(out) == zlib.crc32(again.aerial.tobytes())


def test_other_seeds_are_other_cities(cities):
    for one, other in itertools.pairwise(cities):
        assert (one.classes != other.classes).mean() > 0.3


def test_larger_images_show_more_of_the_same_city():
    small, large = render_city(4, 64, 64), render_city(4, 128, 96)
    assert np.array_equal(large.classes[32:96, 16:80], small.classes)
    assert np.array_equal(large.street_map[32:96, 16:80], small.street_map)


def test_every_class_appears(cities):
    seen = np.unique(np.concatenate([city.classes.ravel() for city in cities]))
    assert {CLASSES[index] for index in seen} == set(CLASSES)


@pytest.mark.parametrize(
    ("name", "colour"),
    [("minor street", MINOR), ("main street", MAIN), ("avenue", AVENUE), ("water", WATER)],
)
def test_the_map_has_the_colour_of_the_class(cities, name, colour):
    pixels = colours(cities, "street_map", name)
    assert (np.median(pixels, axis=0) == colour).all()
    assert (np.abs(pixels - colour).max(axis=1) < 30).mean() > 0.7  # all but the edges


def test_the_photograph_shows_what_the_class_says(cities):
    park = colours(cities, "aerial", "park").mean(axis=0)
    water = colours(cities, "aerial", "water").mean(axis=0)
    street = colours(cities, "aerial", "minor street", "main street", "avenue").mean(axis=0)
    houses = colours(cities, "aerial", "residential building").mean(axis=0)
    assert park[1] > park[0] > park[2]  # green
    assert water[2] > water[0] + 10  # blue
    assert np.ptp(street) < 15  # grey
    assert houses[0] > houses[2] + 20  # tiles
    assert water.mean() < min(park.mean(), street.mean(), houses.mean())


def test_streets_run_across_the_edges(cities):
    streets = [INDEX["minor street"], INDEX["main street"], INDEX["avenue"]]
    for city in cities:
        edges = [city.classes[0], city.classes[-1], city.classes[:, 0], city.classes[:, -1]]
        assert sum(np.isin(edge, streets).any() for edge in edges) >= 3


def test_buildings_stand_clear_of_streets_water_and_rail():
    for seed in range(12):
        plan = make_plan(seed, 128, 128)
        inside = plan.buildings.distance < 0
        assert inside.any()
        for other in (plan.streets.minor, plan.streets.main, plan.streets.avenue, plan.water):
            assert (other[inside] > 0).all()
        assert (plan.rail[inside] > 0).all()


def test_shadows_fall_away_from_the_sun(cities):
    """South-east of a building the ground is darker than north-west of it."""
    ground = {INDEX["commercial ground"], INDEX["residential ground"], INDEX["industrial ground"]}
    built = [INDEX[name] for name in CLASSES if "building" in name]
    dark, light = [], []
    for city in cities:
        house = np.isin(city.classes, built)
        open_ground = np.isin(city.classes, list(ground))
        brightness = city.aerial.mean(axis=-1)
        dark.append(brightness[open_ground & np.roll(house, (3, 3), (0, 1))])
        light.append(brightness[open_ground & np.roll(house, (-3, -3), (0, 1))])
    assert np.concatenate(dark).mean() < np.concatenate(light).mean() - 8


def test_hash_is_uniform_and_belongs_to_its_cell():
    numbers = uniform(7, np.arange(-5000, 5000), 3)
    assert abs(numbers.mean() - 0.5) < 0.02
    assert 0 <= numbers.min() < 0.01 < 0.99 < numbers.max() < 1
    assert uniform(7, -5000, 3) == numbers[0]
    assert uniform(8, -5000, 3) != numbers[0]


def test_noise_is_smooth_and_bounded():
    x, y = np.meshgrid(np.arange(-50.0, 50.0), np.arange(40.0))
    field = noise(1, x, y, 10.0)
    assert field.min() >= -1
    assert field.max() <= 1
    assert np.ptp(field) > 1
    assert np.abs(np.diff(field, axis=1)).max() <= 2 * 1.5 / 10 + 1e-6  # the steepest smooth step


def test_distances():
    assert cover(np.array([-2.0, 0.0, 0.25, 2.0])).tolist() == [1, 0.5, 0.25, 0]
    x, y = np.array([0.0, 3.0, 0.0]), np.array([0.0, 0.0, 4.0])
    assert box(x, y, 2.0, 1.0).tolist() == [-1, 1, 3]
