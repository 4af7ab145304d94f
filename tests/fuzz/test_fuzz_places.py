"""Odd and hostile tables of places: every pair's latitude, or a `UserError`."""

import os
from pathlib import Path

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from pix2pix_tf.data.layout.pair_files import PairFiles
from pix2pix_tf.preparation.geographic import divide_by_latitude, parse_buffer, read_latitudes
from pix2pix_tf.utils.errors import UserError

pytestmark = pytest.mark.slow("tries many cases")

LONG = bool(os.environ.get("PIX2PIX_TF_FUZZ"))
NAMES = ["a", "b", "sub/c 1", "é", "x,y", 'q"']
PAIRS = [PairFiles(name, Path(f"{name}.png"), None) for name in NAMES]
CELLS = st.one_of(
    st.sampled_from([*NAMES, *(f"{name}.png" for name in NAMES), "e\u0301", "./a", "sub\\c 1"]),
    st.floats(-100, 100).map(str),
    st.sampled_from(["", "nan", "inf", "-0", "1e999", "1_0", "٣", "40°", "40,5", " 40 ", "\0"]),
    st.text(max_size=5),
)
SEPARATORS = st.sampled_from([",", ";", "\t", ",,", "|"])
HEADINGS = st.one_of(
    st.sampled_from(
        [["name", "latitude", "longitude"], ["LAT", "File"], ["name", "lat", "latitude"], ["name"]]
    ),
    st.lists(CELLS, max_size=4),
)


def settings_of(examples):
    return settings(
        max_examples=30 * examples if LONG else examples,
        derandomize=not LONG,
        database=None,
        deadline=None,
        suppress_health_check=list(HealthCheck),
    )


@pytest.fixture(scope="module")
def file(tmp_path_factory):
    return tmp_path_factory.mktemp("places") / "places.csv"


@settings_of(100)
@given(
    HEADINGS, st.lists(st.lists(CELLS, max_size=4), max_size=8), SEPARATORS, st.binary(max_size=2)
)
def test_tables_are_refused_or_have_every_pair(file, headings, rows, separator, odd):
    lines = [separator.join(cells) for cells in [headings, *rows]]
    file.write_bytes("\n".join(lines).encode("utf-8", "surrogatepass") + odd)
    try:
        latitudes = read_latitudes(file, PAIRS)
    except UserError:
        return
    assert list(latitudes) == NAMES
    assert all(-90 <= latitude <= 90 for latitude in latitudes.values())


@settings_of(100)
@given(
    st.lists(st.one_of(st.floats(-90, 90), st.sampled_from([0.0, 1.0])), max_size=12),
    *(st.floats(0, 1) for _ in range(2)),
    st.one_of(st.floats(0, 20), st.sampled_from([0.0, 1.0])),
)
def test_divisions_are_refused_or_keep_their_distance(latitudes, val, test, buffer):
    named = {f"p{number}": latitude for number, latitude in enumerate(latitudes)}
    try:
        division = divide_by_latitude(named, val=val, test=test, buffer=buffer)
    except UserError:
        return
    assert {*division.splits, *division.left_out} == set(named)
    for one, its in division.splits.items():
        for other, others in division.splits.items():
            if its != others:
                assert abs(named[one] - named[other]) >= buffer * (1 - 1e-9)


@settings_of(60)
@given(st.one_of(st.text(max_size=8), st.floats().map(str), st.floats().map(lambda x: f"{x}m")))
def test_buffers_are_refused_or_degrees(text):
    try:
        assert parse_buffer(text) >= 0
    except UserError:
        return
