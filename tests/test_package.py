"""The wheel, built and installed elsewhere, as a user gets it, and what releases are made of."""

import os
import shutil
import subprocess
import sys
import venv
import zipfile
from pathlib import Path

import pytest
import yaml

pytestmark = pytest.mark.slow("builds and installs a wheel")

ROOT = Path(__file__).parents[1]
RUNTIME = ROOT / "exporters" / "litert"


@pytest.fixture(scope="module")
def source(tmp_path_factory):
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
    return source


def build(source, output, kind):
    """Builds with the lock's setuptools, at the time of release that `make release` would give."""
    command = [sys.executable, "-m", "build", f"--{kind}", "--no-isolation", "--outdir", output]
    environment = {**os.environ, "SOURCE_DATE_EPOCH": "1700000000"}
    subprocess.run([*command, source], check=True, capture_output=True, env=environment)
    return next(path for path in output.iterdir() if path.suffix in (".whl", ".gz"))


@pytest.fixture(scope="module")
def wheel(source, tmp_path_factory):
    return build(source, tmp_path_factory.mktemp("wheel"), "wheel")


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


def test_the_same_sources_give_the_same_wheel(wheel, source, tmp_path):
    for folder in ("build", "pix2pix_tf.egg-info"):
        shutil.rmtree(source / folder, ignore_errors=True)
    for path in source.rglob("*"):
        os.utime(path, (1_600_000_000, 1_600_000_000))
    again = build(source, tmp_path, "wheel")
    assert again.name == wheel.name
    assert again.read_bytes() == wheel.read_bytes()


def test_the_sources_of_a_release_have_what_the_wheel_has(wheel, source, tmp_path):
    archive = build(source, tmp_path / "sdist", "sdist")
    shutil.unpack_archive(archive, tmp_path / "unpacked", filter="data")
    (unpacked,) = (tmp_path / "unpacked").iterdir()
    assert not (unpacked / "tests").exists()
    again = build(unpacked, tmp_path / "wheel", "wheel")
    assert zipfile.ZipFile(again).namelist() == zipfile.ZipFile(wheel).namelist()


def test_a_release_is_of_the_version_that_its_tag_and_the_changelog_say():
    """What stops `make release`, without building anything."""

    def refused(*words):
        made = subprocess.run(
            ["make", "--silent", "--old-file=.venv/installed-dev", "release", *words],
            cwd=ROOT,
            capture_output=True,
            text=True,
            check=False,
        )
        return made.stderr if made.returncode else ""

    assert "the tag is v99.0, and pix2pix_tf/version.py says" in refused("TAG=v99.0")
    steps = yaml.safe_load((ROOT / ".github/workflows/release.yml").read_text())["jobs"]
    commands = [step.get("run", "") for step in steps["build"]["steps"]]
    assert 'make release TAG="$GITHUB_REF_NAME"' in commands
    assert steps["publish"]["permissions"] == {"id-token": "write"}  # no password anywhere


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
        if not path.name.startswith(("pix2pix", "__", "_distutils", "_virtualenv"))
    ]
    for name in dependencies:
        if not (site / name).exists():
            (site / name).symlink_to(here / name)

    # As in a container that runs as any user, without a home.
    environment = {**os.environ, "HOME": "/proc/nowhere", "XDG_CACHE_HOME": "/proc/nowhere"}

    def run(*args, **variables):
        ended = subprocess.run(
            args,
            cwd=tmp_path,
            check=True,
            capture_output=True,
            text=True,
            env=environment | variables,
        )
        return ended.stdout

    command = tmp_path / "env" / "bin" / "pix2pix-tf"
    where = run(python, "-c", "import pix2pix_tf.exporters as e; print(e.__file__)")
    assert str(site) in where
    assert "translate" in run(command, "--help")
    typed = {"_PIX2PIX_TF_COMPLETE": "complete_bash", "COMP_CWORD": "1"}
    completed = run(command, COMP_WORDS="pix2pix-tf trans", **typed)
    assert completed.split() == ["translate"]
    run(command, "data", "sample", "--output", "city", "--train", "2", "--val", "1", "--size", "64")
    settings = ["training.steps=1", "data.load_size=18", "data.crop_size=16"]
    settings += ["generator.width=4", "discriminator.width=4", "discriminator.receptive_field=16"]
    sets = [part for setting in settings for part in ("--set", setting)]
    run(command, "train", "--config", "maps.yaml", "--set", "data.root=city", *sets)
    assert (tmp_path / "runs" / "city" / "samples" / "step-0000001.png").exists()
    run(command, "export", "--run", "runs/city", "--format", "tflite", "--output", "phone")
    assert (tmp_path / "phone" / "city.tflite").exists()
