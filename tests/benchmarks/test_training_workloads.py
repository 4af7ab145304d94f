"""The input pipeline as a workload."""

from pix2pix_tf.benchmark.training_workloads import pipeline_workload


def test_the_pipeline_reads_the_batches_of_whole_updates(tiny):
    config = tiny(training__batch_size=2, training__discriminator_steps=3)
    assert pipeline_workload(config)(2)["pairs"] == 2 * 2 * 3
