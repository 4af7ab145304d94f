"""An evaluation as one HTML page that needs nothing else: to look at, to send, to print."""

from pix2pix_tf.evaluation.report.writing import write_report

__all__ = ["write_report"]
