"""The wheel, built and installed elsewhere, as a user gets it."""

import shutil
import subprocess
import sys
import venv
import zipfile
from pathlib import Path

import pytest

pytestmark = pytest.mark.slow("builds and installs a wheel")

ROOT = Path(__file__).parents[1]
RUNTIME = ROOT / "exporters" / "litert"


@pytest.fixture(scope="module")
def wheel(tmp_path_factory):
    out = tmp_path_factory.mktemp("wheel")
    source = tmp_path_factory.mktemp("source") / "checkout"
    # From a copy, so that no build folder is left in the checkout.
    files = subprocess.run(
        ["git", "ls-files", "-co", "--exclude-standard"], cwd=ROOT, check=True, capture_output=True
    )
    for name in files.stdout.decode().splitlines():
        if (ROOT / name).is_file():
            (source / name).parent.mkdir(parents=True, exist_ok=True)
            (source / name).write_bytes((ROOT / name).read_bytes())
    if RUNTIME.is_dir():  # made by `make web-assets`, not kept in git
        shutil.copytree(RUNTIME, source / "exporters" / "litert")
    build = [sys.executable, "-m", "build", "--wheel", "--no-isolation"]  # by the lock's setuptools
    command = [*build, "--outdir", str(out), str(source)]
    subprocess.run(command, check=True, capture_output=True)
    return next(out.glob("*.whl"))


def _files(folder, pattern):
    return {path.relative_to(ROOT).as_posix() for path in (ROOT / folder).glob(pattern)}


def test_wheel_holds_the_packages_and_their_data(wheel):
    names = set(zipfile.ZipFile(wheel).namelist())
    for name in (
        "pix2pix_tf/cli/main.py",
        "pix2pix_tf/exporters/__init__.py",
        "pix2pix_tf/py.typed",
    ):
        assert name in names
    assert {f"pix2pix_tf/{name}" for name in _files("configs", "**/*.yaml")} <= names
    assert {f"pix2pix_tf/{name}" for name in _files("exporters", "page/*")} <= names
    pages = {
        *_files("pix2pix_tf", "demo/page/*"),
        *_files("pix2pix_tf", "evaluation/report/page/*"),
        *_files("pix2pix_tf", "study/page/*"),
    }
    assert len(pages) > 3
    assert pages <= names
    assert any(name.endswith("licenses/LICENSE") for name in names)
    assert not [name for name in names if name.startswith(("tests/", "examples/", "configs/"))]


@pytest.mark.skipif(
    not RUNTIME.is_dir(), reason="this checkout has no browser runtime: make web-assets"
)
def test_wheel_carries_the_browser_runtime_with_its_licence(wheel):
    names = zipfile.ZipFile(wheel).namelist()
    for name in ("index.js", "LICENSE", "wasm/litert_wasm_internal.wasm"):
        assert f"pix2pix_tf/exporters/litert/{name}" in names
    assert not [name for name in names if "node_modules" in name]
    assert not {Path(name).name for name in names} & {"package.json", "package-lock.json"}


def test_installed_elsewhere_the_command_works(wheel, tmp_path):
    # Its own environment, which sees this one's dependencies but not the checkout.
    venv.create(tmp_path / "env")
    python = tmp_path / "env" / "bin" / "python"
    install = [
        sys.executable,
        "-m",
        "pip",
        "--python",
        python,
        "install",
        "--quiet",
        "--no-deps",
        wheel,
    ]
    subprocess.run(install, check=True)
    site = next((tmp_path / "env").glob("lib/python*/site-packages"))
    here = next(path for path in map(Path, sys.path) if path.name == "site-packages")
    dependencies = [
        path.name
        for path in here.iterdir()
        if not path.name.startswith(("pix2pix", "__editable__", "_"))
    ]
    for name in dependencies:
        if not (site / name).exists():
            (site / name).symlink_to(here / name)

    def run(*args):
        return subprocess.run(args, cwd=tmp_path, check=True, capture_output=True, text=True).stdout

    command = tmp_path / "env" / "bin" / "pix2pix-tf"
    where = run(python, "-c", "import pix2pix_tf.exporters as e; print(e.__file__)")
    assert str(site) in where
    assert "translate" in run(command, "--help")
    run(command, "data", "sample", "--output", "city", "--train", "2", "--val", "1", "--size", "64")
    settings = ["training.steps=1", "data.load_size=18", "data.crop_size=16"]
    settings += ["generator.width=4", "discriminator.width=4", "discriminator.receptive_field=16"]
    sets = [part for setting in settings for part in ("--set", setting)]
    run(command, "train", "--config", "maps.yaml", "--set", "data.root=city", *sets)
    assert (tmp_path / "runs" / "city" / "samples" / "step-0000001.png").exists()
    run(command, "export", "--run", "runs/city", "--format", "tflite", "--output", "phone")
    assert (tmp_path / "phone" / "city.tflite").exists()
