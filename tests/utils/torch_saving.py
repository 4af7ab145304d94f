"""Files as `torch.save` writes them, without PyTorch: any nesting of records around arrays."""

import io
import pickle
import sys
import types
import zipfile
from collections import OrderedDict
from unittest import mock

import numpy as np

_KINDS = {"f4": "FloatStorage", "i8": "LongStorage"}


class _Call:
    def __init__(self, function, *arguments):
        self.call = function, arguments

    def __reduce__(self):
        return self.call


class _Storage:
    def __init__(self, key, array):
        self.key, self.array = key, array


def save(path, content):
    """Writes `content`, whose NumPy arrays (float32, int64) become tensors."""
    torch, utils = types.ModuleType("torch"), types.ModuleType("torch._utils")
    for module, name in ((torch, "FloatStorage"), (torch, "LongStorage"), (torch, "Size")):
        setattr(module, name, type(name, (tuple,), {"__module__": "torch"}))
    utils._rebuild_tensor_v2 = type("_rebuild_tensor_v2", (), {"__module__": "torch._utils"})
    storages = []

    def described(value):
        if isinstance(value, np.ndarray):
            storages.append(np.array(value, order="C"))
            strides = tuple(step // value.itemsize for step in storages[-1].strides)
            storage = _Storage(str(len(storages) - 1), storages[-1])
            return _Call(
                utils._rebuild_tensor_v2, storage, 0, value.shape, strides, False, OrderedDict()
            )
        if type(value) in (dict, OrderedDict):
            return type(value)((key, described(each)) for key, each in value.items())
        if isinstance(value, list):
            return [described(each) for each in value]
        return value

    class Pickler(pickle.Pickler):
        def persistent_id(self, value):
            if not isinstance(value, _Storage):
                return None
            kind = getattr(torch, _KINDS[value.array.dtype.str[1:]])
            return ("storage", kind, value.key, "cpu", value.array.size)

    file = io.BytesIO()
    with mock.patch.dict(sys.modules, {"torch": torch, "torch._utils": utils}):
        Pickler(file, 2).dump(described(content))
    with zipfile.ZipFile(path, "w") as archive:
        archive.writestr("net/data.pkl", file.getvalue())
        archive.writestr("net/byteorder", b"little")
        for number, array in enumerate(storages):
            archive.writestr(f"net/data/{number}", array.tobytes())
    return path
