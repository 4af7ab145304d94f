import subprocess
import sys
from pathlib import Path

import pytest
import yaml
from PIL import Image

from pix2pix_tf.config.schema import make_config

EXAMPLES = Path(__file__).parents[1] / "examples"


def test_own_pairs_is_a_config_of_the_papers_settings():
    tree = yaml.safe_load((EXAMPLES / "own_pairs.yaml").read_text())
    assert make_config(tree) == make_config({"data": {"root": "my_pairs"}})


@pytest.mark.slow("starts Python with TensorFlow")
def test_in_python_runs(tmp_path):
    command = [sys.executable, EXAMPLES / "in_python.py", "run", "2"]
    done = subprocess.run(command, cwd=tmp_path, capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stderr
    assert Image.open(tmp_path / "aerial.png").size == (300, 200)
