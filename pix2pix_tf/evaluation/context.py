"""Resources of the requested metrics: palette, segmenter and feature network."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path

from pix2pix_tf.evaluation.items import LabelDecoding
from pix2pix_tf.evaluation.metrics.inception import FeatureNetwork, load_inception
from pix2pix_tf.evaluation.metrics.lab_histogram import lab_histogram_metric
from pix2pix_tf.evaluation.metrics.label_scores import fcn_metric, segmentation_metric
from pix2pix_tf.evaluation.metrics.metric import Metric
from pix2pix_tf.evaluation.metrics.pixel import pixel_metrics
from pix2pix_tf.evaluation.metrics.sharpness import sharpness_metric
from pix2pix_tf.evaluation.request import FEATURE_METRICS, LABEL_METRICS, MetricRequest
from pix2pix_tf.runs.data import ScoredPairs
from pix2pix_tf.runs.pairs_record import file_digest, read_record, short_digest, trained_among
from pix2pix_tf.segmentation.palette import Palette, palette_entries
from pix2pix_tf.segmentation.segmenter import Segmenter
from pix2pix_tf.segmentation.shipped import SHIPPED_PALETTES, load_palette
from pix2pix_tf.utils.errors import UserError


@dataclass(frozen=True)
class MetricContext:
    """The requested metrics and the resources that they are computed with.

    Attributes:
        request: The request.
        metrics: Metrics that follow from sums over images: all but `kid` and `fid`.
        labels: Settings by which label images are decoded, None if no metric needs class maps.
        segmenter: The segmenter of `fcn_score`, None without this metric.
        network: The Inception network of `kid` and `fid`, None without these metrics.
    """

    request: MetricRequest
    metrics: list[Metric]
    labels: LabelDecoding | None
    segmenter: Segmenter | None
    network: FeatureNetwork | None

    @property
    def palette(self) -> Palette | None:
        """The palette of the label images, None if no metric needs class maps."""
        return None if self.labels is None else self.labels.palette

    @property
    def class_maps(self) -> frozenset[str]:
        """Names of the class maps that the metrics read."""
        return frozenset().union(*(metric.class_maps for metric in self.metrics))

    def dependencies(self) -> dict[str, str]:
        """Returns the resources on which scores depend besides the images, with their digests."""
        digests = {}
        if self.labels is not None:
            palette = self.labels.palette
            digests["palette"] = f"{palette.name} {short_digest(palette_entries(palette))}"
            if self.labels.label_ids is not None:
                digests["label_ids"] = str(self.labels.label_ids).lower()
        if self.segmenter is not None:
            weights = self.segmenter.folder.weights_file
            digests["segmenter"] = f"{self.segmenter.folder.path} {file_digest([weights])[:16]}"
        if self.network is not None and self.request.features is not None:
            file = Path(self.request.features)
            digests["features"] = f"{file.name} {file_digest([file])[:16]}"
        return digests

    def notes(self, scored: ScoredPairs) -> list[str]:
        """Returns a note if the segmenter was trained on images that are to be scored."""
        if self.segmenter is None:
            return []
        trained_on = read_record(self.segmenter.folder.pairs_file)
        if trained_on is None:
            return []
        shared = trained_among(scored.record, trained_on, scored.root)
        if not shared:
            return []
        return [
            f"the segmenter was trained on {len(shared)} of these {len(scored.pairs)} images, such "
            f"as {shared[0]}: it reads them better than images it has not seen"
        ]


def load_metric_context(request: MetricRequest, dataset: str | None) -> MetricContext:
    """Loads the resources of the requested metrics.

    Args:
        request: The request.
        dataset: Name of the dataset that is scored, which may have a shipped palette; None for
            folders of images.

    Raises:
        UserError: A metric lacks a file or setting that it needs, or a file cannot be read.
    """
    segmenter = _segmenter(request)
    labels = _labels(request, segmenter, dataset)
    metrics = [*pixel_metrics(), lab_histogram_metric(), sharpness_metric()]
    if labels is not None:
        metrics.append(segmentation_metric(labels.palette))
    if segmenter is not None:
        metrics.append(fcn_metric(segmenter))
    metrics = [metric for metric in metrics if metric.name in request.metrics]
    return MetricContext(request, metrics, labels, segmenter, _network(request))


def check_metric_request(request: MetricRequest, dataset: str | None) -> None:
    """Checks that the resources of the requested metrics load; see `load_metric_context`."""
    load_metric_context(request, dataset)


def _segmenter(request: MetricRequest) -> Segmenter | None:
    if "fcn_score" not in request.metrics:
        return None
    if request.segmenter is None:
        raise UserError(
            "metric fcn_score: needs a segmenter; make one with `pix2pix-tf train-segmenter` "
            "and give its folder with --segmenter"
        )
    return Segmenter(request.segmenter)


def _labels(
    request: MetricRequest, segmenter: Segmenter | None, dataset: str | None
) -> LabelDecoding | None:
    if not request.chosen(LABEL_METRICS):
        return None
    palette = _palette(request, segmenter, dataset)
    if segmenter is not None and segmenter.palette.classes != palette.classes:
        raise UserError(
            f"palette {palette.name}: has other classes than the segmenter {request.segmenter}, "
            f"{len(palette.classes)} and {len(segmenter.palette.classes)}; the two must be of the "
            "same data"
        )
    label_ids = request.label_ids
    if label_ids is None and segmenter is not None:
        label_ids = segmenter.config.label_ids
    return LabelDecoding(palette, label_ids)


def _palette(request: MetricRequest, segmenter: Segmenter | None, dataset: str | None) -> Palette:
    if request.palette is not None:
        return load_palette(request.palette)
    if segmenter is not None:
        return segmenter.palette
    if dataset in SHIPPED_PALETTES:
        return SHIPPED_PALETTES[dataset]
    raise UserError(
        "metric segmentation: say which colour is which class with --palette: "
        f"{', '.join(SHIPPED_PALETTES)}, or a YAML file"
    )


def _network(request: MetricRequest) -> FeatureNetwork | None:
    names = request.chosen(FEATURE_METRICS)
    if not names:
        return None
    if request.features is None:
        raise UserError(
            f"metric {names[0]}: needs the weights of the Inception network; give their file "
            "with --features, such as pt_inception-2015-12-05-6726825d.pth"
        )
    return load_inception(request.features)
