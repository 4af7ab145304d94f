"""Odd and hostile pictures given to everything that reads them: each is read right, or refused.

`make fuzz` gives 2,000 of them, others each time; here are a few, always the same.
"""

import os
import sys
from collections import Counter
from pathlib import Path

import numpy as np
import pytest
from hypothesis import HealthCheck, Phase, given, settings

from pix2pix_tf.images.io import read_image
from pix2pix_tf.utils.errors import UserError
from tests.fuzz.odd_files import odd_files
from tests.fuzz.odd_tiffs import tiffs
from tests.fuzz.victim import Victim

pytestmark = pytest.mark.slow("tries many cases")

CASES = int(os.environ.get("PIX2PIX_TF_FUZZ", "0"))
FEW = 40
TIFFS = 150


@pytest.mark.skipif(sys.platform != "linux", reason="bounds memory by /proc")
def test_pictures_never_hurt(tmp_path, capsys):
    counts, wrong = Counter(), []
    with Victim(tmp_path / "victim") as victim:

        @settings(
            max_examples=CASES or FEW,
            derandomize=not CASES,
            phases=[Phase.generate],
            database=None,
            deadline=None,
            suppress_health_check=list(HealthCheck),
        )
        @given(odd_files())
        def give(file):
            outcomes, problem = victim.give(file)
            counts["files"] += 1
            counts.update(f"{target}: {outcome}" for target, outcome in outcomes.items())
            if problem:
                kept = _kept(file, tmp_path / "findings" / f"{len(wrong)}-{file.name}")
                wrong.append(f"{file.what} ({kept}): {problem}")

        give()
    if CASES:
        with capsys.disabled():
            print("\n" + "\n".join(f"{name} {count}" for name, count in sorted(counts.items())))
            print(f"starts of the program {victim.starts}, slowest file {victim.slowest}")
            print(f"memory held at most {victim.largest / 1e9:.2f} GB")
    assert not wrong, f"{len(wrong)} findings:\n" + "\n".join(wrong)
    assert counts["read: read"] > 0 < counts["read: refused"]


@settings(
    max_examples=CASES or TIFFS,
    derandomize=not CASES,
    database=None,
    deadline=None,
    suppress_health_check=list(HealthCheck),
)
@given(tiff=tiffs())
def test_tiffs_of_every_form_show_their_pixels_or_are_refused(tmp_path, tiff):
    path = tmp_path / "x.tif"
    path.write_bytes(tiff.data)
    if tiff.pixels is None:
        with pytest.raises(UserError, match=r"x\.tif"):
            read_image(path, 3)
        return
    found = read_image(path, 3)
    assert found.dtype == tiff.pixels.dtype
    assert np.array_equal(found, tiff.pixels)


def _kept(file, path):
    """The file, to be looked at."""
    path = Path(os.environ.get("PIX2PIX_TF_FUZZ_KEEP") or path.parent) / path.name
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_bytes(file.data)
    return path
