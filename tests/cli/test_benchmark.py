"""`pix2pix-tf benchmark`, and what its report is made of."""

import json
from contextlib import AbstractContextManager
from types import SimpleNamespace

import pytest

from pix2pix_tf.benchmark.machine import machine_lines, peak_tflops
from pix2pix_tf.benchmark.quartiles import Quartiles
from pix2pix_tf.benchmark.report import Row, scaling
from pix2pix_tf.benchmark.runner import Options, benchmark, with_global_batch
from pix2pix_tf.benchmark.workloads import TimedRun
from pix2pix_tf.cli.benchmark import print_report
from pix2pix_tf.utils.console import PlainConsole
from pix2pix_tf.utils.errors import UserError
from tests.conftest import TINY

WORDS = [
    word for key, value in TINY.items() if "size" not in key for word in ("--set", f"{key}={value}")
]


@pytest.mark.slow("starts processes and measures")
def test_measures_on_this_machine(here, tmp_path):
    words = [*WORDS, "--size", 32, "--batch", 2, "--set", "data.sample_train=2", "--threads", 1]
    words += ["--device", "cpu", "--rounds", 2, "--seconds", 0, "--json", "out.json"]
    code, out, err = here("benchmark", *words)
    assert (code, err) == (0, "")
    assert "32×32 pixels, batch 2, float32, 1 threads" in out
    report = json.loads((tmp_path / "out.json").read_text())
    names = [row["name"] for row in report["rows"]]
    assert names[0] == "training step"
    assert {"translate", "saved model", "tflite float32", "tflite int8"} <= set(names)
    for row in report["rows"]:
        assert row["name"] in out
        assert len(row["seconds"]) == 2
        assert min(row["seconds"]) > 0
    assert 0 < report["convolution_share"]["median"] < 1
    assert 0 <= report["data_wait_share"]["low"] <= report["data_wait_share"]["high"] <= 1
    assert report["peak_bytes"] > 1e8
    assert report["scaling"] == []


@pytest.mark.parametrize(
    ("words", "message"),
    [
        (["--device", "tpu"], "expected one of auto, cpu, gpu"),
        (["--size", "40"], "must be a multiple of 16"),
        (["--set", "training.precisoin=x"], "did you mean training.precision?"),
        (["--config", "maps"], "--set data.root=FOLDER"),
    ],
)
def test_what_cannot_be_meant_is_one_message(here, words, message):
    code, _, err = here("benchmark", *words)
    assert code == 2
    assert message in err
    assert "Traceback" not in err


def test_rates_scaling_and_share_of_the_peak():
    one = Row("one", [0.5, 0.25, 0.25], flops=87.5e9)
    assert one.milliseconds == Quartiles(250, 250, 375)
    assert one.per_second == Quartiles(4, 3, 4)
    assert one.gflops_per_second == [175, 350, 350]
    two = scaling(2, Row("two", [0.25, 0.25, 0.125], flops=87.5e9), one, peak_tflops=0.7)
    assert two.speedup == Quartiles(2, 1.5, 2)
    # 350, 350 and 700 GFLOP/s of 1400.
    assert two.peak_share == Quartiles(0.25, 0.25, 0.375)
    assert scaling(1, one, one, peak_tflops=None).peak_share is None


class FakeWorker(AbstractContextManager):
    """Says that there are two GPUs; an image of one takes a second, a batch of two GPUs 1.25 s."""

    def __init__(self, log, config, works, variables):
        batch = config.training.batch_size
        log.append((works, batch, variables["CUDA_VISIBLE_DEVICES"]))
        self.info = {"gpus": 2, "gpu": "NVIDIA A100-SXM4-40GB", "convolution": "3×3"}
        self.info |= {"convolution_flops": 1e12, "update_flops": 1e12, "translation_flops": 1e11}
        self.seconds = 1.0 if batch == 1 else 1.25

    def workload(self, work):
        return SimpleNamespace(
            run=lambda count: TimedRun(
                self.seconds * count, {"wait_seconds": 0.25 * count, "pairs": 2 * count}, 10
            )
        )

    def __exit__(self, *_):
        pass


def test_on_gpus_images_a_second_are_put_beside_one_gpus(monkeypatch, tiny):
    log = []

    def start(config, works, threads, variables):
        return FakeWorker(log, config, works, variables)

    monkeypatch.setattr("pix2pix_tf.benchmark.package_worker.start_worker", start)
    monkeypatch.setenv("CUDA_VISIBLE_DEVICES", "4,7")
    report = benchmark(Options(tiny(), 2, 0.0, 1, "gpu", None))
    assert [(works[0], *rest) for works, *rest in log] == [
        ("pipeline", 1, "4,7"),
        ("training", 1, "4"),
        ("training", 2, "4,7"),
    ]
    one, two = report.scaling
    assert one.row.per_second.median == 1
    assert two.row.per_second.median == pytest.approx(1.6)
    assert two.speedup.median == pytest.approx(1.6)
    # 1 and 1.6 TFLOP/s of 156 a GPU.
    assert one.peak_share.median == pytest.approx(1 / 156)
    assert two.peak_share.median == pytest.approx(1.6 / 312)
    assert report.data_wait_share.median == 0.25
    pipeline = next(row for row in report.rows if row.name == "input of a training, a pair")
    assert pipeline.seconds == [0.5, 0.5]  # two pairs of a second
    assert report.convolution_share.median == 1


def test_a_method_that_counts_no_operations_has_times_and_no_rates(monkeypatch, tiny, capsys):
    def start(config, works, threads, variables):
        worker = FakeWorker([], config, works, variables)
        worker.info["update_flops"] = None
        return worker

    monkeypatch.setattr("pix2pix_tf.benchmark.package_worker.start_worker", start)
    monkeypatch.setenv("CUDA_VISIBLE_DEVICES", "4,7")
    report = benchmark(Options(tiny(), 2, 0.0, 1, "gpu", None))
    assert report.convolution_share is None
    assert [scaled.peak_share for scaled in report.scaling] == [None, None]
    assert report.scaling[1].speedup.median == pytest.approx(1.6)
    print_report(PlainConsole(), report)
    printed = capsys.readouterr().out
    assert "a translation is 100 GFLOP an image\n" in printed
    assert "training step reaches" not in printed


def test_gpus_that_are_not_there_are_one_sentence(monkeypatch, tiny):
    def start(config, works, threads, variables):
        worker = FakeWorker([], config, works, {"CUDA_VISIBLE_DEVICES": ""})
        worker.info["gpus"] = 0
        return worker

    monkeypatch.setattr("pix2pix_tf.benchmark.package_worker.start_worker", start)
    with pytest.raises(UserError, match=r"--device gpu: TensorFlow finds no GPU; .* nvidia-smi"):
        benchmark(Options(tiny(), 2, 0.0, 1, "gpu", None))


def test_each_replica_keeps_its_part_of_the_batch(tiny):
    assert with_global_batch(tiny(training__batch_size=4), 3).training.batch_size == 12


@pytest.mark.parametrize(
    ("gpu", "precision", "peak"),
    [
        ("NVIDIA A100-SXM4-40GB", "float32", 156.0),
        ("NVIDIA A100-SXM4-40GB", "mixed_bfloat16", 312.0),
        ("Tesla T4", "float32", 8.1),
        ("NVIDIA H100 80GB HBM3", "float32", 494.7),
        ("NVIDIA H100 PCIe", "float32", None),
        ("NVIDIA L40S", "float32", None),
        ("", "float32", None),
    ],
)
def test_peaks_of_gpus_that_are_known(gpu, precision, peak):
    assert peak_tflops(gpu, precision) == peak


def test_a_busy_machine_is_spoken_of(monkeypatch):
    monkeypatch.setattr("pix2pix_tf.benchmark.machine.cpu_count", lambda: 2)
    monkeypatch.setattr("os.getloadavg", lambda: (1.5, 0, 0))
    assert "other programs are running (load 1.5)" in machine_lines()[-1]
    monkeypatch.setattr("os.getloadavg", lambda: (0.1, 9, 9))
    assert len(machine_lines()) == 2
