"""Descriptions of the scores in tables: unit or range, and whether higher or lower is better."""

from __future__ import annotations

from pix2pix_tf.segmentation.scores import SCORE_DESCRIPTIONS

_FCN = "of what a segmenter sees in the outputs, at their own size"
_TRUTH = "the same of the true photos"

DESCRIPTIONS = {
    "l1": "mean |error|, 0..1; lower is better",
    "psnr": "dB; higher is better",
    "ssim": "-1..1; higher is better",
    "lab_l": "shared histogram of L, 0..1; higher is better",
    "lab_a": "of a (green to red)",
    "lab_b": "of b (blue to yellow)",
    "sharpness": "share of the targets' contrast; 1 is as sharp",
    **SCORE_DESCRIPTIONS,
    "fcn_per_pixel_accuracy": f"{_FCN}; higher is better",
    "fcn_per_class_accuracy": SCORE_DESCRIPTIONS["per_class_accuracy"],
    "fcn_class_iou": SCORE_DESCRIPTIONS["class_iou"],
    "fcn_truth_per_pixel_accuracy": _TRUTH,
    "fcn_truth_per_class_accuracy": _TRUTH,
    "fcn_truth_class_iou": _TRUTH,
    "kid": "kernel distance of Inception features, squared; lower is better",
    "kid_std": "its standard deviation over subsets",
    "fid": "Fréchet distance of Inception features; lower is better",
}
