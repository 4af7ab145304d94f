"""Contestants that take as long as they are told."""

from pix2pix_tf.benchmark.workloads import TimedRun


class FakeWorkload:
    """Its turns take the given seconds for each time the work is done; the last is repeated."""

    def __init__(self, name, log, *seconds):
        self.name, self.log, self.seconds = name, log, list(seconds)

    def run(self, count):
        self.log.append((self.name, count))
        each = self.seconds.pop(0) if len(self.seconds) > 1 else self.seconds[0]
        return TimedRun(count * each, {"loss": each}, 1000 * len(self.log))
