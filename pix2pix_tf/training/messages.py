"""Messages of a training: scores, its end, and errors with the settings to try."""

from __future__ import annotations

from pix2pix_tf.config.schema import Config
from pix2pix_tf.evaluation.metrics.pixel import Scores
from pix2pix_tf.methods import method_of
from pix2pix_tf.runs.checkpoint_files import newest_step
from pix2pix_tf.runs.run import Run
from pix2pix_tf.utils.console import format_number


def score_text(scores: Scores) -> str:
    """Returns validation scores as one line of text."""
    psnr, ssim = format_number(scores["psnr"], ".2f"), format_number(scores["ssim"], ".3f")
    return f"L1 {scores['l1']:.4f}  PSNR {psnr} dB  SSIM {ssim}"


def diverged(config: Config, run: Run, step: int, problem: str) -> str:
    """Returns the error message for losses or weights that are no longer finite after a step.

    Args:
        config: The experiment.
        run: The run, whose newest checkpoint the message names.
        step: The step after which they were not finite.
        problem: The losses or weights that are not finite.
    """
    precision = (
        ", or training.precision=mixed_bfloat16 in a new run"
        if config.training.precision == "mixed_float16"
        else ""
    )
    return (
        f"step {step}: {problem}: the training has diverged; "
        f"{_kept_checkpoint(run, 'last good')}. "
        f"A lower training.learning_rate usually helps{precision}; look at the input images too"
    )


def out_of_memory(config: Config, run: Run) -> str:
    """Returns the error message for a training that needs more memory than is available."""
    height, width = config.data.crop_size
    settings = config.settings()
    sizes = {
        "training.batch_size": config.training.batch_size,
        "data.crop_size": f"{height}×{width}",
        **{key: settings[key] for key in method_of(config).size_keys},
    }
    listed = ", ".join(f"a {key} of {value}" for key, value in sizes.items())
    precision = config.training.precision
    halved = "" if precision != "float32" else ", training.precision=mixed_bfloat16 takes less"
    return (
        f"there is too little memory for {listed} and a training.precision of "
        f"{precision}; {_kept_checkpoint(run, 'newest')}. Lower one of the numbers in a new "
        f"run{halved}; or end other programs that use memory and give the same command again"
    )


def stopped(step: int, signal_name: str) -> str:
    """Returns the line that is printed when a signal has ended a training early."""
    return f"stopped at step {step} by {signal_name}; saved: the same command resumes there"


def stopped_by_image(problem: str, step: int) -> str:
    """Returns the error message for an image that turned out to be bad during a training.

    Args:
        problem: What is wrong with which file.
        step: The step that was saved.
    """
    return (
        f"{problem}\nStopped at step {step}; saved: when the image is mended, the same command "
        "with --data-changed resumes there"
    )


def _kept_checkpoint(run: Run, which: str) -> str:
    newest = newest_step(run.checkpoints)
    if newest is None:
        return "no checkpoint was written yet"
    return f"the {which} checkpoint, {run.checkpoints / f'step-{newest}'}, is kept"
