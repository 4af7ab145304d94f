"""Reference batch, whose statistics normalise images that cannot be normalised by their own.

With `generator.bottleneck_norm: true` the innermost norm has one value for each channel and image
at the training size. By its own statistics every image is normalised to 0 there, so that an
encoder-decoder's output would ignore its input. A network that is trained with batches of several
images, as for the paper's Table 2, expects the statistics of a batch. They are therefore measured
on one batch, once the weights are known, and normalise every image. So a translation does not
depend on the other images of its batch, and validation, `translate`, `evaluate` and exports agree.

The batch is the first batch of the training. It is stored in the run, so that the run can translate
without its data and resumes with the same batch.
"""

from __future__ import annotations

import io
import zipfile
from collections.abc import Callable, Mapping
from dataclasses import dataclass

import keras
import numpy as np
import tensorflow as tf

from pix2pix_tf.config.schema import Config
from pix2pix_tf.data.pair_sequence import Pairs
from pix2pix_tf.data.pipeline import training_batches
from pix2pix_tf.inference.translation import OWN_STATISTICS, Moments, fast_convolutions
from pix2pix_tf.methods.method import Translation
from pix2pix_tf.methods.translation import GeneratorTranslation
from pix2pix_tf.models.layers import BatchStatisticsNorm, collected_moments, dropout_seeds
from pix2pix_tf.runs.run import Run
from pix2pix_tf.utils.errors import UserError
from pix2pix_tf.utils.files import write_bytes


@dataclass(frozen=True)
class ReferenceBatch:
    """A batch of inputs of a generator.

    Attributes:
        inputs: float32 [N, H, W, C] in [-1, 1], as in training.
        seeds: int32 [N, 2], the dropout seeds.
    """

    inputs: np.ndarray
    seeds: np.ndarray


def record_reference_batch(run: Run, config: Config, pairs: Pairs) -> None:
    """Writes the training's first batch into a run that needs a reference batch and has none.

    Args:
        run: The run.
        config: The run's config.
        pairs: The training pairs.

    Raises:
        UserError: An image cannot be read, or the file cannot be written.
    """
    if not config.reference_statistics or run.reference_file.exists():
        return
    try:
        batch = next(iter(training_batches(pairs, config, 0, 1)))
    except tf.errors.OpError as error:
        raise pairs.failure or error from None
    content = io.BytesIO()
    np.savez_compressed(content, inputs=batch["input"].numpy(), seeds=batch["seed"].numpy())
    write_bytes(run.reference_file, content.getvalue())


def load_reference_batch(run: Run, config: Config) -> ReferenceBatch:
    """Reads a run's reference batch.

    Args:
        run: The run.
        config: The run's config.

    Returns:
        The batch.

    Raises:
        UserError: The file is missing, damaged, or from another config.
    """
    file = run.reference_file
    mend = f"`pix2pix-tf train --run {run.path}` writes it, where the data is at hand"
    try:
        with np.load(file, allow_pickle=False) as arrays:
            batch = ReferenceBatch(arrays["inputs"], arrays["seeds"])
    except FileNotFoundError:
        raise UserError(
            f"run {run.path}: lacks {file.name}, by whose statistics runs with "
            "generator.bottleneck_norm=true and a training.batch_size above 1 translate; "
            f"{mend}"
        ) from None
    except (OSError, ValueError, LookupError, EOFError, zipfile.BadZipFile) as error:
        raise UserError(f"{file}: is damaged ({error}); remove it: {mend}") from None
    data = config.data
    shape = (config.training.batch_size, *data.crop_size, data.input_channels)
    if batch.inputs.shape != shape or batch.seeds.shape != (shape[0], 2):
        raise UserError(
            f"{file}: has inputs of {list(batch.inputs.shape)} where config.yaml beside it has "
            f"{list(shape)}; remove it: {mend}"
        )
    return batch


class ReferenceStatistics:
    """Statistics of a reference batch in a generator whose weights may change.

    Attributes:
        moments: The statistics as variables, which are 0 until `measure` is called.
    """

    def __init__(self, translation: GeneratorTranslation, batch: ReferenceBatch) -> None:
        """Creates the variables; `measure` sets them.

        Args:
            translation: The translation by the generator.
            batch: The reference batch.
        """
        self._measure = _compiled(translation.network, batch)
        norms = [
            layer for layer in translation.network.layers if isinstance(layer, BatchStatisticsNorm)
        ]
        self.moments = Moments(
            *(
                {norm.name: tf.Variable(tf.zeros([2, norm.scale.shape[0]])) for norm in norms}
                for _ in range(2)
            )
        )

    def measure(self) -> None:
        """Sets `moments` to the statistics with the generator's current weights."""
        for variables, dropout in (
            (self.moments.with_dropout, True),
            (self.moments.without_dropout, False),
        ):
            for name, measured in self._measure(dropout).items():
                variables[name].assign(measured)

    def constants(self) -> Moments:
        """Returns the moments as arrays, which become constants in graphs."""
        return Moments(_arrays(self.moments.with_dropout), _arrays(self.moments.without_dropout))


def reference_moments(
    translation: Translation, run: Run, config: Config, direction: str
) -> Moments:
    """Returns the moments of a run's reference batch in its restored generator, as arrays.

    There are none if images are normalised by their own statistics (see
    `Config.reference_statistics`) or if the translation uses more than a single generator.

    Args:
        translation: The translation, with restored weights.
        run: The run.
        config: The run's config.
        direction: The direction of the translation, `AtoB` or `BtoA`.

    Returns:
        The moments.

    Raises:
        UserError: See `load_reference_batch`; or the direction is not that of the training, whose
            inputs the batch has.
    """
    if not (config.reference_statistics and isinstance(translation, GeneratorTranslation)):
        return OWN_STATISTICS
    if direction != config.data.direction:
        raise UserError(
            f"direction {direction}: run {run.path} translates by the statistics of a batch of its "
            f"training's inputs, which are those of {config.data.direction} alone; train with "
            "generator.bottleneck_norm=false or training.batch_size=1 to translate both ways"
        )
    statistics = ReferenceStatistics(translation, load_reference_batch(run, config))
    statistics.measure()
    return statistics.constants()


def _compiled(
    generator: keras.Model, batch: ReferenceBatch
) -> Callable[[bool], Mapping[str, tf.Tensor]]:
    """Returns a compiled function of `dropout` (on or off) that measures the batch's statistics."""

    @tf.function(autograph=False)
    def measure(dropout: bool) -> dict[str, tf.Tensor]:
        seeds = tf.constant(batch.seeds) if dropout else None
        with fast_convolutions(), collected_moments() as moments, dropout_seeds(seeds):
            generator(tf.constant(batch.inputs), training=False)
        return dict(moments)

    return measure


def _arrays(moments: Mapping[str, tf.Variable]) -> dict[str, np.ndarray]:
    return {name: variable.numpy() for name, variable in moments.items()}
