"""An evaluation as one self-contained HTML page: to look at, to send, to print."""

from pix2pix_tf.evaluation.report.write import write_report

__all__ = ["write_report"]
