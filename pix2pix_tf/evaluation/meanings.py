"""What each score is: its unit and which way is better."""

from __future__ import annotations

_MAP = "of the outputs as label maps"
_FCN = "of what a segmenter sees in the outputs"
_TRUTH = "the same in the true photographs"

MEANINGS = {
    "l1": "mean |error| of full range, lower is better",
    "psnr": "dB, higher is better",
    "ssim": "-1..1, higher is better",
    "lab_l": "shared part of the histograms of L, 0..1, higher is better",
    "lab_a": "of a (green to red)",
    "lab_b": "of b (blue to yellow)",
    "sharpness": "contrast of neighbouring pixels; 1: as in the targets, less: blurred",
    "per_pixel_accuracy": f"{_MAP}, 0..1, higher is better",
    "per_class_accuracy": f"{_MAP}, mean over classes",
    "class_iou": f"{_MAP}, mean over classes",
    "fcn_per_pixel_accuracy": f"{_FCN}, 0..1, higher is better",
    "fcn_per_class_accuracy": f"{_FCN}, mean over classes",
    "fcn_class_iou": f"{_FCN}, mean over classes",
    "fcn_truth_per_pixel_accuracy": _TRUTH,
    "fcn_truth_per_class_accuracy": _TRUTH,
    "fcn_truth_class_iou": _TRUTH,
    "kid": "squared kernel distance of Inception features, lower is better",
    "kid_std": "its standard deviation over subsets",
    "fid": "Fréchet distance of Inception features, lower is better",
}
