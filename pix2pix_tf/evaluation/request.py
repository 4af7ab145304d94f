"""Request of an evaluation: the scores to compute, and the files that some of them need."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

from pix2pix_tf.evaluation.metrics import pixel
from pix2pix_tf.utils.errors import UserError

DEFAULT_METRICS = pixel.METRICS
FEATURE_METRICS = ("kid", "fid")
LABEL_METRICS = ("segmentation", "fcn_score")
METRICS = (*DEFAULT_METRICS, "lab_histogram", "sharpness", *LABEL_METRICS, *FEATURE_METRICS)


@dataclass(frozen=True)
class MetricRequest:
    """The scores to compute, and the files and settings that they need.

    - `l1`, `psnr`, `ssim`: distances of each output to its target
    - `lab_histogram`: overlap of colour histograms in Lab (paper, Figure 7)
    - `sharpness`: contrast of the outputs divided by that of the targets
    - `segmentation`: accuracy and IoU of outputs that are label maps (paper, Table 6)
    - `fcn_score`: accuracy and IoU of FCN-8s on outputs that are photographs (paper, section 4.1)
    - `kid`, `fid`: distance between Inception features (Bińkowski 2018, Heusel 2017)

    Attributes:
        metrics: Names of metrics.
        palette: Palette of the label images: the name of a shipped palette or a YAML file. By
            default the palette of the segmenter or else, for a run, the shipped palette of its
            dataset, if there is one.
        segmenter: Folder of a trained segmenter, for `fcn_score`.
        features: File with the weights of the Inception network, for `kid` and `fid`; see
            `pix2pix_tf.evaluation.metrics.inception`.
        label_ids: Whether grey label images hold class numbers, see
            `pix2pix_tf.segmentation.decoding.decode_labels`; None takes the segmenter's setting.

    Raises:
        UserError: There is no metric of that name.

    Example:
        >>> from pix2pix_tf import MetricRequest, evaluate
        >>> request = MetricRequest(["l1", "sharpness"])
        >>> sorted(evaluate("runs/sample", request=request).scores)
        ['l1', 'sharpness']
    """

    metrics: Sequence[str] = DEFAULT_METRICS
    palette: str | Path | None = None
    segmenter: str | Path | None = None
    features: str | Path | None = None
    label_ids: bool | None = None

    def __post_init__(self) -> None:
        for name in self.metrics:
            if name not in METRICS:
                raise UserError(f"metric {name}: expected some of {', '.join(METRICS)}")

    def chosen(self, names: Sequence[str]) -> list[str]:
        """Returns the requested metrics that are among some, in the order of the request.

        Args:
            names: Names of metrics.

        Returns:
            Those of `names` that are requested.
        """
        return [name for name in self.metrics if name in names]


DEFAULT_REQUEST = MetricRequest()
