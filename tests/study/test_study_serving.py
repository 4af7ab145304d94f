"""`study serve` as a process: many at once, killed, stopped."""

import signal
import socket
import sys
import threading
import time
from collections import Counter
from http.client import HTTPException
from pathlib import Path

import pytest

from pix2pix_tf.study.database import AnswerDatabase
from pix2pix_tf.study.report import make_report
from pix2pix_tf.study.settings import Protocol
from tests.study.participants import Participant, Served, tiny_study

pytestmark = pytest.mark.slow("starts the command as a process")


def memory(process):
    """Bytes that a process holds."""
    pages = int(Path(f"/proc/{process.pid}/statm").read_text().split()[1])
    return pages * 4096


def at_once(count, work):
    """Runs `work(number)` in so many threads; raises what one of them raised."""
    errors = []

    def run(number):
        try:
            work(number)
        except BaseException as error:
            errors.append(error)

    threads = [threading.Thread(target=run, args=(number,)) for number in range(count)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    if errors:
        raise errors[0]


@pytest.mark.skipif(sys.platform != "linux", reason="reads /proc")
def test_fifty_participants_at_once(tmp_path):
    study = tiny_study(tmp_path, Protocol(inputs="same", practice=2, trials=4, seconds=0.05))
    with Served(study) as served:
        with Participant(served.address) as early:
            early.get("/")
        before = memory(served.process)

        def take_part(number):
            with Participant(served.address) as someone:
                someone.takes_part(fooled=lambda trial: trial % 4 == number % 4)

        at_once(50, take_part)
        assert memory(served.process) - before < 50e6
    report = make_report(study.folder)
    assert [(row.participants, row.trials, row.incomplete) for row in report.rows] == [
        (25, 100, 0),
        (25, 100, 0),
    ]
    # Trials 2 to 5 are the main ones: each participant is fooled once in them.
    assert [row.fooled.mean for row in report.rows] == [0.25, 0.25]


def test_killed_server_has_every_acknowledged_answer_and_sessions_go_on(tmp_path):
    protocol = Protocol(practice=0, trials=40, seconds=0.05)
    study = tiny_study(tmp_path, protocol, ["L1"], count=40)
    acknowledged = Counter()
    cookies = {}
    with Served(study) as served:

        def answer_on(number):
            with Participant(served.address) as someone:
                someone.start()
                cookies[number] = someone.cookie
                for trial in range(40):
                    try:
                        status, _ = someone.answers(trial)
                    except (OSError, HTTPException):  # killed between head and body
                        return
                    assert status == 200
                    acknowledged[number] = trial + 1

        def kill(number):
            while sum(acknowledged.values()) < 20:
                time.sleep(0.005)
            served.process.send_signal(signal.SIGKILL)
            served.process.wait()

        at_once(5, lambda number: kill(number) if number == 4 else answer_on(number))
        port = served.port
    assert all(0 < acknowledged[number] < 40 for number in range(4))
    with Served(study, port) as served:
        for number, cookie in cookies.items():
            with Participant(served.address) as someone:
                someone.cookie = cookie
                # One more than was acknowledged, where the answer was lost and not its record.
                assert someone.next() - acknowledged[number] in (0, 1)
                someone.takes_part()
                assert someone.next() == 40
    answers = AnswerDatabase(study.answers_file)
    assert len(answers.answered()) == 160
    answers.close()


def test_ctrl_c_stops_it_and_says_what_is_next(tmp_path):
    study = tiny_study(tmp_path)
    with Served(study) as served, Participant(served.address) as someone:
        someone.start()
        someone.answers(0)
        out, err, code = served.end(signal.SIGINT)
    assert served.said[0] == f"tiny: http://127.0.0.1:{served.port}/\n"
    assert served.said[1] == f"Send participants {served.address}\n"
    assert served.said[2].startswith("Reachable from this machine only")
    assert f"study report --study {study.folder}" in out
    assert (err, code) == ("", 0)
    files = sorted(path.name for path in study.folder.iterdir())
    assert files == ["answers.sqlite", "images", "study.yaml"]  # the one file has it all


def test_small_answers_come_at_once(tmp_path):
    with Served(tiny_study(tmp_path)) as served, Participant(served.address) as someone:
        taken = []
        for _ in range(20):
            start = time.perf_counter()
            someone.get("/state")
            taken.append(time.perf_counter() - start)
    assert min(taken) < 0.03  # TCP holds back the second packet of each by 0.04


@pytest.mark.skipif(sys.platform != "linux", reason="reads /proc")
def test_only_loopback_unless_told_otherwise(tmp_path):
    with Served(tiny_study(tmp_path)) as served:
        for line in Path("/proc/net/tcp").read_text().splitlines()[1:]:
            local, state = line.split()[1], line.split()[3]
            if state == "0A" and int(local.split(":")[1], 16) == served.port:
                assert local.split(":")[0] == "0100007F"  # 127.0.0.1
                return
        pytest.fail("not found among the listening sockets")


def test_port_in_use_is_named(tmp_path, here):
    study = tiny_study(tmp_path)
    with socket.create_server(("127.0.0.1", 0)) as taken:
        port = taken.getsockname()[1]
        code, _, err = here("study", "serve", "--study", study.folder, "--port", port)
    assert code == 2
    assert f"--port {port}: cannot be listened on: Address already in use" in err
    code, _, err = here("study", "serve", "--study", study.folder, "--host", "192.0.2.1")
    assert code == 2
    assert "--host 192.0.2.1" in err
