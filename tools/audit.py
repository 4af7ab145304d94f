"""Whether vulnerabilities are known of the versions in a lock file, by pip-audit.

    python tools/audit.py requirements-dev.lock [--report]

Ends with 1 where there are some, with 2 where the database could not be reached: pip-audit itself
then counts every package as skipped and says that nothing was found. With `--report` it ends with 0
whatever there is to say: what became known today must not stop a change that has no part in it.
"""

from __future__ import annotations

import argparse
import json
import subprocess
import sys
from collections.abc import Sequence
from pathlib import Path

SECONDS = 180.0


def main(words: Sequence[str] | None = None) -> int:
    """Asks, prints the answer and returns the status to end with."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("lock", type=Path)
    parser.add_argument("--report", action="store_true", help="end with 0 whatever is found")
    asked = parser.parse_args(words)
    status, text = judged(*ask(asked.lock))
    print(f"audit: {text}")
    return 0 if asked.report else status


def ask(lock: Path, seconds: float = SECONDS) -> tuple[str, str]:
    """What pip-audit says of a lock file: its JSON, and its complaints."""
    command = (
        *(sys.executable, "-m", "pip_audit", "--requirement", str(lock)),
        *("--require-hashes", "--disable-pip", "--format", "json", "--progress-spinner", "off"),
    )
    try:
        done = subprocess.run(command, capture_output=True, text=True, check=False, timeout=seconds)
    except subprocess.TimeoutExpired:
        return "", f"no answer within {seconds:.0f} seconds"
    return done.stdout, done.stderr


def judged(answer: str, complaints: str) -> tuple[int, str]:
    """The status to end with, and what to say."""
    try:
        packages = json.loads(answer)["dependencies"]
    except ValueError:
        why = (complaints.strip().splitlines() or ["no answer"])[-1]
        return 2, f"skipped, nothing was looked at: {why}"
    looked_at = [package for package in packages if "skip_reason" not in package]
    if not looked_at:
        return 2, "skipped, nothing was looked at: the database of vulnerabilities has no answer"
    known = [
        f"{package['name']} {package['version']}: {hole['id']}, mended in "
        f"{', '.join(hole['fix_versions']) or 'no version yet'}"
        for package in looked_at
        for hole in package["vulns"]
    ]
    skipped = len(packages) - len(looked_at)
    counts = f"{len(looked_at)} packages looked at" + (f", {skipped} unknown" if skipped else "")
    if known:
        return 1, "\n  ".join([f"{counts}, {len(known)} known vulnerabilities", *known])
    return 0, f"{counts}, no known vulnerabilities"


if __name__ == "__main__":
    sys.exit(main())
