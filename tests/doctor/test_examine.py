"""What the stages of an examination mean; one of them for real, by the command line."""

import json
import subprocess
import sys

import pytest

from pix2pix_tf.doctor import examine as module
from pix2pix_tf.doctor.examine import (
    StageResult,
    examine,
    run_worker,
    training_findings,
    xla_finding,
)
from tests.conftest import typed

DEVICES = {
    "version": "2.21.0",
    "build": {"is_cuda_build": True},
    "gpus": [],
    "newer": None,
    "threads": 2,
}
ON_GPU = {**DEVICES, "gpus": [{"name": "T4", "compute_capability": [7, 5]}]}
LOSSES = [{"generator/l1": 0.25, "discriminator/loss": 0.7}] * 3


def trained(**more):
    values = {
        "devices": "1 GPU",
        "xla": True,
        "steps": 903,
        "finite": True,
        "steps_per_second": 90.0,
        "losses": LOSSES,
        "cpu_losses": LOSSES,
    }
    return StageResult({**values, **more}, "")


def stages(**results):
    return lambda stage, *arguments: results[stage]


# --- training -----------------------------------------------------------------------------------


def test_a_training_that_works():
    sample, numbers = training_findings(trained())
    assert (sample.status, numbers.status) == ("ok", "ok")
    assert sample.text == "903 steps on 1 GPU, 90 steps/s, losses finite"
    assert numbers.text == "losses of the first 3 steps within 0 of the plain CPU's"


@pytest.mark.parametrize(("factor", "status"), [(1.019, "ok"), (1.021, "problem")])
def test_losses_that_differ_from_the_cpus(factor, status):
    other = [*LOSSES[:2], {**LOSSES[2], "generator/l1": 0.25 * factor}]
    _, numbers = training_findings(trained(losses=other))
    assert numbers.status == status
    assert numbers.value == pytest.approx(factor - 1)
    assert ("differ by 0.021" in numbers.text) is (status == "problem")


def test_numbers_of_the_cpu_that_are_none():
    broken = [*LOSSES[:2], {**LOSSES[2], "generator/l1": float("nan")}]
    _, numbers = training_findings(trained(cpu_losses=broken))
    assert numbers.status == "problem"


def test_losses_that_are_not_finite():
    (found,) = training_findings(trained(finite=False, steps_per_second=None, steps=3))
    assert found.status == "problem"
    assert found.text == "3 steps on 1 GPU: losses are not finite"


def test_losses_that_are_not_numbers_at_the_first_steps():
    wrong = [{**LOSSES[0], "generator/l1": float("nan")}, *LOSSES[1:]]
    (found,) = training_findings(trained(finite=False, losses=wrong))
    assert found.status == "problem"


def test_a_training_that_ends_its_process():
    (found,) = training_findings(StageResult(None, "", "the process was ended by SIGABRT"))
    assert (found.status, found.text) == ("problem", "the process was ended by SIGABRT")


# --- XLA ----------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("devices", "result", "status", "text"),
    [
        (ON_GPU, {"difference": 0.001}, "ok", "works on the GPU; used by default"),
        (DEVICES, {"difference": 0.001}, "ok", "works on the CPU; off by default"),
        (ON_GPU, {"difference": 0.5}, "problem", "it computes something else"),
        (ON_GPU, {"difference": float("nan")}, "problem", "it computes something else"),
        (ON_GPU, None, "problem", "fails on the GPU: the process was ended by SIGABRT"),
        (DEVICES, None, "note", "fails on the CPU"),
    ],
)
def test_xla(devices, result, status, text):
    failure = "" if result else "the process was ended by SIGABRT"
    found = xla_finding(devices, stages(xla=StageResult(result, "", failure)))
    assert found.status == status
    assert text in found.text
    assert found.value == {"usable": status == "ok"}


def test_xla_is_not_tried_on_a_newer_gpu():
    found = xla_finding({**ON_GPU, "newer": "too new"}, stages())
    assert (found.status, found.value) == ("note", {"usable": False})


# --- the whole ----------------------------------------------------------------------------------


def test_the_parts_in_order():
    results = {
        "devices": StageResult(DEVICES, ""),
        "xla": StageResult({"difference": 0.0}, ""),
        "train": trained(devices="1 CPU"),
    }
    told = []
    examination = examine(1, run_stage=stages(**results), advance=told.append)
    sections = list(dict.fromkeys(each.section for each in examination.findings))
    assert sections == ["system", "packages", "tensorflow", "gpu", "xla", "training", "extras"]
    assert told == ["system and packages", "TensorFlow and GPUs", "XLA", "training for 1 s"]
    assert examination.as_dict()["healthy"] is True


def test_tensorflow_that_cannot_be_imported_ends_it():
    failed = StageResult(None, "", "the process was ended by SIGILL")
    examination = examine(run_stage=stages(devices=failed))
    (problem,) = examination.problems
    assert (problem.section, problem.text) == ("tensorflow", "the process was ended by SIGILL")
    assert examination.as_dict()["healthy"] is False


@pytest.fixture
def worker(monkeypatch):
    """Puts a program of one line in the place of the worker."""
    run = subprocess.run

    def put(code):
        monkeypatch.setattr(
            module.subprocess,
            "run",
            lambda words, **options: run([sys.executable, "-c", code], **options),
        )

    return put


def test_results_are_the_last_line(worker):
    worker("import sys; print('chatter'); print('{\"a\": 1}'); print('told', file=sys.stderr)")
    assert run_worker("devices") == StageResult({"a": 1}, "told\n")


@pytest.mark.parametrize(
    ("code", "failure"),
    [
        ("import os; os.abort()", "the process was ended by SIGABRT"),
        ("raise ImportError('libcudnn is broken')", "ImportError: libcudnn is broken"),
        ("raise SystemExit(3)", "the process failed"),
        ("import time; print(end='', flush=True); time.sleep(60)", "did not end within 0.5 s"),
    ],
)
def test_what_ends_a_stage_is_said(worker, code, failure):
    worker(code)
    result = run_worker("xla", seconds=0.5 if "sleep" in code else 30)
    assert (result.values, result.failure) == (None, failure)


@pytest.mark.slow("trains in a process of its own")
def test_doctor_on_this_machine(tmp_path):
    done = typed("doctor", "--seconds", 1, cwd=tmp_path)
    assert (done.returncode, done.stderr) == (0, "")
    assert "losses finite" in done.stdout
    assert "of the plain CPU's" in done.stdout
    assert done.stdout.endswith("no problems found\n")


def test_json_and_the_exit_code(here, monkeypatch):
    aborted = StageResult(None, "", "the process was ended by SIGABRT")
    results = {
        "devices": StageResult(DEVICES, ""),
        "xla": StageResult({"difference": 0.0}, ""),
        "train": aborted,
    }
    monkeypatch.setattr(module, "run_worker", stages(**results))
    code, out, err = here("doctor", "--json")
    assert (code, err) == (1, "")
    found = json.loads(out)
    assert found["healthy"] is False
    (problem,) = (each for each in found["findings"] if each["status"] == "problem")
    assert (problem["section"], problem["text"]) == ("training", aborted.failure)

    code, out, _ = here("doctor")
    assert code == 1
    assert "  sample: PROBLEM: the process was ended by SIGABRT\n    the last lines of" in out
    assert out.endswith("1 problem found\n")

    monkeypatch.setattr(module, "run_worker", stages(**{**results, "train": trained()}))
    code, out, _ = here("doctor")
    assert code == 0
    assert out.endswith("no problems found\n")
