"""The stages of an examination that need TensorFlow, each in a process of its own.

    python -m pix2pix_tf.doctor.worker devices|xla|train [SECONDS]

The last line of standard output is the stage's result as JSON. What TensorFlow itself writes goes
to standard error.
"""

from __future__ import annotations

import json
import math
import sys
import time
from collections.abc import Callable, Iterator
from typing import Any

COMPARED_STEPS = 3  # of which the CPU makes the same
_SETTINGS = {
    "data.sample_train": 16,
    "data.sample_val": 1,
    "logging.tensorboard": False,
    "training.steps": 10**6,
}


def devices() -> dict[str, Any]:
    """Returns TensorFlow's version, its build, its threads, and the GPUs that it sees."""
    import tensorflow as tf

    from pix2pix_tf.methods.xla import newer_gpu
    from pix2pix_tf.utils.system import cpu_count

    gpus = []
    for device in tf.config.list_physical_devices("GPU"):
        details = tf.config.experimental.get_device_details(device)
        capability = details.get("compute_capability")
        gpus.append(
            {
                "name": details.get("device_name", device.name),
                "compute_capability": None if capability is None else list(capability),
            }
        )
    return {
        "version": tf.__version__,
        "build": dict(tf.sysconfig.get_build_info()),
        "gpus": gpus,
        "newer": newer_gpu(),
        "threads": tf.config.threading.get_intra_op_parallelism_threads() or cpu_count(),
    }


def xla() -> dict[str, Any]:
    """Compiles a convolution and its gradient by XLA on the device that trains.

    Returns:
        The largest difference from the same without XLA, relative to the largest value.
    """
    import tensorflow as tf

    kernel = tf.random.stateless_normal([4, 4, 3, 8], [0, 1])
    image = tf.random.stateless_normal([1, 16, 16, 3], [0, 2])

    def gradient() -> tf.Tensor:
        with tf.GradientTape() as tape:
            tape.watch(kernel)
            loss = tf.reduce_sum(tf.nn.conv2d(image, kernel, 2, "SAME") ** 2)
        return tape.gradient(loss, kernel)

    expected = gradient()
    compiled = tf.function(gradient, jit_compile=True, autograph=False)()
    difference = tf.reduce_max(tf.abs(compiled - expected)) / tf.reduce_max(tf.abs(expected))
    return {"difference": float(difference)}


def train(seconds: float) -> dict[str, Any]:
    """Trains the sample on the devices that `train` takes, and its first steps on the CPU again.

    The CPU's steps are computed by TensorFlow's plain operations: without XLA and without the
    faster forms of convolutions.

    Args:
        seconds: How long to train after the first steps.

    Returns:
        The losses of the first steps on both, whether all losses were finite, and the speed.
    """
    import tensorflow as tf

    from pix2pix_tf.config.schema import load_config
    from pix2pix_tf.methods.xla import choose_xla
    from pix2pix_tf.training.distributed.worker_group import WorkerGroup, default_strategy

    strategy = default_strategy()
    replicas = strategy.num_replicas_in_sync
    config = load_config("sample", {**_SETTINGS, "training.batch_size": replicas})
    if config.training.deterministic:
        tf.config.experimental.enable_op_determinism()
    made = _steps(config, strategy, plain=False)
    first = [next(made) for _ in range(COMPARED_STEPS)]
    start, count, finite = time.monotonic(), 0, all(map(_is_finite, first))
    while finite and time.monotonic() - start < seconds:
        finite = _is_finite(next(made))
        count += 1
    taken = time.monotonic() - start
    cpu = _steps(config, tf.distribute.OneDeviceStrategy("/CPU:0"), plain=True)
    return {
        "devices": WorkerGroup(strategy).devices,
        "xla": choose_xla(config.training, strategy).used,
        "steps": COMPARED_STEPS + count,
        "finite": finite,
        "steps_per_second": count / taken if count else None,
        "losses": first,
        "cpu_losses": [next(cpu) for _ in range(COMPARED_STEPS)],
    }


def _steps(config: Any, strategy: Any, *, plain: bool) -> Iterator[dict[str, float]]:
    """Yields the losses of one step of a new training after the other."""
    import tensorflow as tf

    from pix2pix_tf.data.pairs import open_pairs
    from pix2pix_tf.methods import method_of
    from pix2pix_tf.methods.method import Batch, Losses
    from pix2pix_tf.methods.update import make_update
    from pix2pix_tf.training.batches import distributed_batches
    from pix2pix_tf.training.distributed.worker_group import WorkerGroup

    pairs, total = open_pairs(config).train, config.training.steps
    with strategy.scope():
        method = method_of(config).build(config, total, None)
    batches = distributed_batches(pairs, config, 0, total, WorkerGroup(strategy))

    def plain_update(batch: Batch, step: tf.Tensor) -> Losses:
        # Of a strategy of one device, whose losses are those of the whole batch.
        return strategy.run(method.update, args=(batch, step))

    compiled = tf.function(plain_update, autograph=False)
    update = compiled if plain else make_update(method, config.training, strategy)
    for step, batch in enumerate(batches):
        losses = update(batch, tf.constant(step, tf.int64))
        yield {name: float(loss) for name, loss in losses.items()}


def _is_finite(losses: dict[str, float]) -> bool:
    return all(map(math.isfinite, losses.values()))


_STAGES: dict[str, Callable[..., dict[str, Any]]] = {
    "devices": devices,
    "xla": xla,
    "train": train,
}


def main() -> None:
    """Runs the stage that the command line names."""
    stage, *arguments = sys.argv[1:]
    print(json.dumps(_STAGES[stage](*map(float, arguments))))


if __name__ == "__main__":
    main()
