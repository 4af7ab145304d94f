"""The tables of `make benchmark`, with workloads whose seconds are known."""

from pathlib import Path

import pytest

from benchmarks import compare, programs, tables
from pix2pix_tf.benchmark.rounds import alternate
from pix2pix_tf.benchmark.worker import UnavailableError
from tests.benchmarks.fakes import FakeWorkload


def measured(**seconds):
    # Compiling, fitting, the warm round; then what counts.
    workloads = {name: FakeWorkload(name, [], 9, 9, 9, *its) for name, its in seconds.items()}
    return alternate(workloads, len(next(iter(seconds.values()))), 0.0)


def test_a_table_by_hand():
    part = tables.Part("Training step, batch 2", 2, "mine", remarks=["A remark."])
    part.timings = measured(mine=[1.0, 2.0], other=[2.0, 8.0])
    # Two images in 1 and 2 s; the other 2 and 4 times as long.
    assert part.markdown().splitlines() == [
        "### Training step, batch 2",
        "",
        "|  | ms | a second | peak memory | mine is N times as fast |",
        "| --- | --- | --- | --- | --- |",
        "| mine | 750 (625–875) | 1.33 | 0.00 GB |  |",
        "| other | 2500 (1750–3250) | 0.4 | 0.00 GB | 3 (2.5–3.5) |",
        "",
        "A remark.",
    ]


def test_the_best_form_goes_on_beside_eager():
    part = tables.Part("")
    forms = ["eager", "channels_last", "compile", "fused"]
    names = [programs.torch_name(form) for form in forms[:3]]  # fused was left out
    part.timings = dict(zip(names, measured(a=[3.0], b=[1.0], c=[2.0]).values(), strict=True))
    assert compare.best_forms(part, forms) == ["eager", "channels_last"]
    assert compare.best_forms(tables.Part(""), forms) == []


def test_a_program_that_cannot_run_is_left_out_with_the_reason():
    part = tables.Part("")

    def start():
        raise UnavailableError("no compiler")

    with tables.worker_pool(part) as pool:
        pool.add("PyTorch, compile", start, {"PyTorch, compile": "training"})
    assert pool.workloads == {}
    assert part.remarks == ["PyTorch, compile was left out: no compiler."]


def test_options_are_the_papers_at_another_size():
    words = compare.parse(["--size", "512", "--width", "8", "--set", "training.seed=3"])
    options = compare.options_of(words)
    config = options.config(batch=4)
    assert config.data.crop_size == (512, 512)
    assert config.data.load_size == (572, 572)
    assert (config.generator.width, config.discriminator.width) == (8, 8)
    assert (config.training.batch_size, config.training.seed) == (4, 3)
    assert config.objective.name == "l1+cgan"
    with pytest.raises(UnavailableError, match="make benchmark"):
        programs.start_torch(
            programs.Options(**{**vars(options), "torch": Path("nowhere")}), "eager", ["training"]
        )


def test_the_share_of_the_fastest_convolution_by_hand():
    its = measured(**{programs.PACKAGE: [1.0, 2.0], "slow": [1.0, 1.0], "fast": [0.01, 0.02]})
    # 1 and 2 GFLOP/s; 2 GFLOP in 0.01 s are 200, in 0.02 s 100. A step of 50 in 1 s, then in 2 s.
    said = compare._share_of_fastest(its, {"slow": 1e9, "fast": 2e9}, 50e9)
    assert said.startswith("fast reaches 150 (125–175) GFLOP/s")
    assert f"{programs.PACKAGE}'s step 0.25 (0.25–0.25) of that" in said
