import os
import socket
import threading

import pytest

from pix2pix_tf.training.distributed import peer_monitor as watch_module
from pix2pix_tf.training.distributed.cluster import Task
from pix2pix_tf.training.distributed.peer_monitor import PeerMonitor
from pix2pix_tf.utils.errors import WorkerLostError


@pytest.fixture(autouse=True)
def quick(monkeypatch):
    for name, seconds in {
        "INTERVAL": 0.05,
        "SILENCE": 1.0,
        "_ANSWER_TIMEOUT": 0.2,
        "GRACE": 0.2,
    }.items():
        monkeypatch.setattr(watch_module, name, seconds)


@pytest.fixture
def peers():
    """Two that listen."""
    sockets = [socket.create_server(("127.0.0.1", 0)) for _ in range(2)]
    yield [
        (each, Task("worker", index, f"127.0.0.1:{each.getsockname()[1]}"))
        for index, each in enumerate(sockets)
    ]
    for each in sockets:
        each.close()


def test_the_one_that_no_longer_listens_is_named(peers):
    monitor = PeerMonitor([task for _, task in peers], lambda: "start again")
    monitor.start()
    (_, stays), (leaves, gone) = peers
    leaves.close()
    lost = monitor.finding(RuntimeError("Socket closed"))
    assert isinstance(lost, WorkerLostError)
    assert str(lost) == f"{gone} is gone: start again"
    assert str(stays) not in str(lost)


def test_who_leaves_because_of_it_is_not_named(peers):
    monitor = PeerMonitor([task for _, task in peers], lambda: "start again")
    (second, _), (first, gone) = peers
    first.close()
    monitor.start()
    threading.Timer(0.3, second.close).start()
    assert str(monitor.finding(RuntimeError())) == f"{gone} is gone: start again"


def test_the_one_tensorflow_names_is_named_where_all_answer(peers):
    monitor = PeerMonitor([task for _, task in peers], lambda: "start again")
    monitor.start()
    error = RuntimeError("/job:worker/replica:0/task:1 stopped sending heartbeats")
    assert str(monitor.finding(error)) == f"{peers[1][1]} is gone: start again"


def test_tensorflows_words_where_nobody_can_be_named(peers):
    monitor = PeerMonitor([task for _, task in peers], lambda: "start again")
    monitor.start()
    words = str(monitor.finding(RuntimeError("Network is odd\nand more")))
    assert words == "the workers lost each other, though all answer (Network is odd): start again"


def test_training_that_hangs_is_ended(peers, monkeypatch, capfd):
    ended, status = threading.Event(), []
    monkeypatch.setattr(os, "_exit", lambda code: (status.append(code), ended.set()))
    monitor = PeerMonitor([task for _, task in peers], lambda: "start again")
    monitor.start()
    peers[0][0].close()
    assert ended.wait(10)
    assert status == [75]
    assert capfd.readouterr().err == f"pix2pix-tf: {peers[0][1]} is gone: start again\n"


def test_nothing_is_found_after_its_stop(peers, monkeypatch):
    monkeypatch.setattr(os, "_exit", lambda code: pytest.fail("ended"))
    monitor = PeerMonitor([task for _, task in peers], lambda: "start again")
    monitor.start()
    monitor.stop()
    for each, _ in peers:
        each.close()
    monitor._thread.join(5)
    assert not monitor._thread.is_alive()
    assert not monitor._lost
