"""Reading of PyTorch weights, as `torch.save(network.state_dict(), FILE)` writes, without PyTorch.

A .pth file consists of a pickle and of raw numbers, and loading a pickle can call any function that
it names. This reader accepts only the names that checkpoints need: dictionaries, tensors and
storages, for which it creates descriptions, and plain records that programs store beside them
(options, sizes, devices), for which it creates empty placeholders. The numbers are read afterwards,
when every size has been compared with the size of the file, so that a file cannot cause an
allocation much larger than itself.

Two formats are read:
    zip     PyTorch 1.6 and later: `NAME/data.pkl`, `NAME/data/KEY` for each storage, and
            `NAME/byteorder`
    legacy  a magic number, a version, a description of the machine, the state dict and the list of
            storages, each a pickle; then the length and the numbers of each storage
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
_PICKLE_BYTES = 16 * 2**20  # limit of a pickle; that of a network has some kilobytes
_SHARED = 4  # limit of the bytes of all tensors together, as a multiple of the storages' bytes

# NumPy type of each kind of storage. NumPy lacks bfloat16, which is the upper half of a float32.
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

# Attributes under which wrapping modules hold a network, and which prefix the names of its weights:
# those of parallel and compiled modules, and of modules that checkpoint activations.
_WRAPPERS = {
    *("module", "_orig_mod", "_forward_module"),
    *("_fsdp_wrapped_module", "_checkpoint_wrapped_module"),
}

_DEPTH = 16  # limit of nested dictionaries

# Exceptions of reading a damaged pickle: those of any operation on the pickle's stack.
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

# Exceptions of reading a damaged archive; OSError is raised for offsets outside the file.
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
    """Reads a PyTorch file that holds one state dict.

    Args:
        path: A .pth file.

    Returns:
        The arrays by name, see `read_state_dicts`.

    Raises:
        UserError: The file cannot be used, see `read_state_dicts`, or holds several state dicts.
    """
    states = read_state_dicts(path)
    if len(states) > 1:
        raise UserError(f"{path}: holds several state dicts, {', '.join(states)}; expected one")
    return next(iter(states.values()))


def read_state_dicts(path: str | Path) -> dict[str, dict[str, np.ndarray]]:
    """Reads all state dicts of a PyTorch file.

    A state dict is a dictionary that contains tensors. It may be nested in other dictionaries, such
    as `{"epoch": 3, "netG": {...}, "optimizer": {...}}`. Other values and the states of optimisers
    are ignored. Prefixes that wrapping modules added to the names (`module.`, `_orig_mod.`, at any
    place and in any order) are removed.

    Args:
        path: A .pth file.

    Returns:
        The arrays by name for each state dict, by the keys that lead to it, joined by dots ("" for
        the file itself). Arrays have the stored type, bfloat16 as float32, and are read-only.

    Raises:
        UserError: The file does not exist, was not written by PyTorch, is damaged, or holds no
            tensors by name.
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
    """The file cannot be used; the message says why, without the file's name."""


class _StorageKind(NamedTuple):
    name: str


class _Storage(NamedTuple):
    """A pickle's description of a storage."""

    kind: _StorageKind
    key: str
    size: int  # count of numbers
    first: int = 0  # index of the first number of a view, in a legacy file


class _Tensor(NamedTuple):
    """A pickle's description of a tensor, not validated yet."""

    storage: Any
    offset: Any
    shape: Any
    strides: Any


class _Content(NamedTuple):
    """The unpickled content of a file, and the bytes of its storages by their keys."""

    state: Any
    storages: dict[str, bytes]
    byte_order: Literal["<", ">"]


# Placeholders for the objects that a pickle may name. They have no attributes that a pickle could
# set.


class _Entries(dict):
    __slots__ = ()

    def __setstate__(self, state: object) -> None:
        """Ignores `_metadata`, the versions of the modules."""


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
    """A placeholder for an object without tensors of its own, such as a program's options."""

    __slots__ = ()

    def __new__(cls, *arguments: Any, **words: Any) -> _Record:
        return super().__new__(cls)

    def __setstate__(self, state: object) -> None:
        """Ignores the attributes of the object."""

    def __setitem__(self, key: object, value: object) -> None:
        """Ignores an item of the object."""


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
        f"{module} {name}"  # the names of Python 2, which older pickles have, and of Python 3
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
    """An unpickler that creates placeholders, and collects the item size of each storage."""

    def __init__(self, file: IO[bytes], widths: dict[str, int]) -> None:
        super().__init__(file, encoding="latin-1")
        self.widths = widths

    def find_class(self, module: str, name: str) -> Any:
        """Returns the placeholder for an allowed name; all other names are refused."""
        try:
            return _NAMEABLE[f"{module} {name}"]
        except KeyError:
            raise _UnusableError(
                f"names {module}.{name}, which weights do not need, so it was not opened further; "
                "expected a file from torch.save(network.state_dict(), FILE)"
            ) from None

    def persistent_load(self, identifier: Any) -> _Storage:
        """Returns the description of a storage.

        Args:
            identifier: ("storage", kind, key, device, size), in legacy files followed by a view.
        """
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
    """Reads one pickle at the position of `file`, which is moved to the end of the pickle.

    Args:
        file: The file.
        limit: Maximal size of the pickle in bytes.
        widths: Bytes per number by the key of the storage, which this function adds to.
    """
    start = file.tell()
    data = io.BytesIO(file.read(limit))
    size = data.getbuffer().nbytes
    try:
        for operation, argument, _ in pickletools.genops(data):
            # The unpickler allocates a memo of this size at once. Every entry of it takes at least
            # one byte of the pickle, so that a larger index is invalid.
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
    except RuntimeError:  # zipfile raises it if a password is needed
        raise _UnusableError("is encrypted") from None
    return _Content(state, storages, ">" if big else "<")


def _check_stored(archive: zipfile.ZipFile, members: list[zipfile.ZipInfo]) -> None:
    """Checks that members are not compressed, and together no larger than the file."""
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
    _state_dicts(state)  # its errors are more helpful than the following ones
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
    return _Content(state, storages, "<")  # PyTorch writes little-endian on every machine


def _state_dicts(content: Any) -> dict[str, dict[str, _Tensor]]:
    """Finds all state dicts: their tensors by name, by the keys that lead to the state dict."""
    found: dict[str, dict[str, _Tensor]] = {}
    visited: set[int] = set()  # an object can occur repeatedly, or contain itself

    def search(node: Any, path: tuple[str, ...]) -> None:
        if not isinstance(node, (dict, list, tuple)) or id(node) in visited:
            return
        visited.add(id(node))
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
            if not _is_valid(tensor):
                raise _UnusableError(f"is damaged: tensor {name} cannot lie in its storage")
            # Tensors that share numbers, or repeat them by strides of 0, could exceed all memory.
            remaining -= math.prod(tensor.shape) * _dtype(tensor.storage.kind).itemsize
            if remaining < 0:
                raise _UnusableError("has tensors that are together far larger than the file")
            array = _array(tensor, content)
            if tensor.storage.kind.name == _BFLOAT16:
                array = (array.astype(np.uint32) << 16).view(np.float32)
            array.flags.writeable = False
            unwrapped = ".".join(part for part in name.split(".") if part not in _WRAPPERS)
            if unwrapped in arrays:
                raise _UnusableError(f"holds {unwrapped} twice, once as {name}")
            arrays[unwrapped] = array
    return states


def _is_valid(tensor: _Tensor) -> bool:
    """Whether the description of a tensor is valid, and the tensor lies within its storage."""
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
    """Returns a tensor's array, as a view of the storage's bytes if the byte order allows it."""
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
    position = file.tell()
    length = file.seek(0, io.SEEK_END)
    file.seek(position)
    return length
