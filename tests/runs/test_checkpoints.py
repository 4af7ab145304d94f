import keras
import numpy as np
import pytest
import tensorflow as tf

from pix2pix_tf.methods.method import network_variables
from pix2pix_tf.runs.checkpoints import Checkpoints, restore_networks
from pix2pix_tf.utils.errors import UserError


def network(units=3):
    inputs = keras.Input((2,))
    return keras.Model(inputs, keras.layers.Dense(units, name="dense")(inputs))


def checkpoints(folder, model, keep=2):
    return Checkpoints(folder, {"generator": network_variables(model)}, ["generator"], keep)


def test_saves_restores_and_keeps_the_newest(tmp_path):
    model = network()
    saved = checkpoints(tmp_path, model)
    for step in (1, 2, 3):
        saved.step.assign(step)
        saved.save()
    names = sorted(path.name for path in tmp_path.glob("*.index"))
    assert names == ["step-2.index", "step-3.index"]
    other = network()
    assert checkpoints(tmp_path, other).restore() == 3
    assert np.array_equal(other.get_weights()[0], model.get_weights()[0])


def test_nothing_to_restore_starts_at_0(tmp_path):
    assert checkpoints(tmp_path, network()).restore() == 0


def test_the_same_step_is_saved_once(tmp_path):
    saved = checkpoints(tmp_path, network())
    saved.step.assign(5)
    saved.save()
    before = (tmp_path / "step-5.index").stat().st_mtime_ns
    saved.save()
    assert (tmp_path / "step-5.index").stat().st_mtime_ns == before


def test_best_is_kept_apart_from_the_newest(tmp_path):
    model = network()
    saved = checkpoints(tmp_path, model, keep=1)
    for step, l1, best in ((1, 0.5, True), (2, 0.2, True), (3, 0.3, False)):
        saved.step.assign(step)
        assert saved.save_best(l1) is best
        saved.save()
    assert restore_networks({"generator": network()}, tmp_path, "best") == 2
    assert restore_networks({"generator": network()}, tmp_path, "newest") == 3
    again = checkpoints(tmp_path, network())
    again.restore()
    assert float(again.best_l1) == pytest.approx(0.2)
    assert again.save_best(0.25) is False


def test_variables_stand_under_their_own_names(tmp_path):
    saved = checkpoints(tmp_path, network())
    saved.save()
    names = [name for name, _ in tf.train.list_variables(str(tmp_path / "step-0"))]
    assert "generator/dense.Skernel/.ATTRIBUTES/VARIABLE_VALUE" in names


def test_run_directory_can_be_moved(tmp_path):
    (tmp_path / "old").mkdir()
    saved = checkpoints(tmp_path / "old", network())
    saved.step.assign(4)
    saved.save()
    (tmp_path / "old").rename(tmp_path / "new")
    assert checkpoints(tmp_path / "new", network()).restore() == 4


def test_other_networks_are_refused(tmp_path):
    checkpoints(tmp_path, network(3)).save()
    with pytest.raises(UserError, match="is of other networks"):
        checkpoints(tmp_path, network(4)).restore()


def test_folder_that_cannot_be_written(tmp_path):
    (tmp_path / "file").write_text("")
    with pytest.raises((UserError, OSError)):
        checkpoints(tmp_path / "file" / "checkpoints", network()).save()
