import json
import re
import shutil
import socket

import numpy as np
import pytest
import tensorflow as tf
from rich.console import Console

from pix2pix_tf.config.schema import load_config
from pix2pix_tf.runs.run import Run
from pix2pix_tf.training.distributed.cluster import Task, cluster_strategy, find_cluster
from pix2pix_tf.training.loop import train
from pix2pix_tf.utils.errors import UserError
from tests.conftest import write_pairs
from tests.training.distributed.workers import CLUSTER, Workers


def tf_config(cluster, kind="worker", index=0):
    return {"TF_CONFIG": json.dumps({"cluster": cluster, "task": {"type": kind, "index": index}})}


def test_no_cluster_is_none():
    assert find_cluster({}) is None
    assert find_cluster({"TF_CONFIG": ""}) is None
    assert find_cluster({"TF_CONFIG": "{}"}) is None
    assert find_cluster(tf_config({"worker": ["a:1"]})) is None
    assert find_cluster({"SLURM_STEP_NUM_TASKS": "1", "SLURM_PROCID": "0"}) is None


def test_worker_0_is_the_chief_unless_there_is_one():
    found = find_cluster(tf_config({"worker": ["a:1", "b:2", "c:3"]}, index=2))
    assert (str(found.me), str(found.chief)) == ("worker 2 (c:3)", "worker 0 (a:1)")
    assert [task.address for task in found.peers] == ["a:1", "b:2"]
    led = find_cluster(tf_config({"worker": ["b:2", "c:3"], "chief": ["a:1"]}, index=0))
    assert (led.rank, str(led.chief)) == (1, "chief 0 (a:1)")


def test_index_may_be_text_and_hosts_may_be_ipv6():
    found = find_cluster(tf_config({"worker": ["[::1]:70", "b:2"]}, index="0"))
    assert found.me.host_and_port == ("::1", 70)


@pytest.mark.parametrize(
    ("text", "words"),
    [
        ("{cluster", "is not JSON"),
        ("[]", "has no lists of addresses"),
        ('{"cluster": ["a:1", "b:2"]}', "has no lists of addresses"),
        ('{"cluster": {"worker": "a:1"}}', "has no lists of addresses"),
        ('{"cluster": {"chief": ["a:1"]}}', "has no worker"),
        ('{"cluster": {"worker": ["a:1", "b"]}}', "has the address 'b' where host:port"),
        ('{"cluster": {"worker": ["a:1", 5]}}', "has the address 5 where host:port"),
        ('{"cluster": {"worker": ["a:1", "a:1"]}}', "gives a:1 to several tasks"),
        ('{"cluster": {"worker": ["a:1"], "chief": ["b:1", "c:1"]}}', "has 2 chiefs"),
        ('{"cluster": {"worker": ["a:1", "b:1"], "ps": ["c:1"]}}', "tasks of kind ps"),
        ('{"cluster": {"worker": ["a:1"], "evaluator": ["c:1"]}}', "tasks of kind evaluator"),
        ('{"cluster": {"worker": ["a:1", "b:2"]}}', "has no task None None"),
    ],
)
def test_unusable_tf_config_is_one_sentence(text, words):
    with pytest.raises(UserError, match="TF_CONFIG: ") as error:
        find_cluster({"TF_CONFIG": text})
    assert words in str(error.value)
    assert "\n" not in str(error.value)


def test_task_that_is_not_in_the_cluster_is_named():
    with pytest.raises(UserError, match=r"no task worker 2.*there are worker 0 \(a:1\), worker 1"):
        find_cluster(tf_config({"worker": ["a:1", "b:2"]}, index=2))


def test_port_of_another_program_is_refused():
    with socket.socket() as other:
        other.bind(("", 0))
        other.listen()
        port = other.getsockname()[1]
        found = find_cluster(tf_config({"worker": [f"127.0.0.1:{port}", "b:2"]}))
        with pytest.raises(UserError, match=rf"port {port} of this machine .*another program"):
            cluster_strategy(found)


SLURM = {
    "SLURM_JOB_ID": "20001",
    "SLURM_STEP_NUM_TASKS": "3",
    "SLURM_STEP_NODELIST": "n[9-10]",
    "SLURM_STEP_TASKS_PER_NODE": "1,2",
    "SLURM_PROCID": "0",
}


def test_slurm_step_is_a_cluster_of_its_tasks(monkeypatch):
    for name, value in SLURM.items():
        monkeypatch.setenv(name, value)  # where TensorFlow's resolver looks
    ranks = [("n9", 0), ("n10", 0), ("n10", 1)]
    found = [
        find_cluster({**SLURM, "SLURMD_NODENAME": node, "SLURM_LOCALID": str(local)})
        for node, local in ranks
    ]
    assert [each.me.address for each in found] == ["n9:12001", "n10:12001", "n10:12002"]
    assert len({each.tasks for each in found}) == 1
    assert sorted(each.rank for each in found) == [0, 1, 2]


def test_slurm_that_does_not_say_which_task_this_is():
    with pytest.raises(UserError, match="one of 3 tasks of a Slurm step, but which"):
        find_cluster({"SLURM_STEP_NUM_TASKS": "3"})


def test_task_is_named_with_its_address():
    assert str(Task("worker", 1, "host:5")) == "worker 1 (host:5)"


def train_alone(run, steps):
    settings = {**CLUSTER, "training.steps": steps}
    train(load_config("sample", settings), run, console=Console(quiet=True))
    return state(run)


def state(run):
    """Everything in the newest checkpoint, by name."""
    reader = tf.train.load_checkpoint(tf.train.latest_checkpoint(str(run / "checkpoints")))
    names = reader.get_variable_to_shape_map().keys() - {"_CHECKPOINTABLE_OBJECT_GRAPH"}
    return {name: reader.get_tensor(name) for name in names if "save_counter" not in name}


def squared_gradients(checkpoint, name):
    """Adam's running mean of the squared gradients of a weight."""
    network, weight = name.split("/", 1)
    return checkpoint[
        f"{network}_optimizer/adam.S{weight.replace('.S', '_', 1)}".replace(
            "/.ATTRIBUTES", "_velocity/.ATTRIBUTES"
        )
    ]


def assert_equal_weights(one, other):
    """Weights are equal but for rounding, wherever a gradient is more than rounding itself.

    Adam divides each gradient by its own size. One that is 0 but for rounding, 10^-9 among others
    of 10^-2, becomes a whole step of the learning rate, whose direction the order of a sum decides.
    """
    assert one.keys() == other.keys()
    compared = weights = 0
    for name, value in one.items():
        if name.startswith(("generator/", "discriminator/")):
            squares = squared_gradients(one, name), squared_gradients(other, name)
            sure = (np.minimum(*squares) > 1e-6**2) | (np.maximum(*squares) == 0)
            found, expected = value[sure], other[name][sure]
            np.testing.assert_allclose(found, expected, rtol=0, atol=1e-5, err_msg=name)
            compared, weights = compared + sure.sum(), weights + sure.size
    assert compared > 0.98 * weights


def assert_identical(one, other):
    assert one.keys() == other.keys()
    for name, value in one.items():
        assert np.array_equal(value, other[name]), name


@pytest.mark.cluster
def test_preempted_and_resumed_two_workers_train_like_one_process(tmp_path):
    run = tmp_path / "run"
    with Workers(2, run, training__steps=20, logging__checkpoint_every=4) as workers:
        workers.wait_for_checkpoint(4)
        workers.send(1, "SIGHUP")  # as SIGTERM
        ends = workers.ends()
    assert [status for status, _ in ends] == [129, 129], ends
    words = [re.search(r"stopped at step (\d+) by SIGHUP; saved: the same", out) for _, out in ends]
    stop = workers.newest()
    assert [int(match[1]) for match in words] == [stop, stop]
    assert 4 < stop < 20
    assert sorted(file.name for file in run.iterdir()) == [
        ".lock",
        ".metrics.lock",
        "checkpoints",
        "config.yaml",
        "metrics.json",
        "pairs.json",
        "samples",
        "versions.json",
    ]

    with Workers(2, run, training__steps=20, logging__checkpoint_every=4) as workers:
        (status, chief), (other_status, other) = workers.ends()
    assert (status, other_status) == (0, 0), (chief, other)
    assert f"resuming at step {stop} of 20 steps, batch 6 on 2 workers with 1 " in chief
    assert other.splitlines() == [
        f"worker 1 ({workers.addresses[1]}) of 2: waiting for the others",
        f"worker 1 ({workers.addresses[1]}): resuming at step {stop} of 20 steps with 3 of every "
        f"batch of 6; worker 0 ({workers.addresses[0]}) writes {run} and reports",
    ]
    assert_equal_weights(state(run), train_alone(tmp_path / "alone", 20))


@pytest.mark.cluster
@pytest.mark.parametrize("count", [2, 3])
def test_workers_end_with_the_weights_of_one_process(tmp_path, count):
    with Workers(count, tmp_path / "run", training__steps=20) as workers:
        ends = workers.ends()
    assert [status for status, _ in ends] == [0] * count, ends
    assert_equal_weights(state(tmp_path / "run"), train_alone(tmp_path / "alone", 20))


@pytest.mark.cluster
@pytest.mark.parametrize("killed", [0, 1])
def test_killed_worker_is_named_and_all_resume_exactly(tmp_path, killed):
    run = tmp_path / "run"
    with Workers(3, run, training__steps=1_000_000, logging__checkpoint_every=3) as workers:
        workers.wait_for_checkpoint(6)
        workers.send(killed, "SIGKILL")
        ends = workers.ends(within=60)
    saved = workers.newest()
    for index, (status, output) in enumerate(ends):
        if index != killed:
            assert status == 75, output
            assert (
                f"pix2pix-tf: worker {killed} ({workers.addresses[killed]}) is gone: start the "
                f"same command again on every worker; it resumes from {run}/checkpoints/step-"
                f"{saved}\n" in output
            )
            assert "Traceback" not in output
    for folder, steps in ((run, saved + 5), (tmp_path / "never_killed", saved + 5)):
        with Workers(3, folder, training__steps=steps, logging__checkpoint_every=3) as workers:
            ends = workers.ends()
        assert [status for status, _ in ends] == [0, 0, 0], ends
    assert_identical(state(run), state(tmp_path / "never_killed"))


@pytest.mark.cluster
def test_bad_image_of_one_worker_ends_the_others_too(tmp_path):
    roots = [write_pairs(tmp_path / name, train=6, val=2) for name in ("whole", "damaged")]
    for file in (roots[1] / "train").iterdir():
        file.write_bytes(file.read_bytes()[:-40])
    settings = {index: {"data.root": root} for index, root in enumerate(roots)}
    common = {"data__dataset": "facades", "training__steps": 1_000_000}
    with Workers(2, tmp_path / "run", settings, **common) as workers:
        (status, chief), (others_status, other) = workers.ends()
    assert others_status == 2, other
    assert re.search(r"pix2pix-tf: .*: 6 of 8 pairs cannot be used:\n.*png is damaged", other), (
        other
    )
    assert status == 75, chief
    assert f"worker 1 ({workers.addresses[1]}) is gone: " in chief


@pytest.mark.slow("starts processes")
def test_another_config_on_a_worker_is_refused_by_all(tmp_path):
    given = {1: {"training.learning_rate": 1e-3}}
    with Workers(2, tmp_path / "run", given, training__steps=3) as workers:
        ends = workers.ends()
    for status, output in ends:
        assert status == 2, output
        assert f"worker 1 ({workers.addresses[1]}) was started with another " in output
        assert "training.learning_rate than worker 0" in output
    assert not (tmp_path / "run").exists()


@pytest.mark.cluster
def test_worker_that_does_not_see_the_run_is_named(tmp_path):
    whole, chiefs, others = (tmp_path / name for name in ("whole", "chiefs", "others"))
    train_alone(whole, 2)
    shutil.copytree(whole, chiefs)
    shutil.copytree(whole, others)
    shutil.rmtree(others / "checkpoints")
    Run(others).save_config(load_config("sample", {**CLUSTER, "training.steps": 4}))
    with Workers(2, chiefs, runs={1: others}, training__steps=4) as workers:
        ends = workers.ends()
    for status, output in ends:
        assert status == 2, output
        assert f"worker 1 ({workers.addresses[1]}) found the checkpoint of step 0 in" in output
        assert "that of step 2" in output
        assert "all workers share" in output
    with Workers(2, chiefs, runs={1: tmp_path / "none"}, training__steps=4) as workers:
        ends = workers.ends()
    for status, output in ends:
        assert status == 2, output
        assert f"worker 1 ({workers.addresses[1]}) does not see in" in output
