"""Says whether two files of make_golden.py hold the same numbers, to 1e-5.

    python3 tools/addons_peer/compare.py FRESH.npz GOLDEN.npz

Where they do not, it says so in one sentence and ends with status 1.
"""

from __future__ import annotations

import argparse
import sys
import zipfile
from pathlib import Path

import numpy as np

TOLERANCE = 1e-5


def main() -> None:
    """Compares name by name."""
    parser = argparse.ArgumentParser(description=(__doc__ or "").partition("\n")[0])
    parser.add_argument("fresh", type=Path, metavar="FRESH.npz")
    parser.add_argument("golden", type=Path, metavar="GOLDEN.npz")
    words = parser.parse_args()
    fresh, golden = _read(words.fresh), _read(words.golden)
    if fresh.keys() != golden.keys():
        names = ", ".join(sorted(fresh.keys() ^ golden.keys()))
        sys.exit(f"Of {words.fresh} and {words.golden}, only one holds: {names}.")
    largest, where = max((_difference(fresh[name], golden[name]), name) for name in golden)
    if largest > TOLERANCE:
        sys.exit(
            f"{where} in {words.fresh} differs from that in {words.golden} by {largest:.1e}, more "
            f"than {TOLERANCE:.0e}."
        )
    print(f"{len(golden)} arrays are equal; the largest difference is {largest:.1e}, in {where}.")


def _read(path: Path) -> dict[str, np.ndarray]:
    try:
        with np.load(path) as arrays:
            return dict(arrays)
    except (OSError, ValueError, zipfile.BadZipFile, AttributeError, TypeError) as error:
        sys.exit(f"{path} cannot be read as a file of make_golden.py: {error}.")


def _difference(one: np.ndarray, other: np.ndarray) -> float:
    """The largest of all elements; infinite where shapes differ or numbers are not finite."""
    if one.shape != other.shape:
        return np.inf
    differences = np.abs(one.astype(np.float64) - other.astype(np.float64))
    return float(np.nan_to_num(differences.max(initial=0.0), nan=np.inf))


if __name__ == "__main__":
    main()
