"""Checks that two files of make_golden.py have the same numbers, within 1e-5.

    python3 tools/addons_peer/compare.py FRESH.npz GOLDEN.npz

If they do not, it says so in one sentence and exits with status 1.
"""

from __future__ import annotations

import argparse
import sys
import zipfile
from pathlib import Path

import numpy as np

TOLERANCE = 1e-5


def main() -> None:
    """Compares the arrays name by name."""
    parser = argparse.ArgumentParser(description=(__doc__ or "").partition("\n")[0])
    parser.add_argument("fresh", type=Path, metavar="FRESH.npz")
    parser.add_argument("golden", type=Path, metavar="GOLDEN.npz")
    arguments = parser.parse_args()
    fresh, golden = _read(arguments.fresh), _read(arguments.golden)
    if fresh.keys() != golden.keys():
        names = ", ".join(sorted(fresh.keys() ^ golden.keys()))
        sys.exit(f"Of {arguments.fresh} and {arguments.golden}, only one holds: {names}.")
    largest, where = max((_difference(fresh[name], golden[name]), name) for name in golden)
    if largest > TOLERANCE:
        sys.exit(
            f"{where} in {arguments.fresh} differs from that in {arguments.golden} by "
            f"{largest:.1e}, more than {TOLERANCE:.0e}."
        )
    print(f"{len(golden)} arrays are equal; the largest difference is {largest:.1e}, in {where}.")


def _read(path: Path) -> dict[str, np.ndarray]:
    try:
        with np.load(path) as arrays:
            return dict(arrays)
    except (OSError, ValueError, zipfile.BadZipFile, AttributeError, TypeError) as error:
        sys.exit(f"{path} cannot be read as a file of make_golden.py: {error}.")


def _difference(one: np.ndarray, other: np.ndarray) -> float:
    """The largest absolute difference; infinite if shapes differ or numbers are not finite."""
    if one.shape != other.shape:
        return np.inf
    differences = np.abs(one.astype(np.float64) - other.astype(np.float64))
    return float(np.nan_to_num(differences.max(initial=0.0), nan=np.inf))


if __name__ == "__main__":
    main()
