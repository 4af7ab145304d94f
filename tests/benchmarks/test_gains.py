"""The table of what fine-tuning and augmentation gain."""

from pathlib import Path

import numpy as np
from PIL import Image

from benchmarks import gains


def test_table_of_means_by_hand():
    seeds = [{"l1": 0.2, "psnr": 10, "ssim": 0.5}, {"l1": 0.3, "psnr": 12, "ssim": 0.6}]
    rows = gains.table({"one": seeds, "other": seeds[:1]}).splitlines()
    assert rows[0] == "| | l1 | psnr | ssim |"
    assert rows[2] == (
        "| one | 0.2500 (0.2000, 0.3000) | 11.0000 (10.0000, 12.0000) | 0.5500 (0.5000, 0.6000) |"
    )
    assert rows[3].startswith("| other | 0.2000 (0.2000) |")


def test_what_is_compared_differs_in_one_setting():
    settings = list(gains.trainings(Path("here")).values())
    for plain, other in (settings[:2], settings[2:]):
        changed = {key for key in {**plain, **other} if plain.get(key) != other.get(key)}
        assert len(changed) == 1


def test_pairs_are_drawn_of_two_sides(tmp_path, monkeypatch):
    for name in ("FACADES", "PHOTOGRAPHS", "VALIDATION"):
        monkeypatch.setattr(gains, name, 2)
    gains.write_facades(tmp_path / "facades", 40)
    gains.write_photographs(tmp_path / "photographs", 40)
    for folder in ("facades", "photographs"):
        images = {path: np.asarray(Image.open(path)) for path in (tmp_path / folder).rglob("*.png")}
        assert len(images) == 8
        assert {image.shape for image in images.values()} == {(40, 40, 3)}
        assert len({image.tobytes() for image in images.values()}) == 8
