"""Workloads that take as long as they are told."""

from pix2pix_tf.benchmark.workloads import TimedRun


class FakeWorkload:
    """Each run takes the next of `seconds` for every repetition; the last one is used again."""

    def __init__(self, name, log, *seconds):
        self.name, self.log, self.seconds = name, log, list(seconds)

    def run(self, repetitions):
        self.log.append((self.name, repetitions))
        each = self.seconds.pop(0) if len(self.seconds) > 1 else self.seconds[0]
        return TimedRun(repetitions * each, {"loss": each}, 1000 * len(self.log))
