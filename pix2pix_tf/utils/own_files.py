"""The files that runs, segmenters and studies consist of: no report or list may replace them."""

from __future__ import annotations

from pathlib import Path

# What each kind of folder is known by, what it is called, and the names in it that are its own.
_KINDS = {
    "config.yaml": (
        "run",
        {
            "metrics.json",
            "versions.json",
            "pairs.json",
            "skipped.txt",
            "reference_batch.npz",
            "checkpoints",
            "logs",
        },
    ),
    "segmenter.yaml": (
        "segmenter",
        {"segmenter.weights.h5", "metrics.json", "pairs.json", "checkpoints", "logs"},
    ),
    "study.yaml": ("study", {"answers.sqlite", "invites.txt", "images"}),
}


def owner(file: Path) -> str | None:
    """What a file is a part of, such as `run runs/maps`; None where it is nothing of ours.

    Other files within such a folder, a report of a run for instance, are the user's.
    """
    real = file.resolve()
    for folder in real.parents:
        for known_by, (kind, names) in _KINDS.items():
            if (folder / known_by).is_file() and real.relative_to(folder).parts[0] in {
                known_by,
                *names,
            }:
                return f"{kind} {folder}"
    return None
