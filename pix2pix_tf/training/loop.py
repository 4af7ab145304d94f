"""Training from start or checkpoint to end: open the data, build or resume, step, look, save."""

from __future__ import annotations

import functools
import math
import signal
import time
from collections.abc import Iterator
from dataclasses import dataclass, field
from pathlib import Path

import numpy as np
import tensorflow as tf
from rich.console import Console

from pix2pix_tf.checkpoint_files import newest_step
from pix2pix_tf.checkpoints import Checkpoints
from pix2pix_tf.config import Config
from pix2pix_tf.data.images import write_image
from pix2pix_tf.data.pairs import OpenedPairs, open_pairs
from pix2pix_tf.data.pipeline import images_per_step, training_batches
from pix2pix_tf.disk import writing
from pix2pix_tf.errors import UserError
from pix2pix_tf.evaluation.metrics import Scores, score_pairs
from pix2pix_tf.inference import array_translation, picture_translation
from pix2pix_tf.run_lock import run_lock
from pix2pix_tf.run_versions import record_session
from pix2pix_tf.runs import Run
from pix2pix_tf.sheets import pairs_sheet
from pix2pix_tf.training.logs import TensorBoardLogs
from pix2pix_tf.training.optimizer import FusedAdam
from pix2pix_tf.training.progress import TrainingProgress
from pix2pix_tf.training.resume import check_resumable
from pix2pix_tf.training.signals import Caught, stop_signals
from pix2pix_tf.training.step import Batch, Losses, build_networks, make_update, make_updates

REPORT_SECONDS = 1.0  # losses are read from the device no more often: reading waits for it


@dataclass(frozen=True)
class TrainingResult:
    """How a training ended.

    Attributes:
        step: Generator updates made, over all sessions.
        before: Validation scores before this session's first step, or None if there was nothing
            left to train.
        after: Validation scores at the end, or None when it was interrupted.
        interrupted: The signal that ended it early, after saving; or None.
    """

    step: int
    before: Scores | None
    after: Scores | None
    interrupted: signal.Signals | None = None


def train(
    config: Config,
    run_dir: str | Path,
    *,
    strategy: tf.distribute.Strategy | None = None,
    console: Console | None = None,
) -> TrainingResult:
    """Trains into a run directory, or resumes what is there, as if it had never stopped.

    Args:
        config: The experiment. A resumed run must agree with it, see `pix2pix_tf.training.resume`.
        run_dir: Made if it is not there.
        strategy: Where to train; by default mirrored over all visible GPUs, or the CPU.
        console: Where progress is shown; by default the standard output.

    Raises:
        UserError: The data, the run directory or the config cannot be used; losses became
            non-finite.
    """
    if config.training.deterministic:
        tf.config.experimental.enable_op_determinism()
    run = Run(Path(run_dir))
    strategy = strategy or default_strategy()
    _check_batch(config, strategy)
    pairs = open_pairs(config)
    console = console or Console()
    say = functools.partial(console.print, highlight=False, markup=False, soft_wrap=True)
    with run_lock(run.path, say):
        for note in check_resumable(run, config):
            say(note)
        run.save_config(config)
        return _Training(config, run, strategy, pairs, console).run_to_end()


@functools.cache  # a second strategy over the same devices would mix up their messages
def default_strategy() -> tf.distribute.Strategy:
    """Mirrored over all visible GPUs, or over the one CPU where there is none."""
    gpus = [device.name for device in tf.config.list_logical_devices("GPU")]
    return tf.distribute.MirroredStrategy(gpus or ["CPU:0"])


def total_steps(config: Config, pairs: int) -> int:
    """Generator updates of a whole training: `training.steps`, or its epochs' worth, rounded up."""
    if config.training.steps is not None:
        return config.training.steps
    return math.ceil(config.training.epochs * pairs / images_per_step(config))


def decay_start(config: Config, pairs: int) -> int | None:
    """The update from which the learning rate decays: the first of that epoch, counted from 1."""
    if config.training.decay_from_epoch is None:
        return None
    return math.ceil((config.training.decay_from_epoch - 1) * pairs / images_per_step(config))


def _check_batch(config: Config, strategy: tf.distribute.Strategy) -> None:
    replicas, batch = strategy.num_replicas_in_sync, config.training.batch_size
    if batch % replicas:
        raise UserError(
            f"training.batch_size: {batch}: is the batch of all {replicas} devices together and "
            f"must be a multiple of {replicas}; hide devices with CUDA_VISIBLE_DEVICES, or set it "
            f"to {math.ceil(batch / replicas) * replicas}"
        )


class _Training:
    """One session of a training: everything it holds, and the loop."""

    def __init__(
        self,
        config: Config,
        run: Run,
        strategy: tf.distribute.Strategy,
        pairs: OpenedPairs,
        console: Console,
    ) -> None:
        self.config, self.run, self.strategy = config, run, strategy
        self.pairs, self.console = pairs, console
        self.total = total_steps(config, len(pairs.train))
        with strategy.scope():
            self.networks = build_networks(
                config, self.total, decay_start(config, len(pairs.train))
            )
        self.checkpoints = Checkpoints(
            run.checkpoints, self.networks.variables(), config.logging.keep
        )
        self.first = self.checkpoints.restore()
        run.remove_left_behind()
        self.checkpoints.tidy()
        self.translate = array_translation(
            picture_translation(self.networks.translating, config), config.training.seed
        )
        self.updates = make_updates(make_update(config, self.networks, strategy))
        self.window = _Window()

    def run_to_end(self) -> TrainingResult:
        progress = TrainingProgress(self.first, self.total, self.console)
        self._announce(progress)
        newest = self._newest_scores()
        if self.first >= self.total:
            progress.say(
                f"already trained to step {self.first}; raise training.steps or training.epochs "
                "to go on"
            )
            return TrainingResult(self.first, None, newest)
        seed = self.config.training.seed
        for note in record_session(self.run.versions_file, seed, self.first):
            progress.say(note)
        self.logs = TensorBoardLogs(self.run.logs, self.config, self.first, self.total)
        with progress, stop_signals() as caught:
            before = newest if self.first else self._look(progress, 0, True, True)
            after = self._steps(progress, caught)
        stopped = None if after else caught.signal
        return TrainingResult(int(self.checkpoints.step), before, after, stopped)

    def _steps(self, progress: TrainingProgress, caught: Caught) -> Scores | None:
        """The loop. Returns the last validation's scores, or None when a signal ended it."""
        scores = None
        batches = self._batches()
        progress.pause()
        self.window = _Window()
        step = self.first
        while step < self.total:
            count = self._updates_of_call(step)
            self.window.add(step + 1, count, *self._call(batches, count))
            step += count
            self.checkpoints.step.assign(step)
            last, stop = step == self.total, caught.signal
            scored, drawn, saved = self._due_after(step)
            saved = saved or bool(stop)
            if scored or drawn or saved or self.window.seconds >= REPORT_SECONDS:
                self._report(progress)  # first of all: nothing non-finite is ever scored or saved
            if scored or drawn:
                scores = self._look(progress, step, scored, drawn) or scores
            if saved:
                self.checkpoints.save()
            if stop and not last:
                progress.say(
                    f"stopped at step {step} by {stop.name}; saved: the same command resumes there"
                )
                return None
        return scores

    def _updates_of_call(self, step: int) -> int:
        """How many follow `step` in one call: as configured, or 1 where something is due midway.

        Only two numbers, since the call is compiled for each.
        """
        count = self.config.training.steps_per_call
        midway = range(step + 1, min(step + count, self.total + 1))
        return 1 if any(any(self._due_after(each)) for each in midway) else count

    def _due_after(self, step: int) -> tuple[bool, bool, bool]:
        """Whether to validate, to draw and to save then."""
        last, logging = step == self.total, self.config.logging
        return (
            last or self._due(logging.validate_every, step),
            last or self._due(logging.sheet_every, step),
            last or self._due(logging.checkpoint_every, step),
        )

    def _batches(self) -> Iterator[Batch]:
        dataset = training_batches(self.pairs.train, self.config, self.first, self.total)
        # Batches are split over replicas, not sharded by file: there is nothing on disk for
        # TensorFlow to shard. They are copied to the devices ahead of time, as is its default.
        options = tf.data.Options()
        options.experimental_distribute.auto_shard_policy = tf.data.experimental.AutoShardPolicy.OFF
        return iter(self.strategy.experimental_distribute_dataset(dataset.with_options(options)))

    def _call(self, batches: Iterator[Batch], count: int) -> tuple[Losses, float]:
        """`count` updates; returns their losses and the seconds spent waiting for their batches."""
        start = time.monotonic()
        try:
            taken = [next(batches) for _ in range(count)]
        except tf.errors.OpError:
            # Whatever made the pipeline fail left its own words with the pairs.
            raise self.pairs.train.failure or RuntimeError("the input pipeline failed") from None
        waited = time.monotonic() - start
        return self.updates(taken), waited

    def _report(self, progress: TrainingProgress) -> None:
        """Reads the losses of the steps since the last report, checks and shows them."""
        first, last = self.window.first, self.window.last
        losses = self.window.losses()
        for offset, values in enumerate(zip(*losses.values(), strict=True)):
            if not np.all(np.isfinite(values)):
                raise UserError(
                    self._non_finite(first + offset, dict(zip(losses, values, strict=True)))
                )
        means = {name: float(np.mean(values)) for name, values in losses.items()}
        seconds, waiting = self.window.seconds, self.window.waited / self.window.seconds
        images = (last + 1 - first) * images_per_step(self.config)
        rates = {
            "speed/images_per_second": images / seconds,
            "speed/waiting_for_data": waiting,
            **_rates_of("generator", self.networks.generator_optimizer),
        }
        if self.networks.discriminator_optimizer is not None:
            rates |= _rates_of("discriminator", self.networks.discriminator_optimizer)
        self.logs.scalars(last, {**means, **rates})
        progress.report(last, means, waiting)
        self.window = _Window()

    def _non_finite(self, step: int, losses: dict[str, float]) -> str:
        names = ", ".join(
            f"{name} = {value}" for name, value in losses.items() if not np.isfinite(value)
        )
        saved = newest_step(self.run.checkpoints)
        kept = (
            f"the last good checkpoint, {self.run.checkpoints / f'step-{saved}'}, is kept"
            if saved is not None
            else "no checkpoint was written yet"
        )
        return (
            f"step {step}: {names}: the training has diverged; {kept}. "
            "A lower training.learning_rate usually helps; look at the input images too"
        )

    def _look(
        self, progress: TrainingProgress, step: int, scored: bool, drawn: bool
    ) -> Scores | None:
        """Validates and draws as asked, leaving the time it takes out of the training's rate."""
        values = None
        if scored:
            values = score_pairs(self.translate, self.pairs.val)
            self.logs.scalars(step, {f"validation/{name}": value for name, value in values.items()})
            self.run.add_metrics(step, "val", len(self.pairs.val), values)
            best = self.checkpoints.save_best(values["l1"]) if step else False
            progress.say(
                f"step {step}  validation {score_words(values)}{'  (best so far)' if best else ''}"
            )
        if drawn:
            picture = pairs_sheet(self.translate, self.pairs.val, self.config.logging.sheet_rows)
            with writing(self.run.samples):
                self.run.samples.mkdir(parents=True, exist_ok=True)
            write_image(self.run.samples / f"step-{step:07d}.png", picture)
            self.logs.sheet(step, picture)
        progress.pause()
        self.window = _Window()
        return values

    def _due(self, every: str | int, step: int) -> bool:
        if isinstance(every, int):
            return step % every == 0
        images, count = images_per_step(self.config), len(self.pairs.train)
        return step * images // count > (step - 1) * images // count

    def _announce(self, progress: TrainingProgress) -> None:
        devices = self.strategy.num_replicas_in_sync
        kind = "GPU" if tf.config.list_logical_devices("GPU") else "CPU"
        lost = self.checkpoints.lost()
        if lost is not None:
            progress.say(
                f"the checkpoint of step {lost} is gone: going on from the newest there is"
            )
        start = f"resuming at step {self.first}" if self.first else "starting"
        progress.say(f"data: {self.pairs.found}")
        progress.say(
            f"run: {self.run.path}: {start} of {self.total} steps, "
            f"batch {self.config.training.batch_size} on {devices} "
            f"{kind}{'s' if devices > 1 else ''}"
        )

    def _newest_scores(self) -> Scores | None:
        made = [entry for entry in self.run.metrics() if entry["step"] == self.first]
        return made[-1]["scores"] if made else None


@dataclass
class _Window:
    """The steps since the last report; their losses stay on the device until read together."""

    first: int = 0  # steps, when there are any
    last: int = 0
    waited: float = 0.0
    _start: float = field(default_factory=time.monotonic)
    _losses: list[Losses] = field(default_factory=list)

    def add(self, step: int, count: int, losses: Losses, waited: float) -> None:
        """The `count` updates of one call, of which `step` is the first."""
        self.first = self.first or step
        self.last = step + count - 1
        self._losses.append(losses)
        self.waited += waited

    def losses(self) -> dict[str, list[float]]:
        """Each loss of every step."""
        return {
            name: np.concatenate([call[name].numpy() for call in self._losses]).tolist()
            for name in self._losses[0]
        }

    @property
    def seconds(self) -> float:
        return time.monotonic() - self._start


def _rates_of(network: str, optimizer: FusedAdam) -> dict[str, float]:
    rates = {f"learning_rate/{network}": float(tf.convert_to_tensor(optimizer.learning_rate))}
    if optimizer.loss_scale is not None:
        rates[f"loss_scale/{network}"] = float(optimizer.loss_scale)
    return rates


def score_words(scores: Scores) -> str:
    """Scores on one line, for people."""
    return f"L1 {scores['l1']:.4f}  PSNR {scores['psnr']:.2f} dB  SSIM {scores['ssim']:.3f}"
