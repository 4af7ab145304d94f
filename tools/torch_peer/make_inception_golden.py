"""Writes what torch-fidelity computes: golden files for tests/evaluation/metrics.

    python3 -m venv build/torch && build/torch/bin/pip install -r tools/torch_peer/requirements.txt
    build/torch/bin/python tools/torch_peer/make_inception_golden.py build/golden --seed 1
    PIX2PIX_TF_GOLDEN=build/golden .venv/bin/pytest tests/evaluation/metrics

The tests bring a golden file of their own, tests/evaluation/metrics/golden, made by this program,
so that they need no PyTorch; another seed makes other weights and images.

    inception.npz    seed; small [24, 40, 3] and large [320, 340, 3], uint8 images that are
                     enlarged and made smaller to 299×299; features [2, 2048], float32, of both
                     by the weights of `inception_weights`, computed in float64; near [12, 8] and
                     far [6, 8], float32 sets of features, and their fid, kid_mean and kid_std
    inception.pth    those weights, 96 MB, only with --keep-weights
"""

from __future__ import annotations

import argparse
import sys
from pathlib import Path
from unittest import mock

import numpy as np
import torch
from inception_weights import draw_weight

# torch-fidelity takes data sets and other networks from torchvision, whose binary must fit that of
# PyTorch. What is used here does not need it.
for name in ("", ".datasets", ".transforms", ".transforms.functional"):
    sys.modules[f"torchvision{name}"] = mock.MagicMock()

from torch_fidelity import FeatureExtractorInceptionV3, metric_fid, metric_kid  # noqa: E402

KID = {"kid_subsets": 5, "kid_subset_size": 4, "verbose": False}


def main() -> None:
    """Writes everything."""
    parser = argparse.ArgumentParser()
    parser.add_argument("output", type=Path)
    parser.add_argument("--seed", type=int, default=0)
    parser.add_argument("--keep-weights", action="store_true")
    arguments = parser.parse_args()
    arguments.output.mkdir(parents=True, exist_ok=True)

    network = _network()
    state = _state_dict(network, arguments.seed)
    network.load_state_dict(state)
    if arguments.keep_weights:
        # The legacy format, as the published file has by its size.
        path = arguments.output / "inception.pth"
        torch.save(state, path, _use_new_zipfile_serialization=False)
    images = _images(arguments.seed)
    features = np.concatenate([_features(network, image) for image in images.values()])
    print(f"features {features.mean():.3f} ± {features.std():.3f}")

    np.savez_compressed(
        arguments.output / "inception.npz",
        seed=arguments.seed,
        features=features,
        **images,
        **_distances(arguments.seed),
    )


def _network() -> FeatureExtractorInceptionV3:
    """The network without the weights that it would load from a file."""
    with (
        mock.patch("torch.load"),
        mock.patch.object(FeatureExtractorInceptionV3, "load_state_dict"),
    ):
        return FeatureExtractorInceptionV3(
            "inception",
            ["2048"],
            feature_extractor_weights_path="none",
            feature_extractor_internal_dtype="float64",
        )


def _state_dict(network: FeatureExtractorInceptionV3, seed: int) -> dict[str, torch.Tensor]:
    """Random weights with the network's names and shapes."""
    return {
        name: torch.from_numpy(draw_weight(name, tensor.shape, seed))
        for name, tensor in network.state_dict().items()
        if not name.endswith("num_batches_tracked")  # the published file is too small to have them
    }


def _features(network: FeatureExtractorInceptionV3, image: np.ndarray) -> np.ndarray:
    batch = torch.from_numpy(image.transpose(2, 0, 1)[np.newaxis].copy())
    return network(batch)[0].numpy()


def _images(seed: int) -> dict[str, np.ndarray]:
    random = np.random.RandomState(seed)
    tiles = random.randint(0, 256, (16, 17, 3)).astype(np.uint8)
    return {
        "small": random.randint(0, 256, (24, 40, 3)).astype(np.uint8),
        "large": tiles.repeat(20, axis=0).repeat(20, axis=1),
    }


def _distances(seed: int) -> dict[str, np.ndarray]:
    random = np.random.RandomState(seed)
    near = random.random_sample((12, 8)).astype(np.float32)
    far = (random.random_sample((6, 8)) * 1.5 + 0.2).astype(np.float32)
    sets = [torch.from_numpy(features) for features in (near, far)]
    statistics = map(metric_fid.fid_features_to_statistics, sets)
    fid = metric_fid.fid_statistics_to_metric(*statistics, verbose=False)
    kid = metric_kid.kid_features_to_metric(*sets, **KID)
    return {
        "near": near,
        "far": far,
        "fid": fid["frechet_inception_distance"],
        "kid_mean": kid["kernel_inception_distance_mean"],
        "kid_std": kid["kernel_inception_distance_std"],
    }


if __name__ == "__main__":
    main()
