"""The cluster that this process trains in, if any, as `TF_CONFIG` or Slurm describes it."""

from __future__ import annotations

import errno
import json
import socket
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

import tensorflow as tf

from pix2pix_tf.utils.errors import UserError

KINDS = ("chief", "worker")  # in the order in which TensorFlow numbers their tasks
# Slurm gives no ports. Each job takes its own from this range, so that two jobs can share a
# machine. The range ends below 32768, where systems begin to take ports for connections.
_SLURM_PORTS = range(12000, 32000)


@dataclass(frozen=True)
class Task:
    """One process of a cluster.

    Attributes:
        kind: `chief` or `worker`.
        index: Index among the tasks of its kind, from 0.
        address: Address at which the other processes reach it, as "host:port".
    """

    kind: str
    index: int
    address: str

    def __str__(self) -> str:
        return f"{self.kind} {self.index} ({self.address})"

    @property
    def host_and_port(self) -> tuple[str, int]:
        """Host and port of the address."""
        host, port = self.address.rsplit(":", 1)
        return host.strip("[]"), int(port)


@dataclass(frozen=True)
class Cluster:
    """The processes that train together.

    Attributes:
        tasks: All processes, the chief first: the task of kind `chief`, or else worker 0.
        rank: Index of this process in `tasks`.
    """

    tasks: tuple[Task, ...]
    rank: int

    @property
    def me(self) -> Task:
        """The task of this process."""
        return self.tasks[self.rank]

    @property
    def chief(self) -> Task:
        """The task that writes the run."""
        return self.tasks[0]

    @property
    def peers(self) -> list[Task]:
        """The tasks of all other processes."""
        return [task for task in self.tasks if task != self.me]


def find_cluster(environment: Mapping[str, str]) -> Cluster | None:
    """Returns the cluster that `TF_CONFIG`, or else a Slurm step of several tasks, describes.

    Args:
        environment: Environment variables by name.

    Returns:
        The cluster, or None if none is described or it has a single task.

    Raises:
        UserError: The description cannot be used.
    """
    if environment.get("TF_CONFIG", "").strip():
        return _from_tf_config(environment["TF_CONFIG"])
    if int(environment.get("SLURM_STEP_NUM_TASKS") or 1) > 1:
        return _from_slurm(environment)
    return None


def cluster_strategy(cluster: Cluster) -> tf.distribute.Strategy:
    """Returns a strategy that mirrors over the devices of all processes of a cluster.

    Starts the server of this process and waits for those of the others. Call it once per process,
    before TensorFlow computes anything.

    Raises:
        UserError: Another program uses the address, or TensorFlow is in use already.
        tf.errors.OpError: A worker was lost while this process waited for the others.
    """
    _check_address(cluster.me)
    jobs: dict[str, list[str]] = {}
    for task in cluster.tasks:
        jobs.setdefault(task.kind, []).append(task.address)
    resolver = tf.distribute.cluster_resolver.SimpleClusterResolver(
        tf.train.ClusterSpec(jobs),
        task_type=cluster.me.kind,
        task_id=cluster.me.index,
        num_accelerators={"GPU": len(tf.config.list_physical_devices("GPU"))},
        rpc_layer="grpc",
    )
    try:
        strategy = tf.distribute.MultiWorkerMirroredStrategy(cluster_resolver=resolver)
    except RuntimeError as error:
        raise UserError(
            f"this process is {cluster.me} of a cluster, but TensorFlow was in use before the "
            f"training began ({error}); start the training first, in a process of its own"
        ) from None
    # No batch is partial, and the check for partial batches would make workers wait for each other.
    strategy.extended.experimental_enable_get_next_as_optional = False
    return strategy


def _from_tf_config(text: str) -> Cluster | None:
    try:
        tree = json.loads(text)
    except ValueError as error:
        raise _bad(f"is not JSON ({error})") from None
    jobs = tree.get("cluster") if isinstance(tree, dict) else None
    if isinstance(tree, dict) and not jobs:
        return None  # some schedulers set this for a single process
    if not isinstance(jobs, dict) or not all(isinstance(each, list) for each in jobs.values()):
        raise _bad("has no lists of addresses")
    if others := sorted(set(jobs) - set(KINDS)):
        raise _bad(
            f"has tasks of kind {', '.join(others)}: every process trains here, and only "
            "worker and chief are supported"
        )
    if not jobs.get("worker"):
        raise _bad("has no worker")
    if len(jobs.get("chief", [])) > 1:
        raise _bad(f"has {len(jobs['chief'])} chiefs where one writes")
    tasks = [
        Task(kind, index, _address(address))
        for kind in KINDS
        for index, address in enumerate(jobs.get(kind, []))
    ]
    if twice := sorted({task.address for task in tasks if _count(tasks, task.address) > 1}):
        raise _bad(f"gives {', '.join(twice)} to several tasks")
    rank = _rank_of(tasks, tree.get("task"))
    return Cluster(tuple(tasks), rank) if len(tasks) > 1 else None


def _address(address: Any) -> str:
    host, colon, port = str(address).rpartition(":")
    if not (isinstance(address, str) and host and colon and port.isdecimal()):
        raise _bad(f"has the address {address!r} where host:port is expected")
    return address


def _count(tasks: list[Task], address: str) -> int:
    return sum(task.address == address for task in tasks)


def _rank_of(tasks: list[Task], task: Any) -> int:
    kind, index = (task.get("type"), task.get("index")) if isinstance(task, dict) else (None, None)
    for rank, each in enumerate(tasks):
        if (each.kind, str(each.index)) == (kind, str(index)):
            return rank
    raise _bad(
        f'has no task {kind} {index}, which its "task" says this process is; '
        f"there are {', '.join(map(str, tasks))}"
    )


def _bad(words: str) -> UserError:
    return UserError(
        f'TF_CONFIG: {words}; expected {{"cluster": {{"worker": ["host:port", ...]}}, '
        '"task": {"type": "worker", "index": 0}}, or nothing to train on this machine alone'
    )


def _from_slurm(environment: Mapping[str, str]) -> Cluster:
    tasks = int(environment["SLURM_STEP_NUM_TASKS"])
    port = _SLURM_PORTS[int(environment.get("SLURM_JOB_ID", 0)) % len(_SLURM_PORTS)]
    try:
        # The resolver divides by the GPUs per task, so it gets one each, whatever there are. It
        # must not set the visible GPUs accordingly: Slurm itself gives each task its devices.
        resolver = tf.distribute.cluster_resolver.SlurmClusterResolver(
            port_base=port, gpus_per_node=tasks, gpus_per_task=1, auto_set_gpu=False
        )
        addresses = resolver.cluster_spec().as_dict()["worker"]
        # Slurm's rank is of no use: the resolver sorts hosts by name, so that n10 is before n9.
        own = f"{environment['SLURMD_NODENAME']}:{port + int(environment['SLURM_LOCALID'])}"
        rank = addresses.index(own)
    except (RuntimeError, ValueError, KeyError) as error:
        raise UserError(
            f"this is one of {tasks} tasks of a Slurm step, but which cannot be told ({error}); "
            "start it by srun, or set TF_CONFIG"
        ) from None
    return Cluster(
        tuple(Task("worker", index, address) for index, address in enumerate(addresses)), rank
    )


def _check_address(task: Task) -> None:
    """Raises a clear error if the port cannot be bound, which TensorFlow's server does not say."""
    _, port = task.host_and_port
    with socket.socket() as probe:
        probe.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        try:
            probe.bind(("", port))
        except OSError as error:
            why = (
                "another program uses it"
                if error.errno == errno.EADDRINUSE
                else (error.strerror or str(error))
            )
            raise UserError(
                f"{task}: port {port} of this machine cannot be had: {why}; end what a training "
                "before left running, or choose another port for it in every worker's TF_CONFIG"
            ) from None
