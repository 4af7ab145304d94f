"""Report of an evaluation as one self-contained HTML page, which can be sent and printed."""

from pix2pix_tf.evaluation.report.write import write_report

__all__ = ["write_report"]
