"""kinds*.pth are by tools/torch_peer/make_golden.py, all others are made here by hand."""

import io
import os
import pickle
import random
import resource
import struct
import sys
import types
import zipfile
from collections import OrderedDict
from contextlib import suppress
from pathlib import Path

import numpy as np
import pytest

from pix2pix_tf.utils.errors import UserError
from pix2pix_tf.utils.torch_file import read_state_dict

GOLDEN = Path(
    os.environ.get("PIX2PIX_TF_GOLDEN", Path(__file__).parents[1] / "importing" / "golden")
)
NUMBERS = np.arange(6, dtype="<f4")
LEGACY_HEAD = [0x1950A86A20F9469CFC6C, 1001, {"little_endian": True}]


class Storage:
    """Pickled as PyTorch pickles one: by reference."""

    def __init__(self, key="0", size=6, kind="FloatStorage", view=()):
        self.key, self.size, self.kind, self.view = key, size, kind, view

    def __repr__(self):  # in the names of tests, which must be the same in every process
        return f"Storage({self.key}, {self.size})"


class Called:
    """Pickled as a call of `function`."""

    def __init__(self, function, *arguments):
        self.call = function, arguments

    def __reduce__(self):
        return self.call


@pytest.fixture
def torch(monkeypatch):
    """Names of PyTorch that a pickle can be written with."""
    modules = {name: types.ModuleType(name) for name in ("torch", "torch._utils", "torch.nn")}
    for module, name in (
        ("torch._utils", "_rebuild_tensor"),
        ("torch._utils", "_rebuild_tensor_v2"),
        ("torch._utils", "_rebuild_parameter"),
        ("torch", "FloatStorage"),
        ("torch.nn", "Linear"),
    ):
        made = type(name, (), {"__module__": module})
        setattr(modules[module], name, made)
    for name, module in modules.items():
        monkeypatch.setitem(sys.modules, name, module)
    return modules["torch._utils"], modules["torch"], modules["torch.nn"]


def pickled(content, protocol=2):
    class Pickler(pickle.Pickler):
        def persistent_id(self, value):
            if not isinstance(value, Storage):
                return None
            kind = getattr(sys.modules["torch"], value.kind)
            return ("storage", kind, value.key, "cpu", value.size, *value.view)

    file = io.BytesIO()
    Pickler(file, protocol).dump(content)
    return file.getvalue()


def write_zip(path, description, compression=zipfile.ZIP_STORED, data=NUMBERS, order=b"little"):
    with zipfile.ZipFile(path, "w", compression) as archive:
        archive.writestr("x/data.pkl", description)
        archive.writestr("x/byteorder", order)
        archive.writestr("x/data/0", data.tobytes())
    return path


def write_legacy(path, description, count=6, data=NUMBERS, keys=("0",)):
    parts = [*map(pickled, LEGACY_HEAD), description, pickled(list(keys))]
    path.write_bytes(b"".join(parts) + struct.pack("<q", count) + data.tobytes())
    return path


WRITERS = [write_zip, write_legacy]


def tensor(torch, offset=0, shape=(2, 3), strides=(3, 1), storage=None):
    return Called(
        torch[0]._rebuild_tensor_v2,
        storage or Storage(),
        offset,
        shape,
        strides,
        False,
        OrderedDict(),
    )


@pytest.mark.parametrize("name", ["kinds", "kinds_legacy"])
def test_every_type_and_layout_is_read_from_under_the_prefix(name):
    state = read_state_dict(GOLDEN / f"{name}.pth")
    base = np.arange(24, dtype=np.float32).reshape(2, 3, 4)
    np.testing.assert_array_equal(state.pop("base"), base)
    np.testing.assert_array_equal(state.pop("turned"), base.transpose(2, 0, 1))
    np.testing.assert_array_equal(state.pop("part"), base[1, 1:, ::2])
    np.testing.assert_array_equal(state.pop("parameter"), base.ravel()[:6].reshape(2, 3))
    scalar = state.pop("scalar")
    assert (scalar, scalar.shape, scalar.dtype) == (7, (), np.int64)
    kinds = ["float64", "float16", "bfloat16", "int32", "int16", "int8", "uint8", "bool"]
    assert list(state) == kinds
    for kind in kinds:
        assert state[kind].dtype == np.dtype("float32" if kind == "bfloat16" else kind)
        np.testing.assert_array_equal(state[kind], np.arange(5).astype(state[kind].dtype))


@pytest.mark.parametrize("write", WRITERS)
def test_tensors_of_older_pytorch_and_of_compiled_networks(write, torch, tmp_path):
    old = Called(torch[0]._rebuild_tensor, Storage(), 3, (3,), (1,))
    state = OrderedDict({"_orig_mod.weight": old})
    read = read_state_dict(write(tmp_path / "net.pth", pickled(state)))
    assert list(read) == ["weight"]
    assert read["weight"].tolist() == [3, 4, 5]


def test_a_legacy_storage_that_is_a_view_of_another(torch, tmp_path):
    view = Storage(view=(("1", 2, 4),))  # the numbers 2 to 5
    state = {"w": tensor(torch, 1, (3,), (1,), view)}
    path = write_legacy(tmp_path / "net.pth", pickled(state))
    assert read_state_dict(path)["w"].tolist() == [3, 4, 5]


def test_the_other_order_of_bytes(torch, tmp_path):
    big = NUMBERS.astype(">f4")
    path = write_zip(tmp_path / "net.pth", pickled({"w": tensor(torch)}), data=big, order=b"big")
    assert read_state_dict(path)["w"].tolist() == [[0, 1, 2], [3, 4, 5]]


@pytest.mark.parametrize("write", WRITERS)
@pytest.mark.parametrize("protocol", [1, 2, 4])
def test_a_pickle_that_calls_something_is_refused_before_the_call(write, protocol, torch, tmp_path):
    canary = tmp_path / "called"
    for function, arguments, named in (
        (os.system, (f"touch {canary}",), "posix.system"),
        (eval, (f"open({str(canary)!r}, 'w')",), "builtins.eval"),
        (getattr, ("", "format"), "builtins.getattr"),
        (torch[2].Linear, (), "torch.nn.Linear"),
    ):
        state = {"weight": tensor(torch), "more": Called(function, *arguments)}
        path = write(tmp_path / "net.pth", pickled(state, protocol))
        with pytest.raises(UserError, match=f"net.pth: names .*{named.split('.')[-1]}, which"):
            read_state_dict(path)
    assert not canary.exists()


@pytest.mark.parametrize("write", WRITERS)
@pytest.mark.parametrize(
    "words",
    [
        {"offset": 1},
        {"offset": -1},
        {"shape": (3, 3)},
        {"shape": (2**40, 2**40), "strides": (0, 0)},
        {"shape": (10**9,), "strides": (0,)},
        {"shape": (2,), "strides": (-1,)},
        {"shape": (2,)},
        {"shape": (0,), "strides": (1,)},
        {"shape": "ab"},
        {"shape": (1.0, 2.0)},
        {"storage": Storage(size=2**40)},
        {"storage": Storage(key="7")},
        {"storage": 3},
    ],
    ids=str,
)
def test_a_tensor_that_cannot_lie_in_its_storage_is_refused(write, words, torch, tmp_path):
    path = write(tmp_path / "net.pth", pickled({"weight": tensor(torch, **words)}))
    with pytest.raises(UserError, match=r"net.pth: (is damaged|has tensors that)"):
        read_state_dict(path)


def test_the_tensor_that_cannot_lie_in_its_storage_is_named(torch, tmp_path):
    path = write_zip(tmp_path / "net.pth", pickled({"weight": tensor(torch, offset=1)}))
    with pytest.raises(UserError, match="is damaged: tensor weight cannot lie in its storage"):
        read_state_dict(path)


@pytest.mark.parametrize("write", WRITERS)
def test_what_asks_for_memory_gets_none(write, torch, tmp_path):
    ones = {f"w{i}": tensor(torch, 0, (6,), (0,)) for i in range(9)}
    too_many = pickled({"weight": tensor(torch), **ones})
    memo = b"\x80\x02}r\xff\xff\xff\x7f."  # a place of its own for the object number 2**31 - 1
    text = b"\x80\x02X\xff\xff\xff\x7fabc."
    before = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
    for description in (too_many, memo, text):
        with pytest.raises(UserError, match=r"net.pth: (is damaged|has tensors that)"):
            read_state_dict(write(tmp_path / "net.pth", description))
    assert resource.getrusage(resource.RUSAGE_SELF).ru_maxrss - before < 2**16  # KiB


def test_a_legacy_storage_longer_than_the_file_is_refused(torch, tmp_path):
    description = pickled({"weight": tensor(torch)})
    for count in (7, 2**40, -1, 2**62):
        path = write_legacy(tmp_path / "net.pth", description, count)
        with pytest.raises(UserError, match="is damaged or truncated: has 0 of 1 storages"):
            read_state_dict(path)
    path = write_legacy(tmp_path / "net.pth", description, keys=("other",))
    with pytest.raises(UserError, match="is damaged or truncated"):
        read_state_dict(path)


def test_a_compressed_archive_is_refused(torch, tmp_path):
    path = write_zip(
        tmp_path / "net.pth",
        pickled({"weight": tensor(torch)}),
        zipfile.ZIP_DEFLATED,
        np.zeros(10**6, "f4"),
    )
    with pytest.raises(UserError, match="compressed"):
        read_state_dict(path)


@pytest.mark.parametrize("write", WRITERS)
@pytest.mark.parametrize(
    "content", [{}, [], 3, {"epoch": 3}, {1: 2}, {"state_dict": {"a": 1}}], ids=str
)
def test_a_file_without_a_state_dict_is_refused(write, content, torch, tmp_path):
    with pytest.raises(UserError, match=r"expected torch.save\(network.state_dict\(\), FILE\)"):
        read_state_dict(write(tmp_path / "net.pth", pickled(content)))


@pytest.mark.parametrize("data", [b"", b"<!DOCTYPE html>", b"version https://git-lfs", b"PK"])
def test_other_files_are_refused(data, tmp_path):
    path = tmp_path / "net.pth"
    path.write_bytes(data)
    with pytest.raises(UserError, match=r"net.pth: is (empty|not a file from|damaged)"):
        read_state_dict(path)


def test_other_archives_folders_and_nothing_at_all(tmp_path):
    with zipfile.ZipFile(tmp_path / "a.zip", "w") as archive:
        archive.writestr("readme", "")
    with pytest.raises(UserError, match=r"is a zip archive, but not one from torch.save\(\)"):
        read_state_dict(tmp_path / "a.zip")
    with pytest.raises(UserError, match="cannot be read: Is a directory"):
        read_state_dict(tmp_path)
    with pytest.raises(UserError, match="cannot be read: No such file"):
        read_state_dict(tmp_path / "none.pth")


@pytest.mark.parametrize("name", ["kinds", "kinds_legacy"])
def test_damage_anywhere_is_a_sentence_or_harmless(name, tmp_path):
    whole, path = (GOLDEN / f"{name}.pth").read_bytes(), tmp_path / "net.pth"
    randomly = random.Random(0)
    for end in range(0, len(whole), 97):
        path.write_bytes(whole[:end])
        with pytest.raises(UserError, match=r"net.pth: "):
            read_state_dict(path)
    for _ in range(300):
        damaged = bytearray(whole)
        for _ in range(randomly.choice([1, 3])):
            damaged[randomly.randrange(len(whole))] = randomly.randrange(256)
        path.write_bytes(damaged)
        with suppress(UserError):
            read_state_dict(path)


def test_descriptions_larger_than_any_networks_are_refused(torch, tmp_path):
    path = write_zip(tmp_path / "net.pth", bytes(16 * 2**20 + 1))
    with pytest.raises(UserError, match=r"net.pth: has a data.pkl far too large for weights"):
        read_state_dict(path)


@pytest.mark.parametrize("write", WRITERS)
def test_dictionaries_within_dictionaries_end_somewhere(write, torch, tmp_path):
    state = {"weight": tensor(torch)}
    for _ in range(20):
        state = {"a": state}
    with pytest.raises(UserError, match="has dictionaries within dictionaries, far more than"):
        read_state_dict(write(tmp_path / "net.pth", pickled(state)))


@pytest.mark.parametrize("keys", [(0,), (None,)])
def test_legacy_files_list_their_storages(keys, torch, tmp_path):
    path = write_legacy(tmp_path / "net.pth", pickled({"weight": tensor(torch)}), keys=keys)
    with pytest.raises(UserError, match="is damaged: does not list its storages"):
        read_state_dict(path)
