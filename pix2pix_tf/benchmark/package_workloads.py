"""What of this package is measured: the training step, its input, convolutions, translations."""

from __future__ import annotations

import time
from collections.abc import Callable, Iterable, Iterator, Mapping
from dataclasses import dataclass
from itertools import islice
from pathlib import Path

import numpy as np
import tensorflow as tf
from ai_edge_litert.interpreter import Interpreter

from pix2pix_tf.benchmark.flops import forward_flops, update_flops
from pix2pix_tf.benchmark.worker import WorkloadFunction
from pix2pix_tf.config.schema import Config
from pix2pix_tf.data.pairs import open_pairs
from pix2pix_tf.data.pipeline import images_per_step, training_batches
from pix2pix_tf.exporters.saved_model import write_saved_model
from pix2pix_tf.exporters.tflite import convert_to_tflite, run_tflite
from pix2pix_tf.inference.translator import Translator
from pix2pix_tf.methods.pix2pix import Batch, build_networks, make_update, make_updates
from pix2pix_tf.models import build_generator
from pix2pix_tf.runs.checkpoints import Checkpoints
from pix2pix_tf.runs.run import Run
from pix2pix_tf.training.distributed.worker_group import default_strategy
from pix2pix_tf.utils.parallel import parallel_map

_MANY_STEPS = 10**8  # no turn comes near it
_CALIBRATION_PICTURES = 2  # they decide the ranges of int8, not its speed


def training_works(config: Config, names: Iterable[str]) -> tuple[dict[str, WorkloadFunction], int]:
    """`training`: updates by one batch, again and again; `training with data`: by those of pairs.

    They return the last losses and `waited`: the seconds spent waiting for data.

    Returns:
        The works of `names`, and the operations of an update for each image of its batch.
    """
    if config.training.deterministic:
        tf.config.experimental.enable_op_determinism()
    strategy = default_strategy()
    with strategy.scope():
        networks = build_networks(config, _MANY_STEPS, None)
    updates = make_updates(make_update(config, networks, strategy))
    at_once = config.training.steps_per_execution

    def train(batches: Iterator[Batch], count: int) -> Mapping[str, float]:
        waited = 0.0
        for size in [at_once] * (count // at_once) + [1] * (count % at_once):
            start = time.perf_counter()
            taken = [next(batches) for _ in range(size)]
            waited += time.perf_counter() - start
            losses = updates(taken)
        return {**{name: float(loss[-1]) for name, loss in losses.items()}, "waited": waited}

    def with_one_batch() -> WorkloadFunction:
        (batch,) = _distributed(_noise_batches(config).take(1), strategy)
        return lambda count: train(iter([batch] * count), count)

    def with_data() -> WorkloadFunction:
        pairs = open_pairs(config).train
        dataset = training_batches(pairs, config, 0, _MANY_STEPS)
        batches = _distributed(dataset, strategy)
        for _ in islice(batches, -(-len(pairs) // images_per_step(config))):  # fills the cache
            pass
        return lambda count: train(batches, count)

    builders = {"training": with_one_batch, "training with data": with_data}
    flops = update_flops(
        networks.generator, networks.discriminator, config.training.discriminator_steps
    )
    return {name: build() for name, build in builders.items() if name in names}, flops


def _distributed(dataset: tf.data.Dataset, strategy: tf.distribute.Strategy) -> Iterator[Batch]:
    options = tf.data.Options()
    options.experimental_distribute.auto_shard_policy = tf.data.experimental.AutoShardPolicy.OFF
    return iter(strategy.experimental_distribute_dataset(dataset.with_options(options)))


def _noise_batches(config: Config) -> tf.data.Dataset:
    data, count = config.data, images_per_step(config)
    random = np.random.default_rng(0)

    def images(channels: int) -> np.ndarray:
        return random.uniform(-1, 1, (count, *data.crop_size, channels)).astype(np.float32)

    seeds = random.integers(2**31, size=(count, 2), dtype=np.int32)
    batch = (images(data.input_channels), images(data.target_channels), seeds)
    return tf.data.Dataset.from_tensor_slices(batch).batch(count, drop_remainder=True)


def pipeline_work(config: Config) -> WorkloadFunction:
    """The batches of a training, and nothing else; pairs are decoded before if the config caches.

    Every turn starts the pipeline anew, so that it has no batches ready before the turn.
    """
    pairs = open_pairs(config).train
    if config.data.cache:
        parallel_map(pairs.__getitem__, range(len(pairs)))
    batches = training_batches(pairs, config, 0, _MANY_STEPS)

    def read(count: int) -> Mapping[str, float]:
        for image, _, _ in batches.take(count):
            last = image
        return {"mean": float(tf.reduce_mean(last))}

    return read


@dataclass(frozen=True)
class Convolution:
    """A convolution of [`batch`, `side`, `side`, `channels`] with square kernels."""

    side: int
    channels: int
    filters: int
    kernel: int
    stride: int
    batch: int = 1

    @property
    def flops(self) -> int:
        """Operations, a multiplication with its addition being 2; padded so that sides divide."""
        pixels = self.batch * (self.side // self.stride) ** 2
        return 2 * pixels * self.kernel**2 * self.channels * self.filters

    def __str__(self) -> str:
        shape = f"{self.batch}×{self.side}×{self.side}×{self.channels}"
        return f"{self.kernel}×{self.kernel}/{self.stride} {shape} → {self.filters}"


# The networks' own kinds and those that libraries are best at.
CONVOLUTIONS = (
    Convolution(128, 64, 128, 4, 2),
    Convolution(64, 128, 256, 4, 2),
    Convolution(32, 256, 512, 4, 1),
    Convolution(64, 128, 128, 3, 1),
    Convolution(32, 512, 512, 3, 1),
    Convolution(32, 512, 512, 1, 1),
)


def convolution_work(precision: str) -> tuple[WorkloadFunction, Convolution]:
    """The convolution that this machine computes at the highest rate, of `CONVOLUTIONS`.

    Args:
        precision: The config's `training.precision`.
    """
    dtype = tf.float32
    for half in ("bfloat16", "float16"):
        if half in precision:
            dtype = tf.as_dtype(half)
            break
    smallest = 4e11 if tf.config.list_logical_devices("GPU") else 4e9  # operations of a call
    rates = {}
    for convolution in CONVOLUTIONS:
        batch = max(1, round(smallest / convolution.flops))
        whole = Convolution(**{**vars(convolution), "batch": batch})
        work = _convolve(whole, dtype)
        work(1)
        start = time.perf_counter()
        work(2)
        rates[whole] = whole.flops / (time.perf_counter() - start)
    best = max(rates, key=lambda convolution: rates[convolution])
    return _convolve(best, dtype), best


def _convolve(convolution: Convolution, dtype: tf.DType) -> WorkloadFunction:
    own = convolution
    images = tf.random.stateless_normal([own.batch, own.side, own.side, own.channels], [0, 1])
    kernels = tf.random.stateless_normal([own.kernel] * 2 + [own.channels, own.filters], [0, 2])
    images, kernels = tf.cast(images, dtype), tf.cast(kernels, dtype)

    @tf.function(autograph=False)
    def convolve(images: tf.Tensor, kernels: tf.Tensor) -> tf.Tensor:
        return tf.nn.conv2d(images, kernels, own.stride, "SAME")

    def work(count: int) -> Mapping[str, float]:
        for _ in range(count):
            output = convolve(images, kernels)
        return {"pixel": float(output[0, 0, 0, 0])}

    return work


def write_fresh_run(config: Config, folder: Path) -> None:
    """Writes a run whose generator is untrained: its speed is that of a trained one."""
    run = Run(folder)
    run.save_config(config)
    parts = {"generator": build_generator(config).variables}
    Checkpoints(run.checkpoints, parts, keep=1).save()


def inference_works(
    run: Path, folder: Path, names: Iterable[str], threads: int
) -> tuple[dict[str, WorkloadFunction], int]:
    """One picture, uint8 in and out: by `translate`, `saved_model`, `tflite float32` and so on.

    `translate@512` translates a picture of 512×512 pixels; the others have the run's crop size.

    Args:
        run: The run directory.
        folder: An empty one, for what is exported.
        names: Which of them.
        threads: Of the LiteRT interpreter.

    Returns:
        The works, and the operations of the generator on a picture of the crop size.
    """
    translator = Translator(run)
    data = translator.config.data

    def picture(size: tuple[int, int]) -> np.ndarray:
        shape = (*size, data.image_channels[0])
        return np.random.default_rng(0).integers(0, 256, shape, np.uint8)

    def translating(size: tuple[int, int]) -> WorkloadFunction:
        return _repeated(lambda image: translator(image, seed=0), picture(size))

    def build(name: str) -> WorkloadFunction:
        kind, _, detail = name.partition("@" if "@" in name else " ")
        if kind == "translate":
            return translating((int(detail), int(detail)) if detail else data.crop_size)
        if kind == "saved_model":
            return _repeated(_saved_model(translator, folder), picture(data.crop_size))
        model = convert_to_tflite(
            translator,
            detail,
            size=data.crop_size,
            uint8=False,
            calibration=lambda: [picture(data.crop_size)] * _CALIBRATION_PICTURES,
        )
        interpreter = Interpreter(model_content=model, num_threads=threads)
        return _repeated(lambda image: run_tflite(interpreter, image), picture(data.crop_size))

    flops = forward_flops(build_generator(translator.config, initial=False))
    return {name: build(name) for name in names}, flops


def _saved_model(translator: Translator, folder: Path) -> Callable[[np.ndarray], np.ndarray]:
    write_saved_model(translator, folder, "measured")
    loaded = tf.saved_model.load(str(folder))
    images = loaded.signatures["images"]

    def translate(image: np.ndarray) -> np.ndarray:
        assert loaded  # a signature does not keep its variables
        return images(images=tf.constant(image[np.newaxis]))["images"].numpy()[0]

    return translate


def _repeated(translate: Callable[[np.ndarray], np.ndarray], image: np.ndarray) -> WorkloadFunction:
    def work(count: int) -> Mapping[str, float]:
        for _ in range(count):
            output = translate(image)
        return {"mean": float(output.mean())}

    return work
