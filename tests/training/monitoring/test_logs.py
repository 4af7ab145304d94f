import math
import time

import pytest
import tensorflow as tf

from pix2pix_tf.training.monitoring.logs import TensorBoardLogs
from pix2pix_tf.utils.event_files import end_of_last_record


def test_tensorboard_forgets_the_steps_that_a_kill_took_back(tmp_path, tiny):
    from tensorboard.backend.event_processing.plugin_event_accumulator import EventAccumulator

    killed = TensorBoardLogs(tmp_path, tiny(), 0, 100)
    for step in (5, 10, 15):
        killed.scalars(step, {"generator/l1": float(step)})
    # TensorBoard reads files in the order of their names: of the second, then of how many writers
    # this process had, as text, so that within a second the tenth would come before the ninth.
    time.sleep(1)
    resumed = TensorBoardLogs(tmp_path, tiny(), 10, 100)
    resumed.scalars(15, {"generator/l1": 1.0})
    for folder, tag, expected in (
        ("train", "generator/l1", [(5, 5.0), (10, 10.0), (15, 1.0)]),
        ("ln2", "discriminator/loss", [(0, math.log(2)), (10, math.log(2)), (100, math.log(2))]),
    ):
        read = EventAccumulator(str(tmp_path / folder))
        read.Reload()
        values = [(e.step, tf.make_ndarray(e.tensor_proto).item()) for e in read.Tensors(tag)]
        assert values == [(step, pytest.approx(value)) for step, value in expected]


def test_records_are_followed_to_the_end_of_the_file(tmp_path):
    file = tmp_path / "records"
    with tf.io.TFRecordWriter(str(file)) as writer:
        for size in (3, 0, 1000):
            writer.write(bytes(size))
    whole = file.read_bytes()
    assert (
        end_of_last_record(file, 0)
        == end_of_last_record(file, 16 + 3)
        == len(whole)
        == 3 * 16 + 1003
    )
    for cut in (1, 500, 1010):
        file.write_bytes(whole[:-cut])
        assert end_of_last_record(file, 0) is None
