import os
import subprocess
import sys
import time

import pytest

from pix2pix_tf.utils.errors import UserError
from pix2pix_tf.utils.helper_processes import (
    HelperLostError,
    HelperProcesses,
    pack,
    unpack,
)
from pix2pix_tf.utils.text import pluralize


def test_results_come_in_the_order_of_the_items():
    with HelperProcesses() as helpers:
        assert list(helpers.map(str, range(100))) == [str(number) for number in range(100)]
        assert list(helpers.map(len, ["abc"])) == [3]


def test_work_is_done_in_other_processes_which_end():
    with HelperProcesses() as helpers:
        found = set(helpers.map(_pid, range(8)))
    assert os.getpid() not in found
    for pid in found:
        with pytest.raises(ProcessLookupError):
            os.kill(pid, 0)


def _pid(number):
    time.sleep(0.05)
    return os.getpid()


def test_errors_are_those_of_the_function():
    with HelperProcesses() as helpers, pytest.raises(UserError, match="as it was"):
        list(helpers.map(_fail, [1]))


def _fail(number):
    raise UserError("as it was")


def test_few_items_are_taken_in_advance():
    taken = []

    def items():
        for number in range(1000):
            taken.append(number)
            yield number

    with HelperProcesses() as helpers:
        results = helpers.map(abs, items())
        assert next(results) == 0
        assert len(taken) < 50


def test_what_a_helper_prints_does_not_mix_with_its_results(capfd):
    with HelperProcesses() as helpers:
        assert list(helpers.map(print, ["said"])) == [None]
    assert capfd.readouterr().err.strip() == "said"


def test_helper_that_is_ended_is_an_error_and_no_hang():
    with HelperProcesses() as helpers, pytest.raises(HelperLostError, match="ended with code 3"):
        list(helpers.map(os._exit, [3]))


def test_helpers_end_with_a_parent_that_is_killed(tmp_path):
    program = (
        "import os, signal\n"
        "from pix2pix_tf.utils.helper_processes import HelperProcesses\n"
        "from tests.utils.test_helper_processes import _pid\n"
        "with HelperProcesses(low_priority=True) as helpers:\n"
        "    print(next(helpers.map(_pid, [0])), flush=True)\n"
        "    os.kill(os.getpid(), signal.SIGKILL)\n"
    )
    done = subprocess.run([sys.executable, "-c", program], capture_output=True, text=True)
    pid, end = int(done.stdout), time.monotonic() + 10
    while time.monotonic() < end:
        try:
            os.kill(pid, 0)
        except ProcessLookupError:
            return
        time.sleep(0.05)
    pytest.fail("the helper still runs")


def test_packed_values_come_back():
    value = [("a", {1: (2.5, None)}), pluralize(2, "pair")]
    assert unpack(pack(value)) == value
