"""Training from start or checkpoint to end: open the data, build or resume, step, look, save."""

from __future__ import annotations

import os
import signal
import time
from collections.abc import Iterator
from contextlib import ExitStack
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import tensorflow as tf
from rich.console import Console

from pix2pix_tf.config.schema import Config
from pix2pix_tf.data.pairs import OpenedPairs, open_pairs
from pix2pix_tf.data.pipeline import images_per_step, training_batches
from pix2pix_tf.evaluation.metrics.pixel import METRICS, Scores, score_pairs
from pix2pix_tf.images.io import write_image
from pix2pix_tf.images.sheets import pairs_sheet
from pix2pix_tf.inference.reference_batch import (
    ReferenceStatistics,
    load_reference_batch,
    record_reference_batch,
)
from pix2pix_tf.inference.translation import (
    OWN_STATISTICS,
    AnySizeTranslation,
    image_function,
)
from pix2pix_tf.methods.optimizer import FusedAdam
from pix2pix_tf.methods.pix2pix import Batch, Losses, build_networks, make_update, make_updates
from pix2pix_tf.methods.translation import generator_translation
from pix2pix_tf.runs.checkpoint_files import check_path, newest_step
from pix2pix_tf.runs.checkpoints import Checkpoints
from pix2pix_tf.runs.lock import run_lock
from pix2pix_tf.runs.pairs_record import PairsRecord, read_record, record_of
from pix2pix_tf.runs.run import Measurement, Run
from pix2pix_tf.runs.trained_on import check_pairs, record_pairs
from pix2pix_tf.runs.versions import record_session
from pix2pix_tf.training.distributed.cluster import find_cluster
from pix2pix_tf.training.distributed.worker_group import (
    WorkerGroup,
    default_strategy,
    joined_workers,
)
from pix2pix_tf.training.monitoring.health import (
    Health,
    ValidationImages,
    Warned,
    flat_data,
    non_finite,
)
from pix2pix_tf.training.monitoring.logs import TensorBoardLogs
from pix2pix_tf.training.monitoring.loss_buffer import LossBuffer
from pix2pix_tf.training.monitoring.progress import TrainingProgress
from pix2pix_tf.training.resume import (
    already_trained,
    check_resumable,
    check_schedule,
    steps_left,
)
from pix2pix_tf.training.schedule import Schedule
from pix2pix_tf.utils.console import PlainConsole, counting, format_number, print_line
from pix2pix_tf.utils.errors import UserError
from pix2pix_tf.utils.files import check_output_directory, writing
from pix2pix_tf.utils.memory_errors import explain_out_of_memory
from pix2pix_tf.utils.runtime import keep_freed_memory
from pix2pix_tf.utils.signals import StopRequest, graceful_shutdown

REPORT_SECONDS = 1.0  # losses are read from the device no more often: reading waits for it


@dataclass(frozen=True)
class TrainingResult:
    """How a training ended.

    Attributes:
        step: Generator updates made, over all sessions.
        before: Validation scores before this session's first step, or None if there was nothing
            left to train, or this is a worker of a cluster that does not validate.
        after: Validation scores at the end, or None when it was interrupted or likewise.
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
    data_changed: bool = False,
) -> TrainingResult:
    """Trains into a run directory, or resumes what is there, as if it had never stopped.

    From its start on the process keeps the memory that it frees, see `pix2pix_tf.utils.runtime`.

    Args:
        config: The experiment. A resumed run must agree with it, see `pix2pix_tf.training.resume`.
        run_dir: Made if it is not there.
        strategy: Where to train; by default mirrored over all visible GPUs, or the CPU, of every
            worker of the cluster that TF_CONFIG or Slurm describes, or else of this machine.
        console: Where progress is shown; by default the standard output.
        data_changed: Whether a resumed run may go on with other pairs than those it was trained on:
            some added, some mended.

    Raises:
        UserError: The data, any of its pictures, the run directory or the config cannot be used;
            losses became non-finite.
        WorkerLostError: Another worker of the cluster is gone.
    """
    keep_freed_memory()
    if config.training.deterministic:
        tf.config.experimental.enable_op_determinism()
    run, console = Run(Path(run_dir)), console or PlainConsole()
    cluster = None if strategy else find_cluster(os.environ)
    with ExitStack() as stack:
        if cluster is None:
            workers = WorkerGroup(strategy or default_strategy())
        else:
            print_line(console, f"{cluster.me} of {len(cluster.tasks)}: waiting for the others")
            workers = stack.enter_context(joined_workers(cluster, run))
        workers.check_batch(config.training.batch_size)
        check_resumable(run, config)  # before what takes long
        if workers.is_chief:
            check_path(run.path)
            check_output_directory(run.path)
        with counting(console, "checking pictures") as counter:
            pairs = open_pairs(config, check=True, advance=counter.advance)
        record = record_of(pairs, config.data)
        check_pairs(run, record, data_changed)
        check_schedule(run, config, len(pairs.train))
        workers.check_same(config, pairs)  # all have read the run by then
        if workers.is_chief and steps_left(run, config, len(pairs.train)):
            stack.enter_context(run_lock(run.path, lambda line: print_line(console, line)))
            # Once more, as nobody else changes it any more.
            notes = check_resumable(run, config)
            check_pairs(run, record, data_changed)
            notes += check_schedule(run, config, len(pairs.train))
            run.save_config(config)
            for note in [*notes, *record_pairs(run, record, pairs)]:
                print_line(console, note)
        if workers.is_chief:
            record_reference_batch(run, config, pairs.train)
        workers.check_sees(run)
        with explain_out_of_memory(lambda: out_of_memory_words(config, run)):
            return _Training(config, run, workers, pairs, record, console).run_to_end()


class _Training:
    """One session of a training: everything it holds, and the loop."""

    def __init__(
        self,
        config: Config,
        run: Run,
        workers: WorkerGroup,
        pairs: OpenedPairs,
        record: PairsRecord,
        console: Console,
    ) -> None:
        self.config, self.run, self.workers, self.strategy = config, run, workers, workers.strategy
        self.pairs, self.console = pairs, console
        self.val_digest = record.val.digest()
        self.schedule = Schedule(config, len(pairs.train))
        self.total = self.schedule.total
        with self.strategy.scope():
            self.networks = build_networks(config, self.total, self.schedule.decay_start)
        self.checkpoints = Checkpoints(
            run.checkpoints, self.networks.variables(), config.logging.keep
        )
        self.first = self.checkpoints.restore()
        workers.check_step(run, self.first)
        if workers.is_chief and self.first < self.total:
            run.remove_leftovers()
            self.checkpoints.tidy()
        stored = read_record(run.pairs_file)
        if stored is not None and self.first <= stored.since:
            self.checkpoints.forget_best()  # it was the best on other validation pairs
        translation = generator_translation(config, self.networks.translating)
        moments = OWN_STATISTICS
        self.statistics: ReferenceStatistics | None = None
        if config.reference_statistics and workers.is_chief:
            batch = load_reference_batch(run, config)
            self.statistics = ReferenceStatistics(translation, batch)
            moments = self.statistics.moments
        self.translate = image_function(
            AnySizeTranslation(translation, moments), config.training.seed
        )
        self.updates = make_updates(make_update(config, self.networks, self.strategy))
        self.health = Health(config)
        self.buffer = LossBuffer()

    def run_to_end(self) -> TrainingResult:
        shown = self.console if self.workers.is_chief else PlainConsole(quiet=True)
        progress = TrainingProgress(self.first, self.total, shown)
        self._announce(progress)
        newest = self._newest_scores()
        if self.first >= self.total:
            progress.say(already_trained(self.run, self.config, self.first, self.total))
            return TrainingResult(self.first, None, newest)
        self._open_records(progress)
        with graceful_shutdown() as caught, progress:
            before = newest if self.first else self._look(progress, 0, True, True)
            after, stopped = self._steps(progress, caught)
        return TrainingResult(int(self.checkpoints.step), before, after, stopped)

    def _open_records(self, progress: TrainingProgress) -> None:
        """Versions and logs of this session, and what the data is to be warned of."""
        writes = self.workers.is_chief
        self.logs = TensorBoardLogs(self.run.logs, self.config, self.first, self.total, writes)
        if not writes:
            return
        seed = self.config.training.seed
        for note in record_session(self.run.versions_file, seed, self.first):
            progress.say(note)
        if not self.first:
            self._warn(progress, 0, flat_data(self.pairs, self.config.warnings))

    def _steps(
        self, progress: TrainingProgress, caught: StopRequest
    ) -> tuple[Scores | None, signal.Signals | None]:
        """The loop. Returns the last validation's scores, or the signal that ended it early."""
        scores = None
        batches = self._batches()
        progress.pause()
        self.buffer = LossBuffer()
        step = self.first
        while step < self.total:
            count = self.schedule.updates_of_call(step)
            self.buffer.add(step + 1, count, *self._call(batches, count))
            step += count
            self.checkpoints.step.assign(step)
            last = step == self.total
            stop, reported = self.workers.sync_stop_and_report(
                caught.signal, self.buffer.seconds >= REPORT_SECONDS
            )
            scored, drawn, saved = self.schedule.due_after(step)
            saved = saved or bool(stop)
            if scored or drawn or saved or reported:
                self._report(progress)  # first of all: nothing non-finite is ever scored or saved
            if scored or drawn or saved:
                self._check_weights(step)
            if scored or drawn:
                scores = self._look(progress, step, scored, drawn) or scores
            if saved and self.workers.is_chief:
                self.checkpoints.save()
            if stop and not last:
                self.workers.barrier()  # until it is saved
                words = (
                    f"stopped at step {step} by {stop.name}; saved: the same command resumes there"
                )
                progress.say(words) if self.workers.is_chief else print_line(self.console, words)
                return None, stop
        return scores, None

    def _batches(self) -> Iterator[Batch]:
        shares = training_batches(
            self.pairs.train,
            self.config,
            self.first,
            self.total,
            self.workers.replicas,
            self.strategy.num_replicas_in_sync,
        )
        # Each device takes a share in turn, copied to it ahead of time, as is TensorFlow's default.
        return iter(self.strategy.distribute_datasets_from_function(lambda context: shares))

    def _call(self, batches: Iterator[Batch], count: int) -> tuple[Losses, float]:
        """`count` updates; returns their losses and the seconds spent waiting for their batches."""
        start = time.monotonic()
        try:
            taken = [next(batches) for _ in range(count)]
        except tf.errors.OpError as error:
            # Whatever made the pipeline fail left its own words with the pairs.
            raise self.pairs.train.failure or error from None
        waited = time.monotonic() - start
        return self.updates(taken), waited

    def _report(self, progress: TrainingProgress) -> None:
        """Reads the losses of the steps since the last report, checks and shows them."""
        first, last = self.buffer.first, self.buffer.last
        losses = self.buffer.losses()
        for offset, values in enumerate(zip(*losses.values(), strict=True)):
            if not np.all(np.isfinite(values)):
                wrong = [
                    f"{name} = {value}"
                    for name, value in zip(losses, values, strict=True)
                    if not np.isfinite(value)
                ]
                raise UserError(self._diverged(first + offset, ", ".join(wrong)))
        means = {name: float(np.mean(values)) for name, values in losses.items()}
        seconds, waiting = self.buffer.seconds, self.buffer.waited / self.buffer.seconds
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
        self._warn(progress, last, self.health.after_steps(first, losses))
        for name, value in rates.items():
            if name.startswith("loss_scale/"):
                network = name.removeprefix("loss_scale/")
                self._warn(progress, last, self.health.loss_scale(last, network, value))
        self.buffer = LossBuffer()

    def _warn(self, progress: TrainingProgress, step: int, warnings: list[Warned]) -> None:
        for warning in warnings:
            progress.say(f"warning: {warning.text}")
            self.logs.text(step, f"warnings/{warning.key}", warning.text)

    def _check_weights(self, step: int) -> None:
        """Losses are of before their updates, so that the last one may have spoilt the weights."""
        if names := non_finite(self.networks.variables()):
            more = f" and {len(names) - 1} more" if len(names) > 1 else ""
            raise UserError(self._diverged(step, f"{names[0]}{more} became non-finite"))

    def _diverged(self, step: int, what: str) -> str:
        saved = newest_step(self.run.checkpoints)
        kept = (
            f"the last good checkpoint, {self.run.checkpoints / f'step-{saved}'}, is kept"
            if saved is not None
            else "no checkpoint was written yet"
        )
        return (
            f"step {step}: {what}: the training has diverged; {kept}. "
            "A lower training.learning_rate usually helps"
            + (
                ", or training.precision=mixed_bfloat16 in a new run"
                if self.config.training.precision == "mixed_float16"
                else ""
            )
            + "; look at the input images too"
        )

    def _look(
        self, progress: TrainingProgress, step: int, scored: bool, drawn: bool
    ) -> Scores | None:
        """Validates and draws as asked, leaving the time it takes out of the training's rate.

        One worker does; the others go on until they need it.
        """
        if not self.workers.is_chief:
            return None
        if self.statistics is not None:
            self.statistics.measure()
        values = None
        if scored:
            seen = ValidationImages()
            values = score_pairs(self.translate, self.pairs.val, seen.add)
            named = {f"validation/{name}": value for name, value in values.items()}
            self.logs.scalars(step, named | seen.scalars())
            of = Measurement(step, "val", data=self.val_digest)
            self.run.add_metrics(of, len(self.pairs.val), values)
            best = self.checkpoints.save_best(values["l1"]) if step else False
            progress.say(
                f"step {step}  validation {score_words(values)}{'  (best so far)' if best else ''}"
            )
            self._warn(progress, step, self.health.after_validation(step, seen))
        if drawn:
            picture = pairs_sheet(self.translate, self.pairs.val, self.config.logging.sheet_rows)
            with writing(self.run.samples):
                self.run.samples.mkdir(parents=True, exist_ok=True)
            write_image(self.run.samples / f"step-{step:07d}.png", picture)
            self.logs.sheet(step, picture)
        progress.pause()
        self.buffer = LossBuffer()
        return values

    def _announce(self, progress: TrainingProgress) -> None:
        lost = self.checkpoints.lost()
        if lost is not None:
            progress.say(
                f"the checkpoint of step {lost} is gone: going on from the newest there is"
            )
        start = f"resuming at step {self.first}" if self.first else "starting"
        if (cluster := self.workers.cluster) and not self.workers.is_chief:
            batch = self.config.training.batch_size
            print_line(
                self.console,
                f"{cluster.me}: {start} of {self.total} steps with {batch // len(cluster.tasks)} "
                f"of every batch of {batch}; {cluster.chief} writes {self.run.path} and reports",
            )
        progress.say(f"data: {self.pairs.found}")
        for note in self.pairs.notes:
            progress.say(f"warning: {note}")
        progress.say(
            f"run: {self.run.path}: {start} of {self.total} steps, "
            f"batch {self.config.training.batch_size} on {self.workers.devices}"
        )

    def _newest_scores(self) -> Scores | None:
        """What validation on these very pairs found at the step resumed at."""
        scores = self.run.scores_of(Measurement(self.first, "val", data=self.val_digest))
        if scores is None or scores.get("l1") is None:
            return None
        return {name: scores[name] for name in METRICS if scores.get(name) is not None}


def out_of_memory_words(config: Config, run: Run) -> str:
    """What to say where a training takes more memory than there is."""
    height, width = config.data.crop_size
    precision = config.training.precision
    halved = "" if precision != "float32" else ", training.precision=mixed_bfloat16 takes less"
    newest = newest_step(run.checkpoints)
    kept = (
        "no checkpoint was written yet"
        if newest is None
        else f"the newest checkpoint, {run.checkpoints / f'step-{newest}'}, is kept"
    )
    return (
        f"there is too little memory for a training.batch_size of {config.training.batch_size}, "
        f"a data.crop_size of {height}×{width}, a generator.width of {config.generator.width}, a "
        f"discriminator.width of {config.discriminator.width} and a training.precision of "
        f"{precision}; {kept}. Lower one of the numbers in a new run{halved}; or end other "
        "programs that use memory and give the same command again"
    )


def _rates_of(network: str, optimizer: FusedAdam) -> dict[str, float]:
    rates = {f"learning_rate/{network}": float(tf.convert_to_tensor(optimizer.learning_rate))}
    if optimizer.loss_scale is not None:
        rates[f"loss_scale/{network}"] = float(optimizer.loss_scale)
    return rates


def score_words(scores: Scores) -> str:
    """Scores on one line, for people."""
    psnr, ssim = format_number(scores["psnr"], ".2f"), format_number(scores["ssim"], ".3f")
    return f"L1 {scores['l1']:.4f}  PSNR {psnr} dB  SSIM {ssim}"
