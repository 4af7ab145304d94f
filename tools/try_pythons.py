"""Installs the wheel under each supported Python that this machine has: `make test-pythons`.

python tools/try_pythons.py dist/pix2pix_tf-0.1.0-py3-none-any.whl

Each Python gets an environment of its own with the versions of today, not those of the lock, as a
user does. In it the command draws data, trains, translates, scores and exports; then the tests of
rooms that need nothing but the package are run. Pythons are looked for by their names (python3.10)
and below ~/.pyenv.
"""

import shutil
import subprocess
import sys
import tempfile
import time
from pathlib import Path

VERSIONS = ("3.10", "3.11", "3.12", "3.13")
ROOT = Path(__file__).resolve().parents[1]
TESTED = ("config", "data", "images", "methods", "models", "utils")
SETTINGS = (
    "training.steps=1",
    "data.load_size=18",
    "data.crop_size=16",
    "generator.width=4",
    "discriminator.width=4",
    "discriminator.receptive_field=16",
)
JOURNEY = (
    "data sample --output city --train 2 --val 1 --size 64",
    "data check city",
    "train --config maps.yaml --set data.root=city " + " ".join(SETTINGS),
    "translate --run runs/city --input city/val --output translated",
    "evaluate --run runs/city",
    "export --run runs/city --format tflite --output phone",
    "export --run runs/city --format saved_model --output served",
)
TESTERS = ("pytest", "hypothesis", "h5py", "imagecodecs", "nibabel", "pydicom", "rasterio")


def interpreter(version: str) -> str | None:
    """Returns the path of a Python of a version; None if there is none."""
    found = sorted(Path.home().glob(f".pyenv/versions/{version}.*/bin/python"))
    named = shutil.which(f"python{version}")
    for path in [*map(str, found), *([named] if named else [])]:
        code = "import ensurepip, ssl, sys; print('%d.%d' % sys.version_info[:2])"
        asked = subprocess.run([path, "-c", code], capture_output=True, text=True, check=False)
        if asked.stdout.strip() == version:
            return path
    return None


def attempt(python: str, wheel: Path, folder: Path) -> None:
    """Installs and uses the wheel in an environment in a folder.

    Raises:
        subprocess.CalledProcessError: A command failed.
    """

    def run(*words: object, cwd: Path = folder) -> None:
        subprocess.run([str(word) for word in words], cwd=cwd, check=True)

    run(python, "-m", "venv", folder / "env")
    binaries = folder / "env" / "bin"
    run(binaries / "python", "-m", "pip", "install", "--quiet", "--upgrade", "pip")
    run(binaries / "python", "-m", "pip", "install", "--quiet", f"{wheel}[serve]", *TESTERS)
    for line in JOURNEY:
        print(f"pix2pix-tf {line}", flush=True)
        run(binaries / "pix2pix-tf", *line.split())
    shutil.copytree(ROOT / "tests", folder / "tests")
    shutil.copy(ROOT / "pyproject.toml", folder)
    marks = ("-m", "not slow and not cluster", "-o", "addopts=--strict-markers", "-q")
    run(binaries / "python", "-m", "pytest", *marks, *(f"tests/{room}" for room in TESTED))


def main(wheel: str) -> None:
    """Tries every version, and exits with 1 if the wheel fails under one."""
    outcomes: dict[str, str] = {}
    for version in VERSIONS:
        python = interpreter(version)
        if python is None:
            outcomes[version] = "not found on this machine"
            continue
        start = time.monotonic()
        with tempfile.TemporaryDirectory() as folder:
            try:
                attempt(python, Path(wheel).resolve(), Path(folder))
                outcomes[version] = f"works ({time.monotonic() - start:.0f} s)"
            except subprocess.CalledProcessError as error:
                outcomes[version] = f"FAILED: {' '.join(map(str, error.cmd))}"
        print(f"Python {version}: {outcomes[version]}", flush=True)
    print(*(f"Python {version}: {outcome}" for version, outcome in outcomes.items()), sep="\n")
    if any("FAILED" in outcome for outcome in outcomes.values()):
        sys.exit(1)


if __name__ == "__main__":
    main(*sys.argv[1:])
