"""`pix2pix-tf import`, as typed, and what one does with the run."""

import shutil
from pathlib import Path

import pytest
from PIL import Image

from tests.conftest import typed

GOLDEN = Path(__file__).parents[1] / "importing" / "golden"


@pytest.mark.slow("starts the command as a process")
def test_import_then_translate(here, tmp_path, pairs_folder):
    for name in ("unet_32_batch.pth", "layers_2_batch.pth"):
        shutil.copy(GOLDEN / name, tmp_path)
    words = ("--from", "torch", "--run", "runs/mine", "--set", "data.load_size=36")
    root = ("--set", f"data.root={pairs_folder()}")
    code, out, err = here("import", "unet_32_batch.pth", *words, *root)
    assert code == 0, err
    assert "runs/mine: unet_32" in out
    assert "discriminator fresh" in out
    code, _, err = here("import", "unet_32_batch.pth", *words, *root)
    assert code == 2
    assert "runs/mine: holds a training already" in err
    code, _, err = here("import", "layers_2_batch.pth", "--run", "runs/other")
    assert code == 2
    assert "layers_2_batch.pth" in err
    assert not (tmp_path / "runs" / "other").exists()
    code, _, err = here("import", "unet_32_batch.pth", "--from", "caffe", "--run", "runs/other")
    assert (code, "expected torch" in err) == (2, True)

    Image.new("RGB", (40, 30), (200, 30, 30)).save(tmp_path / "red.png")
    done = typed(
        "translate", "--run", "runs/mine", "--input", "red.png", "--output", "out", cwd=tmp_path
    )
    assert done.returncode == 0, done.stderr
    assert Image.open(tmp_path / "out" / "red.png").size == (40, 30)
