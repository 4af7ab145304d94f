"""Pairs split by latitude: no pixel in two splits, and every row of the table accounted for."""

import csv
import itertools
import shutil

import numpy as np
import pytest

from pix2pix_tf.datasets import sample, sample_city
from pix2pix_tf.datasets.sample import METRES_PER_DEGREE_NORTH as METRES
from pix2pix_tf.datasets.sample_city import City, render_city
from pix2pix_tf.images.io import read_image, write_image
from pix2pix_tf.preparation.geographic import divide_by_latitude, parse_buffer
from pix2pix_tf.utils.errors import UserError


def divided(latitudes, **words):
    named = {f"p{number}": latitude for number, latitude in enumerate(latitudes)}
    division = divide_by_latitude(named, **{"val": 0.5, "test": 0.0, "buffer": 0.0, **words})
    return division.splits, division.left_out, division.lines


def test_half_lies_on_each_side_of_the_median():
    splits, left_out, lines = divided([3.0, 1.0, 4.0, 2.0])
    assert splits == {"p0": "train", "p1": "val", "p2": "train", "p3": "val"}
    assert (left_out, lines) == ([], [2.5])


def test_shares_count_from_the_south_and_test_lies_southernmost():
    splits, _, lines = divided(range(10), val=0.2, test=0.1)
    assert [splits[f"p{n}"] for n in range(10)] == ["test", "val", "val"] + 7 * ["train"]
    assert lines == [0.5, 2.5]


def test_what_lies_within_the_buffer_is_left_out_at_each_line():
    splits, left_out, _ = divided([0.0, 1.0, 2.0, 3.0, 4.0, 5.0, 6.0, 7.0], val=0.5, buffer=2.0)
    assert left_out == ["p3", "p4"]  # 0.5 from the line at 3.5; the next are at 1.5
    assert splits["p2"] == "val"
    assert splits["p5"] == "train"
    splits, left_out, _ = divided(range(12), val=0.25, test=0.25, buffer=2.0)
    assert left_out == ["p2", "p3", "p5", "p6"]


def test_images_just_a_buffer_apart_stay():
    assert divided([0.0, 1.0], buffer=1.0)[1] == []


@pytest.mark.parametrize("seed", range(5))
def test_pairs_of_two_splits_are_a_buffer_apart(seed):
    latitudes = np.random.default_rng(seed).uniform(40, 41, 200)
    splits, left_out, _ = divided(latitudes, val=0.2, test=0.2, buffer=0.05)
    assert len(splits) + len(left_out) == 200
    by_split = {
        split: [latitudes[int(name[1:])] for name in splits if splits[name] == split]
        for split in ("train", "val", "test")
    }
    for one, other in itertools.combinations(by_split.values(), 2):
        assert np.abs(np.subtract.outer(one, other)).min() >= 0.05


@pytest.mark.parametrize(
    ("latitudes", "words", "sentence"),
    [
        ([1, 2], {"buffer": 5}, "--buffer 5 degrees leaves no pair in val and train"),
        ([1, 1, 1, 1], {}, "leaves no pair in val: all latitudes are between 1.000000 and 1.0"),
        ([1], {}, "1 pair: 1 to validate and 0 to test leave none to train on"),
        ([1, 2], {"val": 1}, "expected shares"),
        ([1, 2], {"val": 0}, "expected shares"),
    ],
)
def test_a_split_without_pairs_is_refused(latitudes, words, sentence):
    with pytest.raises(UserError) as caught:
        divided(latitudes, **words)
    assert sentence in str(caught.value)


@pytest.mark.parametrize(
    ("text", "degrees"),
    [("0.003", 0.003), ("300m", 300 / METRES), (" 1e-3 ", 0.001), ("0", 0), ("5 m", 5)],
)
def test_buffers_in_degrees_and_metres(text, degrees):
    assert parse_buffer(text) == (degrees / METRES if text == "5 m" else degrees)


@pytest.mark.parametrize("text", ["", "m", "-1", "nan", "inf", "3km", "0,5", "3 deg", "3_0", "٣"])
def test_other_buffers_are_refused(text):
    with pytest.raises(UserError, match="expected degrees of latitude such as"):
        parse_buffer(text)


# --- the command ---


def write_maps(root, latitudes, sides=("",)):
    for side in sides:
        for name in latitudes:
            (root / side).mkdir(parents=True, exist_ok=True)
            width = 8 if side else 16
            write_image(root / side / f"{name}.png", np.zeros((8, width, 3), np.uint8))
    return root


def write_table(path, rows, heading="name,latitude,longitude"):
    path.write_text("\n".join([heading, *rows]) + "\n", encoding="utf-8")


PLACES = {f"map {number}": 40 + number / 10 for number in range(6)}
ROWS = [f"{name},{latitude},-74" for name, latitude in PLACES.items()]


def split(here, *more):
    words = ["data", "split", "maps", "--output", "out", "--by", "latitude"]
    return here(*words, "--coordinates", "places.csv", *more)


def names_of(folder):
    return sorted(path.stem for path in folder.glob("*.png"))


@pytest.mark.parametrize("sides", [("",), ("A", "B")])
def test_the_command_splits_about_the_median(here, tmp_path, sides):
    write_maps(tmp_path / "maps", PLACES, sides)
    write_table(tmp_path / "places.csv", ROWS)
    code, out, err = split(here, "--buffer", "0.15")
    assert (code, err) == (0, "")
    assert "latitude 40.250000" in out
    assert "2 of 6 pairs" in out
    assert "pairs in out: 2 train, 2 val" in out
    for side in sides:
        assert names_of(tmp_path / "out" / side / "val") == ["map 0", "map 1"]
        assert names_of(tmp_path / "out" / side / "train") == ["map 4", "map 5"]


@pytest.mark.parametrize(
    ("heading", "row"),
    [
        ("Name;Latitude", "{name}.png;{latitude}"),
        ("Name;Latitude", "{name}.TIF;{latitude}"),  # the pairs were made of those
        ("lat\tlng\tfile", "{latitude}\t-74\t./{name}"),
        ('"filename","place","lat"', '"{name}.png","a, b","{latitude}"'),
        ("\ufeffname,latitude,longitude,height", "{name},{latitude},180,3"),
    ],
)
def test_tables_as_programs_write_them(here, tmp_path, heading, row):
    write_maps(tmp_path / "maps", PLACES)
    rows = [row.format(name=name, latitude=latitude) for name, latitude in PLACES.items()]
    write_table(tmp_path / "places.csv", rows, heading)
    code, out, err = split(here, "--buffer", "0")
    assert (code, err) == (0, "")
    assert "pairs in out: 3 train, 3 val" in out


@pytest.mark.parametrize(
    ("rows", "sentence"),
    [
        (ROWS[1:], "has no line for map 0"),
        ([*ROWS, "map 1.5,40,0"], "names map 1.5 (line 8), which no pair has"),
        ([*ROWS, "map 9,40,0"], "names map 9 (line 8), which no pair has"),
        ([*ROWS[1:], "map,40,0"], "names map (line 7), which no pair has; has no line for map 0"),
        ([*ROWS, "map 2.png,40,0"], "line 8: map 2.png is the pair map 2, whose place line 4 has"),
        ([*ROWS[1:], "map 0,north,0"], "line 7: latitude: 'north': expected degrees from -90"),
        ([*ROWS[1:], "map 0,,0"], "line 7: latitude: ''"),
        ([*ROWS[1:], "map 0,4_0,0"], "line 7: latitude: '4_0'"),
        ([*ROWS[1:], "map 0,٤٠,0"], "line 7: latitude: '٤٠'"),
        ([*ROWS[1:], "map 0,91,0"], "line 7: latitude: '91'"),
        ([*ROWS[1:], "map 0,nan,0"], "line 7: latitude: 'nan'"),
        ([*ROWS[1:], "map 0,40,200"], "line 7: longitude: '200'"),
        ([*ROWS[1:], "map 0,40"], "line 7: has 2 cells; expected 3, one for each heading"),
        ([*ROWS[1:], ",40,0"], "line 7: has no name"),
        ([*ROWS[1:], '"map 0,40,0'], "is not a CSV file"),
        ([], "has no line for map 0, map 1, map 2, map 3, map 4 and 1 more"),
    ],
)
def test_every_pair_stands_in_the_table_once_with_its_place(here, tmp_path, rows, sentence):
    write_maps(tmp_path / "maps", PLACES)
    write_table(tmp_path / "places.csv", rows)
    code, _, err = split(here, "--buffer", "0")
    assert code == 2
    assert f"places.csv{'' if sentence[:4] == 'line' else ':'}" in err
    assert sentence in err
    assert not (tmp_path / "out").exists()


@pytest.mark.parametrize(
    ("heading", "sentence"),
    [
        ("name,longitude", "expected the headings name,latitude,longitude, found name,longitude"),
        ("name,lat,latitude", "has two columns latitude"),
        ("", "expected the headings name,latitude,longitude, found nothing"),
    ],
)
def test_other_headings_are_refused(here, tmp_path, heading, sentence):
    write_maps(tmp_path / "maps", PLACES)
    (tmp_path / "places.csv").write_text(heading)
    code, _, err = split(here, "--buffer", "0")
    assert code == 2
    assert sentence in err


@pytest.mark.parametrize(
    ("words", "sentence"),
    [
        (["--by", "latitude", "--buffer", "0"], "--by latitude: give --coordinates FILE"),
        (["--by", "latitude", "--coordinates", "places.csv"], "--by latitude: give --buffer"),
        (["--coordinates", "places.csv"], "--coordinates: is for --by latitude"),
        (["--buffer", "1"], "--buffer: is for --by latitude"),
        (
            ["--by", "latitude", "--coordinates", "places.csv", "--buffer", "0", "--seed", "1"],
            "--seed: is not for --by latitude",
        ),
        (["--by", "latitude", "--coordinates", "no.csv", "--buffer", "0"], "no.csv: cannot be"),
    ],
)
def test_options_that_do_not_go_together_are_refused(here, tmp_path, words, sentence):
    write_maps(tmp_path / "maps", PLACES)
    write_table(tmp_path / "places.csv", ROWS)
    code, _, err = here("data", "split", "maps", "--output", "out", *words)
    assert code == 2
    assert sentence in err
    assert not (tmp_path / "out").exists()


# --- one large city ---


def test_a_large_city_drawn_in_windows_is_the_city_drawn_at_once(monkeypatch):
    whole = render_city(4, 150, 130)
    monkeypatch.setattr(sample_city, "_WHOLE", 100)
    monkeypatch.setattr(sample_city, "_WINDOW", 64)
    advanced = []
    scene = render_city(4, 150, 130, advanced.append)
    assert advanced == [9] * 9
    assert (scene.classes != whole.classes).mean() < 1e-3  # but for rounding
    assert (scene.street_map != whole.street_map).mean() < 1e-2
    assert np.abs(scene.aerial.astype(int) - whole.aerial).mean() < 4  # the camera's noise
    noise = scene.aerial[:64, :64].astype(int) - whole.aerial[:64, :64]
    other = scene.aerial[64:128, :64].astype(int) - whole.aerial[64:128, :64]
    assert np.corrcoef(noise.ravel(), other.ravel())[0, 1] < 0.6


def unique_scene(seed, height, width, advance):
    """A city of which no two pixels are alike."""
    numbers = np.arange(height * width).reshape(height, width)
    pixels = np.stack([numbers >> 16, numbers >> 8, numbers], axis=-1).astype(np.uint8)
    return City(pixels, pixels, np.zeros((height, width), np.uint8))


def pixels_of(folder):
    images = [read_image(path, 3) for path in sorted(folder.glob("*.png"))]
    return {
        pixel
        for image in images
        for pixel in (image.astype(np.uint32) @ np.array([1 << 16, 1 << 8, 1], np.uint32)).flat
    }


@pytest.mark.parametrize(("train", "val", "side"), [(40, 8, 120), (10, 10, 48), (3, 40, 200)])
def test_no_pixel_of_a_scene_is_in_both_splits(here, monkeypatch, tmp_path, train, val, side):
    monkeypatch.setattr(sample, "render_city", unique_scene)
    words = ("--train", train, "--val", val, "--size", 16, "--scene", side)
    code, out, err = here("data", "sample", "--output", "city", *words)
    assert (code, err) == (0, "")
    assert f"{train} training and {val} validation pairs in city" in out
    city = tmp_path / "city"
    assert [len(names_of(city / split)) for split in ("train", "val")] == [train, val]
    assert not pixels_of(city / "train") & pixels_of(city / "val")

    with (city / "places.csv").open() as opened:
        latitude = {row["name"]: float(row["latitude"]) for row in csv.DictReader(opened)}
    south = max(latitude[name] for name in names_of(city / "val"))
    north = min(latitude[name] for name in names_of(city / "train"))
    assert (north - south) * METRES >= 2 * 16 * 1.2 - 1e-3  # an image's height between

    (tmp_path / "flat").mkdir()
    for split_folder in ("train", "val"):
        for path in (city / split_folder).glob("*.png"):
            shutil.copy(path, tmp_path / "flat")
    shown = out[out.index("--by") :].split()
    code, _, err = here(
        "data", "split", "flat", "--output", "again", "--coordinates", city / "places.csv", *shown
    )
    assert (code, err) == (0, "")
    for split_folder in ("train", "val"):
        assert names_of(tmp_path / "again" / split_folder) == names_of(city / split_folder)


@pytest.mark.parametrize(
    ("words", "sentence"),
    [
        (["--size", 64, "--scene", 191], "--scene 191: is too small for images of 64 pixels"),
        (["--size", 16, "--scene", 48, "--train", 40], "--scene 48: has only 33 places for 40"),
    ],
)
def test_a_scene_too_small_is_refused_before_it_is_drawn(here, tmp_path, words, sentence):
    code, _, err = here("data", "sample", "--output", "city", *words)
    assert code == 2
    assert sentence in err
    assert list(tmp_path.iterdir()) == []


def test_a_scene_is_drawn_and_cut(here, tmp_path):
    code, _, err = here(
        *("data", "sample", "--output", "city", "--train", 2, "--val", 1),
        *("--size", 32, "--scene", 96),
    )
    assert (code, err) == (0, "")
    (name,) = names_of(tmp_path / "city" / "val")
    image = read_image(tmp_path / "city" / "val" / f"{name}.png", 3)
    assert image.shape == (32, 64, 3)
    top, left = (int(part) for part in name.split("-")[1:])
    scene = render_city(0, 96, 96)
    assert np.array_equal(image[:, 32:], scene.street_map[top : top + 32, left : left + 32])
    classes = read_image(tmp_path / "city" / "classes" / "val" / f"{name}.png", 1)
    assert np.array_equal(classes[..., 0], scene.classes[top : top + 32, left : left + 32])
