"""The authors' PyTorch program, as written here; in the environment that `make benchmark` makes."""

import json
import os
import subprocess
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[2]
PYTHON = Path(os.environ.get("PIX2PIX_TF_TORCH", ROOT / "build" / "torch" / "bin" / "python"))

pytestmark = pytest.mark.skipif(
    not PYTHON.is_file(), reason=f"no PyTorch environment in {PYTHON}: make benchmark makes it"
)

CODE = """
import json, math, torch
from benchmarks.peers import torch_program as program
torch.set_num_threads(1)
torch.manual_seed(0)

def count(network):
    return sum(weight.numel() for weight in network.parameters())

found = {"generator": count(program.build_generator())}
found["discriminator"] = count(program.build_discriminator())
found["grid"] = list(program.build_discriminator(1)(torch.zeros(1, 6, 256, 256)).shape)
found["steps"] = {}
image, target = torch.rand(2, 1, 3, 256, 256) * 2 - 1
for form in ("eager", "channels_last+fused"):
    networks = program.build_generator(1), program.build_discriminator(1)
    before = [[w.detach().clone() for w in its.parameters()] for its in networks]
    losses = program.Training(*networks, program.options_of(form)).step(image, target)
    moved = [
        max((a - b).abs().max().item() for a, b in zip(its.parameters(), then))
        for its, then in zip(networks, before)
    ]
    found["steps"][form] = [{k: v.item() for k, v in losses.items()}, moved]
settings = {"form": "eager", "size": 256, "width": 1, "batch": 1, "threads": 1, "gpu": False}
state = program.prepare({**settings, "workloads": ["translate"]})
found["mean"] = state.workloads["translate"](1)["mean"]
for changed in ({"form": "fast"}, {"size": 128}):
    try:
        program.prepare({**settings, "workloads": [], **changed})
    except program.UnavailableError as error:
        found[str(changed)] = str(error)
print(json.dumps(found))
"""


def test_networks_steps_and_what_it_cannot_do():  # one test: PyTorch is started once
    done = subprocess.run(
        [PYTHON, "-c", CODE],
        cwd=ROOT,
        env={**os.environ, "OMP_NUM_THREADS": "1"},
        capture_output=True,
        text=True,
        check=False,
    )
    assert done.returncode == 0, done.stderr
    found = json.loads(done.stdout)
    assert found["generator"] == 54_413_955
    assert found["discriminator"] == 2_768_705
    assert found["grid"] == [1, 1, 30, 30]
    for losses, moved in found["steps"].values():
        # Of fresh networks: ln 2 for a decision, D's halved; 100 times the mean of |target|.
        assert losses["gan"] == pytest.approx(0.693, abs=0.1)
        assert losses["discriminator"] == pytest.approx(0.693, abs=0.1)
        assert losses["l1"] == pytest.approx(50, abs=5)
        assert moved == pytest.approx([2e-4, 2e-4], rel=0.01)  # Adam's first step
    assert found["mean"] == pytest.approx(127.5, abs=40)  # of an untrained generator: grey
    assert "there is no fast" in found["{'form': 'fast'}"]
    assert "multiples of 256" in found["{'size': 128}"]
