"""Preparation of a run: opens and checks its data, locks and writes its directory."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass, replace

from rich.console import Console

from pix2pix_tf.config.schema import Config, format_range
from pix2pix_tf.data.checking.pending import PendingPairs
from pix2pix_tf.data.measured_ranges import measure_ranges
from pix2pix_tf.data.pairs import OpenedPairs, open_pairs
from pix2pix_tf.inference.reference_batch import record_reference_batch
from pix2pix_tf.runs.checkpoint_files import check_path
from pix2pix_tf.runs.lock import run_lock
from pix2pix_tf.runs.pairs_record import PairsRecord, record_of
from pix2pix_tf.runs.run import Run
from pix2pix_tf.runs.trained_on import check_pairs, record_pairs, skipped_before
from pix2pix_tf.training.distributed.worker_group import WorkerGroup
from pix2pix_tf.training.init_from import InitialWeights, plan_initialization
from pix2pix_tf.training.resume import check_resumable, check_schedule, steps_left
from pix2pix_tf.utils.console import ProgressBar, print_line
from pix2pix_tf.utils.files import check_output_directory
from pix2pix_tf.utils.helper_processes import HelperProcesses
from pix2pix_tf.utils.runtime import garbage_collection_paused


@dataclass(frozen=True)
class PreparedRun:
    """A run that is ready to be trained.

    Attributes:
        config: The experiment.
        run: The run directory, which only the chief writes.
        workers: The workers that train it.
        pairs: The data.
        record: The record of the data that the run keeps.
        initial: The weights of another run that it starts from; None if it draws them, or has
            begun already.
    """

    config: Config
    run: Run
    workers: WorkerGroup
    pairs: OpenedPairs
    record: PairsRecord
    initial: InitialWeights | None = None


@contextmanager
def prepare_run(
    config: Config, run: Run, workers: WorkerGroup, console: Console, data_changed: bool
) -> Iterator[PreparedRun]:
    """Opens the data, checks it, the config and all workers against the run, and locks the run.

    All checks are made before the run is written to. The lock is held until the context ends.

    Args:
        config: The experiment.
        run: The run, created if it does not exist.
        workers: The workers that train together, of which the chief writes.
        console: Where progress and notes are shown.
        data_changed: Whether a resumed run may continue on other pairs.

    Yields:
        The prepared run.

    Raises:
        UserError: The data, any of its images, the run directory or the config cannot be used.
    """
    with ExitStack() as stack, ExitStack() as while_preparing:
        while_preparing.enter_context(garbage_collection_paused())
        workers.check_batch(config.training.batch_size)
        config = _with_measured_ranges(config, run, console)
        check_resumable(run, config)  # before the checks that take long
        initial = plan_initialization(config, run)
        if workers.is_chief:
            check_path(run.path)
            check_output_directory(run.path)
        with ProgressBar(console, "checking images") as progress:
            pairs = open_pairs(config, check=True, advance=progress.advance)
        if pairs.train.pending is not None:
            pairs = _opened_further(pairs, pairs.train.pending, run, workers, console)
        record = record_of(pairs, config.data)
        check_pairs(run, record, data_changed)
        check_schedule(run, config, len(pairs.train))
        workers.check_same(config, pairs)  # after this all workers have read the run
        left = steps_left(run, config, len(pairs.train))
        lacks_batch = config.reference_statistics and not run.reference_file.exists()
        if workers.is_chief and (left or lacks_batch):
            stack.enter_context(run_lock(run.path, lambda line: print_line(console, line)))
        if workers.is_chief and left:
            # Checked again now that the lock keeps other processes from changing the run.
            notes = check_resumable(run, config)
            check_pairs(run, record, data_changed)
            notes += check_schedule(run, config, len(pairs.train))
            run.save_config(config)
            notes += initial.notes(record) if initial is not None else []
            for note in [*notes, *record_pairs(run, record, pairs)]:
                print_line(console, note)
        if workers.is_chief:
            record_reference_batch(run, config, pairs.train)
        workers.check_sees(run)
        while_preparing.close()
        yield PreparedRun(config, run, workers, pairs, record, initial)


def _opened_further(
    pairs: OpenedPairs, pending: PendingPairs, run: Run, workers: WorkerGroup, console: Console
) -> OpenedPairs:
    """Opens what is needed of the pairs of a large dataset that have not been opened.

    Args:
        pairs: The pairs.
        pending: The training pairs that have not been opened.
        run: The run. Pairs that the last session has skipped are opened first.
        workers: The workers. Several open all images beforehand, since none could stop the others
            at a checkpoint when the image that it reads is bad.
        console: Where progress is shown.

    Returns:
        The pairs, with notes on all contents if all were opened.
    """
    if workers.cluster is None:
        pending.open_named(skipped_before(run))
        return pairs
    with ProgressBar(console, "checking images") as progress, HelperProcesses() as helpers:
        warnings = pending.open_rest(helpers, progress.advance)
    return replace(pairs, notes=[*pairs.notes, *warnings])


def _with_measured_ranges(config: Config, run: Run, console: Console) -> Config:
    """Returns the config with numbers for ranges of `data`: those of the run, or measured ones.

    Args:
        config: The experiment.
        run: The run; one that exists keeps its ranges.
        console: Where progress and the ranges are shown.
    """
    keys = [f"{side}_range" for side in ("input", "target")]
    keys = [key for key in keys if getattr(config.data, key) == "data"]
    if not keys:
        return config
    recorded = {key: getattr(run.load_config().data, key) for key in keys} if run.exists() else {}
    if recorded and not any(isinstance(setting, str) for setting in recorded.values()):
        data, how = config.data.model_copy(update=recorded), "as this run began"
        config = config.model_copy(update={"data": data})
    else:
        with ProgressBar(console, "measuring ranges") as progress:
            config = measure_ranges(config, progress.advance)
        low, high = config.data.range_percentiles
        how = f"measured, percentiles {low:g} and {high:g} of the training files"
    for key in keys:
        print_line(console, f"data.{key}={format_range(getattr(config.data, key))}: {how}")
    return config
