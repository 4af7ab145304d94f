"""The training loop: prepare or resume a run, then train, validate and checkpoint."""

from __future__ import annotations

import functools
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
from pix2pix_tf.evaluation.metrics.metric import Scores
from pix2pix_tf.methods import images_per_step, method_of
from pix2pix_tf.methods.method import Batch, Losses, Optimized, checkpoint_parts, translating_parts
from pix2pix_tf.methods.update import make_update, make_updates
from pix2pix_tf.runs.checkpoints import Checkpoints
from pix2pix_tf.runs.pairs_record import read_record
from pix2pix_tf.runs.run import Run
from pix2pix_tf.runs.trained_on import add_skipped
from pix2pix_tf.runs.versions import record_session
from pix2pix_tf.training import messages
from pix2pix_tf.training.background_check import BackgroundCheck
from pix2pix_tf.training.batches import distributed_batches
from pix2pix_tf.training.distributed.cluster import find_cluster
from pix2pix_tf.training.distributed.worker_group import (
    WorkerGroup,
    default_strategy,
    joined_workers,
)
from pix2pix_tf.training.init_from import InitialWeights
from pix2pix_tf.training.monitoring.health import Health, Warned, flat_data, non_finite
from pix2pix_tf.training.monitoring.logs import TensorBoardLogs
from pix2pix_tf.training.monitoring.loss_buffer import LossBuffer
from pix2pix_tf.training.monitoring.progress import TrainingProgress
from pix2pix_tf.training.prepare import PreparedRun, prepare_run
from pix2pix_tf.training.resume import already_trained
from pix2pix_tf.training.schedule import Schedule
from pix2pix_tf.training.validation import Validation, recorded_scores
from pix2pix_tf.utils.console import PlainConsole, print_line
from pix2pix_tf.utils.errors import UserError
from pix2pix_tf.utils.memory_errors import explain_out_of_memory
from pix2pix_tf.utils.signals import StopRequest, graceful_shutdown

REPORT_SECONDS = 1.0  # least time between two reads of the losses, each of which waits for a device


@dataclass(frozen=True)
class TrainingResult:
    """Result of one session of a training.

    Attributes:
        step: Number of steps made, over all sessions.
        before: Validation scores (`l1`, `psnr`, `ssim`) before the first step of this session, or
            None if there was nothing left to train or this worker of a cluster is not its chief.
        after: Validation scores at the end, or None if the training was interrupted or this worker
            is not the chief.
        interrupted: The signal that ended the training early, after a checkpoint was saved; or
            None.

    Example:
        >>> from pix2pix_tf import load_config, train
        >>> from rich.console import Console
        >>> console = Console(quiet=True)
        >>> train(load_config("sample.yaml"), "runs/sample", console=console)  # trained already
        TrainingResult(step=2, before=None, after={'l1': ..., interrupted=None)
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
    """Trains into a run directory, or resumes the training in it as if it had never stopped.

    Args:
        config: The experiment. A resumed run must agree with it, see `pix2pix_tf.training.resume`.
        run_dir: The run directory, created if it does not exist.
        strategy: The distribution strategy; by default mirrored over all visible GPUs, or the CPU,
            of every worker of the cluster that TF_CONFIG or Slurm describes, or else of this
            machine.
        console: Where progress is shown; by default the standard output.
        data_changed: Whether a resumed run may continue on pairs that differ from those it was
            trained on, such as after pairs were added or corrected.

    Returns:
        The number of steps made and the validation scores.

    Raises:
        UserError: The data, any of its images, the run directory or the config cannot be used, or
            losses became non-finite.
        WorkerLostError: Another worker of the cluster has stopped.

    Example:
        >>> from pix2pix_tf import load_config, train
        >>> from rich.console import Console
        >>> config = load_config("sample.yaml", {"training.steps": 3})
        >>> result = train(config, "runs/mine", console=Console(quiet=True))
        >>> result.step, sorted(result.after)
        (3, ['l1', 'psnr', 'ssim'])
    """
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
        prepared = stack.enter_context(prepare_run(config, run, workers, console, data_changed))
        with explain_out_of_memory(lambda: messages.out_of_memory(config, run)):
            return _Training(prepared, console).run_to_end()


class _Training:
    """State and loop of one session of a training."""

    def __init__(self, prepared: PreparedRun, console: Console) -> None:
        self.prepared, self.console = prepared, console
        self.config, self.run = prepared.config, prepared.run
        self.workers, self.pairs = prepared.workers, prepared.pairs
        self.schedule = Schedule(self.config, len(self.pairs.train))
        self.total = self.schedule.total

        with self.workers.strategy.scope():
            build = method_of(self.config).build
            self.method = build(self.config, self.total, self.schedule.decay_start)
        self.parts = checkpoint_parts(self.method)
        self.checkpoints = Checkpoints(
            self.run.checkpoints,
            self.parts,
            translating_parts(self.method),
            self.config.logging.keep,
        )
        self.first = self._restore()
        self.validation = Validation(prepared, self.method) if self.workers.is_chief else None
        update = make_update(self.method, self.config.training, self.workers.strategy)
        self.updates = make_updates(update)
        self.health = Health(self.config)
        self.buffer = LossBuffer()

    def run_to_end(self) -> TrainingResult:
        """Trains from the restored step to the last step, or until a signal asks to stop."""
        console = self.console if self.workers.is_chief else PlainConsole(quiet=True)
        progress = TrainingProgress(
            self.first, self.total, console, method_of(self.config).loss_labels
        )
        self._announce(progress)
        newest = recorded_scores(self.prepared, self.first)
        if self.first >= self.total:
            progress.print(already_trained(self.run, self.config, self.first, self.total))
            return TrainingResult(self.first, None, newest)
        self._open_records(progress)
        skip = functools.partial(add_skipped, self.run)
        self.check = BackgroundCheck(
            None if self.workers.cluster else self.pairs.train.pending, skip
        )
        with graceful_shutdown() as caught, progress, self.check:
            before = (
                newest
                if self.first
                else self._validate_and_sample(progress, 0, validate=True, sample=True)
            )
            after, interrupted = self._loop(progress, caught)
            for line in [*self.check.lines(), *self.check.unfinished()]:
                progress.print(line)
        return TrainingResult(int(self.checkpoints.step), before, after, interrupted)

    def _loop(
        self, progress: TrainingProgress, caught: StopRequest
    ) -> tuple[Scores | None, signal.Signals | None]:
        """Trains, validates and saves checkpoints.

        Returns:
            The scores of the last validation, and the signal that ended the loop early, or None.
        """
        scores = None
        batches = distributed_batches(
            self.pairs.train, self.config, self.first, self.total, self.workers
        )
        progress.pause()
        self.buffer = LossBuffer()
        step = self.first
        while step < self.total:
            count = self.schedule.updates_of_call(step)
            try:
                self.buffer.add(step + 1, count, *self._run_updates(batches, step, count))
            except UserError as error:
                raise self._stopped_by(error, progress, step) from None
            step += count
            self.checkpoints.step.assign(step)

            stop, report = self.workers.sync_stop_and_report(
                caught.signal, self.buffer.seconds >= REPORT_SECONDS
            )
            validate, sample, checkpoint = self.schedule.due_after(step)
            checkpoint = checkpoint or stop is not None
            for line in self.check.lines():
                progress.print(line)
                self.logs.text(step, "data", line)
            if self.check.error is not None:
                raise self._stopped_by(self.check.error, progress, step)
            if validate or sample or checkpoint or report:
                self._report(progress)  # comes first: it rejects losses that are not finite
            if validate or sample or checkpoint:
                self._check_weights(step)
            if validate or sample:
                scores = self._validate_and_sample(progress, step, validate, sample) or scores
            if checkpoint and self.workers.is_chief:
                self.checkpoints.save()
            if stop and step < self.total:
                self.workers.barrier()  # waits until the chief has saved the checkpoint
                self._print_for_worker(progress, messages.stopped(step, stop.name))
                return None, stop
        return scores, None

    def _stopped_by(self, error: UserError, progress: TrainingProgress, step: int) -> UserError:
        """Saves the state after `step`, as far as it is sound; returns an error that says so."""
        if step == self.first or not self.workers.is_chief:
            return error
        if self.buffer.first:
            self._report(progress)
        self._check_weights(step)
        self.checkpoints.save()
        return UserError(messages.stopped_by_image(str(error), step))

    def _run_updates(self, batches: Iterator[Batch], step: int, count: int) -> tuple[Losses, float]:
        """Makes `count` updates; returns their losses and the seconds spent waiting for batches."""
        start = time.monotonic()
        try:
            next_batches = [next(batches) for _ in range(count)]
        except tf.errors.OpError as error:
            # The pairs keep the error that made the pipeline fail.
            raise self.pairs.train.failure or error from None
        waited = time.monotonic() - start
        return self.updates(next_batches, tf.constant(step, tf.int64)), waited

    def _validate_and_sample(
        self, progress: TrainingProgress, step: int, validate: bool, sample: bool
    ) -> Scores | None:
        """Validates and writes samples; the time this takes does not count for the training rate.

        Only the chief does this; the other workers continue until they depend on the chief.
        """
        if self.validation is None:
            return None
        self.validation.update_weights()
        scores = None
        if validate:
            scores, images = self.validation.score(step)
            named = {f"validation/{name}": value for name, value in scores.items()}
            self.logs.scalars(step, named | images.scalars())
            best = self.checkpoints.save_best(scores["l1"]) if step else False
            so_far = "  (best so far)" if best else ""
            progress.print(f"step {step}  validation {messages.score_text(scores)}{so_far}")
            self._warn(progress, step, self.health.after_validation(step, images))
        if sample:
            self.logs.sheet(step, self.validation.sample(step))
        progress.pause()
        self.buffer = LossBuffer()
        return scores

    def _report(self, progress: TrainingProgress) -> None:
        """Reads, checks and shows the losses of the steps since the last report."""
        first, last = self.buffer.first, self.buffer.last
        losses = self.buffer.losses()
        self._check_losses(first, losses)
        means = {name: float(np.mean(values)) for name, values in losses.items()}
        seconds, waiting = self.buffer.seconds, self.buffer.waited / self.buffer.seconds
        images = (last + 1 - first) * images_per_step(self.config)
        scalars = {
            **means,
            "speed/images_per_second": images / seconds,
            "speed/waiting_for_data": waiting,
        }
        scales = {}
        for name, each in self.method.optimizers.items():
            scalars[f"learning_rate/{name}"] = _learning_rate(each)
            if each.optimizer.loss_scale is not None:
                scales[name] = float(each.optimizer.loss_scale)
        self.logs.scalars(last, scalars | {f"loss_scale/{k}": scale for k, scale in scales.items()})
        progress.report(last, means, waiting)
        self._warn(progress, last, self.health.after_steps(first, losses))
        for name, scale in scales.items():
            self._warn(progress, last, self.health.loss_scale(last, name, scale))
        self.buffer = LossBuffer()

    def _check_losses(self, first: int, losses: dict[str, list[float]]) -> None:
        for step, values in enumerate(zip(*losses.values(), strict=True), first):
            wrong = [
                f"{name} = {value}"
                for name, value in zip(losses, values, strict=True)
                if not np.isfinite(value)
            ]
            if wrong:
                raise UserError(messages.diverged(self.config, self.run, step, ", ".join(wrong)))

    def _check_weights(self, step: int) -> None:
        """Raises an error if weights are not finite.

        Losses are computed before their update, so the last update may have made weights
        non-finite although all losses are finite.
        """
        if names := non_finite(self.parts):
            more = f" and {len(names) - 1} more" if len(names) > 1 else ""
            problem = f"{names[0]}{more} became non-finite"
            raise UserError(messages.diverged(self.config, self.run, step, problem))

    def _warn(self, progress: TrainingProgress, step: int, warnings: list[Warned]) -> None:
        for warning in warnings:
            progress.print(f"warning: {warning.text}")
            self.logs.text(step, f"warnings/{warning.key}", warning.text)

    def _restore(self) -> int:
        """Restores the newest checkpoint, if there is one; returns the number of steps made."""
        first = self.checkpoints.restore()
        if self.prepared.initial is not None:
            self._start_from(self.prepared.initial)
        self.workers.check_step(self.run, first)
        if self.workers.is_chief and first < self.total:
            self.run.remove_leftovers()
            self.checkpoints.tidy()
        stored = read_record(self.run.pairs_file)
        if stored is not None and first <= stored.since:
            self.checkpoints.forget_best()  # it was selected on other validation pairs
        return first

    def _start_from(self, initial: InitialWeights) -> None:
        """Starts from the weights of another run, and saves them, so that this happens once."""
        initial.load(self.method, self.run if self.workers.is_chief else None)
        if self.workers.is_chief:
            self.checkpoints.save()

    def _open_records(self, progress: TrainingProgress) -> None:
        """Opens the logs, records the versions of this session and warns about flat data."""
        writes = self.workers.is_chief
        self.logs = TensorBoardLogs(self.run.logs, self.config, self.first, self.total, writes)
        if not writes:
            return
        seed = self.config.training.seed
        for note in record_session(self.run.versions_file, seed, self.first):
            progress.print(note)
        if not self.first:
            self._warn(progress, 0, flat_data(self.pairs, self.config.warnings))

    def _announce(self, progress: TrainingProgress) -> None:
        lost = self.checkpoints.lost()
        if lost is not None:
            progress.print(
                f"the checkpoint of step {lost} is gone: going on from the newest there is"
            )
        start = f"resuming at step {self.first}" if self.first else "starting"
        batch = self.config.training.batch_size
        if (cluster := self.workers.cluster) and not self.workers.is_chief:
            print_line(
                self.console,
                f"{cluster.me}: {start} of {self.total} steps with {batch // len(cluster.tasks)} "
                f"of every batch of {batch}; {cluster.chief} writes {self.run.path} and reports",
            )
        progress.print(f"data: {self.pairs.found}")
        for note in self.pairs.notes:
            progress.print(f"warning: {note}")
        progress.print(
            f"run: {self.run.path}: {start} of {self.total} steps, "
            f"batch {batch} on {self.workers.devices}"
        )

    def _print_for_worker(self, progress: TrainingProgress, text: str) -> None:
        """Prints a line on every worker; the chief prints it above its progress bar."""
        progress.print(text) if self.workers.is_chief else print_line(self.console, text)


def _learning_rate(optimized: Optimized) -> float:
    return float(tf.convert_to_tensor(optimized.optimizer.learning_rate))
