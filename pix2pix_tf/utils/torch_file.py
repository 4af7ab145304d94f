"""What `torch.save(network.state_dict(), FILE)` wrote, read without PyTorch.

A .pth file is a pickle beside raw numbers, and a pickle can name any function of the system to be
called. Here it can name those of a checkpoint and nothing else: dictionaries, tensors, and
storages, of which it gets only descriptions; of plain records that programs keep beside them
(options, sizes, devices) it gets empty stand-ins. The numbers are read afterwards, once every size
has been compared with what the file holds, so that a file cannot make us allocate much more than
its own size.

Two formats:
    zip     PyTorch 1.6 and later: `NAME/data.pkl`, `NAME/data/KEY` for each storage, and
            `NAME/byteorder`
    legacy  a magic number, a version, a description of the machine, the state dict and the list of
            storages, each a pickle; then of each storage its length and its numbers
"""

from __future__ import annotations

import io
import math
import pickle
import pickletools
import struct
import zipfile
from pathlib import Path
from typing import IO, Any, Literal, NamedTuple

import numpy as np

from pix2pix_tf.utils.errors import UserError

_LEGACY_MAGIC, _LEGACY_VERSION = 0x1950A86A20F9469CFC6C, 1001
_PICKLE_BYTES = 16 * 2**20  # of descriptions; a network's are some kilobytes
_SHARED = 4  # how often tensors may use a number of the file, on average

# Of each kind of storage; bfloat16, which NumPy lacks, is the upper half of a float32.
_STORAGES = {
    "DoubleStorage": "f8",
    "FloatStorage": "f4",
    "HalfStorage": "f2",
    "BFloat16Storage": "u2",
    "LongStorage": "i8",
    "IntStorage": "i4",
    "ShortStorage": "i2",
    "CharStorage": "i1",
    "ByteStorage": "u1",
    "BoolStorage": "?",
}
_BFLOAT16 = "BFloat16Storage"

# Modules that wrap a network and put their attribute's name before those of its weights: parallel
# and compiled ones, and those that checkpoint activations.
_WRAPPERS = {
    *("module", "_orig_mod", "_forward_module"),
    *("_fsdp_wrapped_module", "_checkpoint_wrapped_module"),
}

_DEPTH = 16  # of dictionaries within dictionaries

# What reading a damaged pickle can raise: whatever the operations on its stack do.
_PICKLE_ERRORS = (
    pickle.UnpicklingError,
    ArithmeticError,
    AssertionError,
    AttributeError,
    EOFError,
    LookupError,
    MemoryError,
    RecursionError,
    TypeError,
    ValueError,
)

# What reading a damaged archive can raise; OSError: it points outside itself.
_ZIP_ERRORS = (
    zipfile.BadZipFile,
    struct.error,
    EOFError,
    NotImplementedError,
    OSError,
    OverflowError,
    ValueError,
)


def read_state_dict(path: str | Path) -> dict[str, np.ndarray]:
    """Reads the tensors of a PyTorch file that holds one state dict, by name.

    See `read_state_dicts`.

    Raises:
        UserError: Likewise, or the file holds several.
    """
    states = read_state_dicts(path)
    if len(states) > 1:
        raise UserError(f"{path}: holds several state dicts, {', '.join(states)}; expected one")
    return next(iter(states.values()))


def read_state_dicts(path: str | Path) -> dict[str, dict[str, np.ndarray]]:
    """Reads all state dicts of a PyTorch file, with the tensors of each by name.

    A state dict is a dictionary that has tensors; others may lie around it, such as
    `{"epoch": 3, "netG": {...}, "optimizer": {...}}`. What else they hold is passed over, and so
    are the states of optimisers. Names lose what wrapping modules added to them (`module.`,
    `_orig_mod.`, at any place and in any order).

    Args:
        path: A .pth file.

    Returns:
        For each state dict the keys that lead to it, joined by dots ("" for the file itself), and
        its arrays of the stored type, bfloat16 as float32; not to be written to.

    Raises:
        UserError: The file is not there, not of PyTorch, damaged, or holds no tensors by name.
    """
    path = Path(path)
    try:
        with path.open("rb") as file:
            try:
                content = _read_zip(file) if file.read(2) == b"PK" else _read_legacy(file)
                return _arrays(content)
            except _UnusableError as error:
                raise UserError(f"{path}: {error}") from None
    except OSError as error:
        raise UserError(f"{path}: cannot be read: {error.strerror or error}") from None


class _UnusableError(Exception):
    """Why the file cannot be used; the sentence lacks the file's name."""


class _StorageKind(NamedTuple):
    name: str


class _Storage(NamedTuple):
    """What a pickle says of a storage."""

    kind: _StorageKind
    key: str
    size: int  # numbers
    first: int = 0  # of a view in a legacy file: where in the storage it starts


class _Tensor(NamedTuple):
    """What a pickle says of a tensor; nothing of it is checked yet."""

    storage: Any
    offset: Any
    shape: Any
    strides: Any


class _Content(NamedTuple):
    """What a file's pickle describes, and the bytes of its storages by their key."""

    state: Any
    storages: dict[str, bytes]
    byte_order: Literal["<", ">"]


# Stand-ins for what a pickle may name. They have no attributes that a pickle could set.


class _Entries(dict):
    __slots__ = ()

    def __setstate__(self, state: object) -> None:
        """Leaves away `_metadata`, the versions of the modules."""


class _RebuildTensor:
    __slots__ = ()

    def __call__(
        self, storage: Any, offset: Any, shape: Any, strides: Any, *rest: Any
    ) -> _Tensor:  # rest: whether it needs gradients, hooks, metadata
        return _Tensor(storage, offset, shape, strides)


class _RebuildParameter:
    __slots__ = ()

    def __call__(self, tensor: Any, *rest: Any) -> Any:
        return tensor


class _Record:
    """Stands for an object without tensors of its own, such as a program's options."""

    __slots__ = ()

    def __new__(cls, *arguments: Any, **words: Any) -> _Record:
        return super().__new__(cls)

    def __setstate__(self, state: object) -> None:
        """Leaves away what the object holds."""

    def __setitem__(self, key: object, value: object) -> None:
        """Likewise."""


_RECORDS = (
    "argparse Namespace",
    "collections Counter",
    "collections defaultdict",
    "_codecs encode",
    "numpy dtype",
    "numpy.core.multiarray scalar",
    "numpy._core.multiarray scalar",
    "pathlib Path",
    "pathlib PosixPath",
    "pathlib WindowsPath",
    "torch Size",
    "torch device",
    *(
        f"{module} {name}"  # of Python 2, whose names the older pickles have, and of 3
        for module in ("__builtin__", "builtins")
        for name in ("dict", "float", "frozenset", "int", "list", "set", "str")
    ),
    *(f"torch {name}" for name in ("float32", "float16", "bfloat16", "float64", "int64")),
)

_NAMEABLE: dict[str, Any] = {
    "collections OrderedDict": _Entries,
    "torch._utils _rebuild_tensor": _RebuildTensor(),  # before PyTorch 0.4
    "torch._utils _rebuild_tensor_v2": _RebuildTensor(),
    "torch._utils _rebuild_parameter": _RebuildParameter(),
    "torch._utils _rebuild_parameter_with_state": _RebuildParameter(),
    **{f"torch {name}": _StorageKind(name) for name in _STORAGES},
    **dict.fromkeys(_RECORDS, _Record),
}


class _Unpickler(pickle.Unpickler):
    """Makes a state dict of stand-ins, and notes by key how many bytes a storage's numbers take."""

    def __init__(self, file: IO[bytes], widths: dict[str, int]) -> None:
        super().__init__(file, encoding="latin-1")
        self.widths = widths

    def find_class(self, module: str, name: str) -> Any:
        """The stand-in for the one thing that is named; everything else is refused."""
        try:
            return _NAMEABLE[f"{module} {name}"]
        except KeyError:
            raise _UnusableError(
                f"names {module}.{name}, which weights do not need, so it was not opened further; "
                "expected a file from torch.save(network.state_dict(), FILE)"
            ) from None

    def persistent_load(self, identifier: Any) -> _Storage:
        """Describes a storage: ("storage", kind, key, device, size) and, of old, its view."""
        if not isinstance(identifier, tuple) or len(identifier) < 5:
            raise ValueError("storage")
        tag, kind, key, _, size, *rest = identifier
        known = isinstance(kind, _StorageKind) and isinstance(key, str) and _is_size(size)
        if tag != "storage" or not known:
            raise ValueError("storage")
        self.widths[key] = _dtype(kind).itemsize
        if not rest or rest[0] is None:
            return _Storage(kind, key, size)
        _, first, view_size = rest[0]
        if not (_is_size(first) and _is_size(view_size) and first + view_size <= size):
            raise ValueError("view")
        return _Storage(kind, key, view_size, first)


def _unpickle(file: IO[bytes], limit: int, widths: dict[str, int]) -> Any:
    """Reads one pickle from where `file` stands, and leaves it behind the pickle.

    Args:
        file: Where it stands.
        limit: Bytes that it may have.
        widths: Gets the bytes a number takes, by the key of its storage.
    """
    start = file.tell()
    data = io.BytesIO(file.read(limit))
    size = data.getbuffer().nbytes
    try:
        for operation, argument, _ in pickletools.genops(data):
            # The reader makes room for so many things at once, and none takes less than a byte.
            if operation.name in ("PUT", "LONG_BINPUT") and not 0 <= (argument or 0) <= size:
                raise pickle.UnpicklingError("memo")
        end = data.tell()
        data.seek(0)
        content = _Unpickler(data, widths).load()
    except _PICKLE_ERRORS:
        raise _UnusableError(
            "is damaged, or not from torch.save(): its description of the tensors cannot be read"
        ) from None
    file.seek(start + end)
    return content


def _read_zip(file: IO[bytes]) -> _Content:
    try:
        with zipfile.ZipFile(file) as archive:
            members = {member.filename: member for member in archive.infolist()}
            descriptions = [name for name in members if name.endswith("/data.pkl")]
            if len(descriptions) != 1:
                raise _UnusableError("is a zip archive, but not one from torch.save()")
            folder = descriptions[0].removesuffix("data.pkl")
            _check_stored(archive, list(members.values()))
            if members[descriptions[0]].file_size > _PICKLE_BYTES:
                raise _UnusableError("has a data.pkl far too large for weights")
            state = _unpickle(io.BytesIO(archive.read(descriptions[0])), _PICKLE_BYTES, {})
            order = f"{folder}byteorder"
            big = order in members and archive.read(order).strip() == b"big"
            storages = {
                name.removeprefix(f"{folder}data/"): archive.read(name)
                for name in members
                if name.startswith(f"{folder}data/")
            }
    except _ZIP_ERRORS as error:
        raise _UnusableError(f"is damaged or truncated: {error}") from None
    except RuntimeError:  # zipfile's word for a password
        raise _UnusableError("is encrypted") from None
    return _Content(state, storages, ">" if big else "<")


def _check_stored(archive: zipfile.ZipFile, members: list[zipfile.ZipInfo]) -> None:
    """PyTorch does not compress, so members are together no larger than the file."""
    if any(member.compress_type != zipfile.ZIP_STORED for member in members):
        raise _UnusableError("is a compressed zip archive, which torch.save() does not write")
    if sum(member.file_size for member in members) > _length(archive.fp):
        raise _UnusableError("is damaged or truncated: its parts are larger than the whole")


def _read_legacy(file: IO[bytes]) -> _Content:
    length = _length(file)
    if not length:
        raise _UnusableError("is empty")
    file.seek(0)
    if file.read(2) not in (b"\x80\x02", b"\x80\x03", b"\x80\x04", b"\x80\x05"):
        raise _UnusableError("is not a file from torch.save()")
    file.seek(0)
    limit = min(length, _PICKLE_BYTES)
    widths: dict[str, int] = {}
    magic, version = (_unpickle(file, 1024, widths) for _ in range(2))
    if (magic, version) != (_LEGACY_MAGIC, _LEGACY_VERSION):
        raise _UnusableError("is not a file from torch.save()")
    _machine, state, keys = (_unpickle(file, limit, widths) for _ in range(3))
    _state_dicts(state)  # what else it may be is the better thing to hear of
    if not isinstance(keys, list) or not all(isinstance(key, str) for key in keys):
        raise _UnusableError("is damaged: does not list its storages")
    storages: dict[str, bytes] = {}
    for key in keys:
        head = file.read(8)
        count = struct.unpack("<q", head)[0] if len(head) == 8 else -1
        size = count * widths.get(key, 0)
        if not 0 <= size <= length - file.tell() or key not in widths:
            raise _UnusableError(
                f"is damaged or truncated: has {len(storages)} of {len(keys)} storages"
            )
        storages[key] = file.read(size)
    return _Content(state, storages, "<")  # whatever the machine, as PyTorch has it


def _state_dicts(content: Any) -> dict[str, dict[str, _Tensor]]:
    """The tensors by name of every state dict, by the keys that lead to it."""
    found: dict[str, dict[str, _Tensor]] = {}
    seen: set[int] = set()  # a pickle can have one object at many places, or in itself

    def search(node: Any, path: tuple[str, ...]) -> None:
        if not isinstance(node, (dict, list, tuple)) or id(node) in seen:
            return
        seen.add(id(node))
        if not isinstance(node, dict):
            node = dict(enumerate(node))
        if "param_groups" in node:  # the state of an optimiser
            return
        if len(path) > _DEPTH:
            raise _UnusableError("has dictionaries within dictionaries, far more than weights need")
        tensors = {
            name: value
            for name, value in node.items()
            if isinstance(name, str) and isinstance(value, _Tensor)
        }
        if tensors:
            if ".".join(path) in found:
                raise _UnusableError(f"holds {'.'.join(path)} twice")
            found[".".join(path)] = tensors
        for key, value in node.items():
            if isinstance(key, (str, int)):
                search(value, (*path, str(key)))

    search(content, ())
    if not found:
        raise _UnusableError(
            "holds no tensors by name; expected torch.save(network.state_dict(), FILE), or a "
            "dictionary that has such a state dict"
        )
    return found


def _arrays(content: _Content) -> dict[str, dict[str, np.ndarray]]:
    remaining = _SHARED * sum(map(len, content.storages.values()))
    states: dict[str, dict[str, np.ndarray]] = {}
    for key, tensors in _state_dicts(content.state).items():
        arrays = states[key] = {}
        for name, tensor in tensors.items():
            if not _fits(tensor):
                raise _UnusableError(f"is damaged: tensor {name} cannot lie in its storage")
            # Those that share or repeat numbers could together be larger than any memory.
            remaining -= math.prod(tensor.shape) * _dtype(tensor.storage.kind).itemsize
            if remaining < 0:
                raise _UnusableError("has tensors that are together far larger than the file")
            array = _array(tensor, content)
            if tensor.storage.kind.name == _BFLOAT16:
                array = (array.astype(np.uint32) << 16).view(np.float32)
            array.flags.writeable = False
            bare = ".".join(part for part in name.split(".") if part not in _WRAPPERS)
            if bare in arrays:
                raise _UnusableError(f"holds {bare} twice, once as {name}")
            arrays[bare] = array
    return states


def _fits(tensor: _Tensor) -> bool:
    """Whether a tensor is described as one can be, and lies within its storage."""
    storage, offset, shape, strides = tensor
    lists = isinstance(shape, tuple) and isinstance(strides, tuple) and len(shape) == len(strides)
    if not (isinstance(storage, _Storage) and lists and len(shape) <= 8):
        return False
    if not all(_is_size(number) for number in (offset, *shape, *strides)):
        return False
    last = offset + sum((side - 1) * step for side, step in zip(shape, strides, strict=True))
    return 0 not in shape and last < storage.size


def _dtype(kind: _StorageKind) -> np.dtype:
    return np.dtype(_STORAGES[kind.name])


def _array(tensor: _Tensor, content: _Content) -> np.ndarray:
    """A view of the storage's bytes."""
    storage, offset, shape, strides = tensor
    dtype = _dtype(storage.kind).newbyteorder(content.byte_order)
    data = content.storages.get(storage.key)
    start = (storage.first + offset) * dtype.itemsize
    end = (storage.first + storage.size) * dtype.itemsize
    if data is None or end > len(data):
        raise _UnusableError(f"is damaged or truncated: storage {storage.key!r:.20} is not whole")
    steps = tuple(stride * dtype.itemsize for stride in strides)
    array: np.ndarray = np.ndarray(shape, dtype, data, start, steps)
    return array.astype(dtype.newbyteorder("="), copy=False)


def _is_size(value: Any) -> bool:
    return isinstance(value, int) and not isinstance(value, bool) and 0 <= value < 2**48


def _length(file: Any) -> int:
    place = file.tell()
    length = file.seek(0, io.SEEK_END)
    file.seek(place)
    return length
