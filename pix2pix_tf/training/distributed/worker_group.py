"""The group of workers that train together: its chief, and checks that all workers agree."""

from __future__ import annotations

import functools
import math
import signal
import time
import zlib
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager

import numpy as np
import tensorflow as tf

from pix2pix_tf.config.schema import Config
from pix2pix_tf.data.pairs import OpenedPairs
from pix2pix_tf.runs.checkpoint_files import newest_step
from pix2pix_tf.runs.run import Run
from pix2pix_tf.training.distributed.cluster import Cluster, Task, cluster_strategy
from pix2pix_tf.training.distributed.peer_monitor import PeerMonitor
from pix2pix_tf.utils.errors import UserError
from pix2pix_tf.utils.runtime import captured_native_stderr
from pix2pix_tf.utils.system import CLOSED_PIPE, STOP_SIGNALS
from pix2pix_tf.utils.text import pluralize
from pix2pix_tf.version import __version__

# Config keys that may differ between workers: where the data is, and how it is cached.
_OWN_KEYS = {"data.root", "data.cache"}
_SIGNALS = tuple(dict.fromkeys((*STOP_SIGNALS, CLOSED_PIPE)))
_SHARED_AFTER = 10.0  # seconds until a new file on a shared file system is visible to all workers


class WorkerGroup:
    """The workers of one training; a single worker if there is no cluster.

    Workers communicate by sums over all of them, so every worker must call the methods in the same
    order; all then get the same result and raise the same errors.

    Args:
        strategy: The distribution strategy.
        cluster: The processes, or None for this process alone.
    """

    def __init__(self, strategy: tf.distribute.Strategy, cluster: Cluster | None = None) -> None:
        self.strategy = strategy
        self.cluster = cluster
        self._requests = np.zeros(len(_SIGNALS) + 1, np.int64)

    @property
    def is_chief(self) -> bool:
        """Whether this worker writes the run, validates and reports."""
        return self.cluster is None or self.cluster.rank == 0

    @property
    def replicas(self) -> range:
        """Indices of the devices of this worker among those of all workers."""
        workers, rank = (len(self.cluster.tasks), self.cluster.rank) if self.cluster else (1, 0)
        count = self.strategy.num_replicas_in_sync // workers
        return range(rank * count, (rank + 1) * count)

    @property
    def devices(self) -> str:
        """The devices that train, in words, such as `2 GPUs`."""
        kind = "GPU" if tf.config.list_logical_devices("GPU") else "CPU"
        count = len(self.replicas)
        own = pluralize(count, kind)
        return f"{len(self.cluster.tasks)} workers with {own} each" if self.cluster else own

    def check_batch(self, batch_size: int) -> None:
        """Checks that every device gets the same share of a batch.

        Raises:
            UserError: The batch size is not a multiple of the number of devices.
        """
        replicas = self.strategy.num_replicas_in_sync
        if batch_size % replicas:
            owners = f" of {len(self.cluster.tasks)} workers" if self.cluster else ""
            raise UserError(
                f"training.batch_size: {batch_size}: is the batch of all {replicas} "
                f"devices{owners} together and must be a multiple of {replicas}; hide devices with "
                f"CUDA_VISIBLE_DEVICES, or set it to {math.ceil(batch_size / replicas) * replicas}"
            )

    def sync_stop_and_report(
        self, stop: signal.Signals | None, report: bool
    ) -> tuple[signal.Signals | None, bool]:
        """Returns whether all workers are to stop and to report: as soon as any one asks for it.

        In a cluster the result is that of the call before, so that no worker waits for a device.

        Args:
            stop: The signal that asked this worker to stop, if any.
            report: Whether the report of this worker is due.

        Returns:
            The signal to stop by, or None, and whether to report; the same on every worker.
        """
        if self.cluster is None:
            return stop, report
        *stops, reports = np.asarray(self._requests)
        requests = [int(stop == each) for each in _SIGNALS] + [int(report and not reports)]
        self._requests = self._sum(requests)
        signals = [each for each, count in zip(_SIGNALS, stops, strict=True) if count]
        return (signals[0] if signals else None), bool(reports)

    def barrier(self) -> None:
        """Waits until every worker has called it."""
        if self.cluster is not None:
            np.asarray(self._sum([0]))

    def check_same(self, config: Config, pairs: OpenedPairs) -> None:
        """Checks that all workers have the same version, config and pairs.

        Raises:
            UserError: A worker has another version, config or other pairs than the chief.
        """
        # The version comes first: only equal versions have the same config keys to compare.
        self._check({"version of pix2pix-tf": __version__}, "runs")
        settings = config.settings().items()
        kept = {key: value for key, value in settings if key not in _OWN_KEYS}
        self._check({**kept, "training pairs": pairs.train.names}, "was started with")

    def check_sees(self, run: Run) -> None:
        """Checks that all workers see the `config.yaml` that the chief has written.

        Raises:
            UserError: A worker does not see it.
        """
        self.barrier()
        end = time.monotonic() + _SHARED_AFTER
        while not self.is_chief and not run.exists() and time.monotonic() < end:
            time.sleep(0.5)
        written = run.config_file.read_bytes() if run.exists() else b""
        for task, _ in self.mismatched_workers([zlib.crc32(written)]):
            raise UserError(
                f"{task} does not see in {run.path} what {self._chief} writes there: the run "
                "directory must lie on a file system that all workers share"
            )

    def check_step(self, run: Run, step: int) -> None:
        """Checks that all workers continue from the same step.

        Raises:
            UserError: A worker has restored another checkpoint than the chief, or none.
        """
        for task, ([theirs], [chiefs]) in self.mismatched_workers([step]):
            raise UserError(
                f"{task} found the checkpoint of step {theirs} in {run.checkpoints}, and "
                f"{self._chief} that of step {chiefs} (0: none): the run directory must lie on a "
                "file system that all workers share"
            )

    @property
    def _chief(self) -> Task:
        assert self.cluster is not None
        return self.cluster.chief

    def _check(self, facts: Mapping[str, object], how: str) -> None:
        digests = [zlib.crc32(repr(fact).encode()) for fact in facts.values()]
        for task, (theirs, chiefs) in self.mismatched_workers(digests):
            names = [name for name, a, b in zip(facts, theirs, chiefs, strict=True) if a != b]
            raise UserError(
                f"{task} {how} another {', '.join(names)} than {self._chief}: every worker must "
                "be given the same command, and the same data"
            )

    def mismatched_workers(
        self, facts: Sequence[int]
    ) -> list[tuple[Task, tuple[list[int], list[int]]]]:
        """Returns the workers whose numbers differ from the chief's, with theirs and the chief's.

        Args:
            facts: Numbers of this worker, as many as on every other worker.
        """
        if self.cluster is None:
            return []
        rows = np.zeros([len(self.cluster.tasks), len(facts)], np.int64)
        rows[self.cluster.rank] = facts
        rows = np.asarray(self._sum(rows))
        return [
            (task, (row.tolist(), rows[0].tolist()))
            for task, row in zip(self.cluster.tasks, rows, strict=True)
            if row.tolist() != rows[0].tolist()
        ]

    def _sum(self, values: Sequence[int] | np.ndarray) -> tf.Tensor:
        # `tf.identity` makes a new tensor: a constant may be a cached one that is on none of the
        # strategy's devices.
        return self.strategy.reduce("SUM", tf.identity(np.asarray(values, np.int64)), axis=None)


@functools.cache  # two strategies over the same devices would mix up their collective operations
def default_strategy() -> tf.distribute.Strategy:
    """Returns a strategy mirrored over all visible GPUs of this machine, or else over its CPU."""
    with captured_native_stderr():
        gpus = [device.name for device in tf.config.list_logical_devices("GPU")]
    return tf.distribute.MirroredStrategy(gpus or ["CPU:0"])


@contextmanager
def joined_workers(cluster: Cluster, run: Run) -> Iterator[WorkerGroup]:
    """Joins the other workers of a cluster, and waits for them at the end of the context.

    Args:
        cluster: The cluster.
        run: The run, whose newest checkpoint an error message names.

    Yields:
        The workers.

    Raises:
        WorkerLostError: Another worker is lost; the message names it.
    """
    monitor = PeerMonitor(cluster.peers, lambda: _advice(run))
    try:
        workers = WorkerGroup(cluster_strategy(cluster), cluster)
        monitor.start()
        yield workers
        workers.barrier()  # no worker ends before the chief has written
    except tf.errors.OpError as error:
        raise monitor.finding(error) from None
    finally:
        monitor.stop()


def _advice(run: Run) -> str:
    newest = newest_step(run.checkpoints)
    checkpoint = run.checkpoints / f"step-{newest}"
    resumes = "no checkpoint was written yet" if newest is None else f"it resumes from {checkpoint}"
    return f"start the same command again on every worker; {resumes}"
