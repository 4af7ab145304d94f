"""A SavedModel behind TensorFlow's C API: the C++ loader and session that TensorFlow Serving uses.

Python only carries protocol buffers in and out; `isolated.py` makes sure of it.
"""

from __future__ import annotations

import ctypes
from collections.abc import Iterator
from contextlib import contextmanager
from ctypes import POINTER, byref, c_char_p, c_int, c_int64, c_size_t, c_void_p
from pathlib import Path

import numpy as np
from tensorflow.core.framework import tensor_pb2, types_pb2
from tensorflow.core.protobuf import meta_graph_pb2
from tensorflow_serving.apis import predict_pb2

OK, INVALID_ARGUMENT, FAILED_PRECONDITION = 0, 3, 9  # tensorflow/c/tsl_status.h, and gRPC's
_NUMERIC = {types_pb2.DT_UINT8: np.uint8, types_pb2.DT_INT32: np.int32}
_STRING_BYTES = 24  # sizeof(TF_TString)


class TFError(Exception):
    """An error of TensorFlow: its code, the same numbers as gRPC's, and its message."""

    def __init__(self, code: int, message: str) -> None:
        super().__init__(f"{code}: {message}")
        self.code, self.message = code, message


class _Buffer(ctypes.Structure):
    _fields_ = (("data", c_void_p), ("length", c_size_t), ("deallocator", c_void_p))


class _Output(ctypes.Structure):
    _fields_ = (("operation", c_void_p), ("index", c_int))


# Result and arguments of what is called, after tensorflow/c/*.h.
_PROTOTYPES = {
    "TF_NewStatus": (c_void_p, []),
    "TF_DeleteStatus": (None, [c_void_p]),
    "TF_GetCode": (c_int, [c_void_p]),
    "TF_Message": (c_char_p, [c_void_p]),
    "TF_NewBuffer": (POINTER(_Buffer), []),
    "TF_NewBufferFromString": (POINTER(_Buffer), [c_char_p, c_size_t]),
    "TF_DeleteBuffer": (None, [POINTER(_Buffer)]),
    "TF_NewGraph": (c_void_p, []),
    "TF_DeleteGraph": (None, [c_void_p]),
    "TF_GraphOperationByName": (c_void_p, [c_void_p, c_char_p]),
    "TF_NewSessionOptions": (c_void_p, []),
    "TF_DeleteSessionOptions": (None, [c_void_p]),
    "TF_LoadSessionFromSavedModel": (
        c_void_p,
        [
            *(c_void_p, c_void_p, c_char_p, POINTER(c_char_p), c_int),
            *(c_void_p, POINTER(_Buffer), c_void_p),
        ],
    ),
    "TF_CloseSession": (None, [c_void_p, c_void_p]),
    "TF_DeleteSession": (None, [c_void_p, c_void_p]),
    "TF_SessionRun": (
        None,
        [
            *(c_void_p, c_void_p, POINTER(_Output), POINTER(c_void_p), c_int),
            *(POINTER(_Output), POINTER(c_void_p), c_int, c_void_p, c_int, c_void_p, c_void_p),
        ],
    ),
    "TF_AllocateTensor": (c_void_p, [c_int, POINTER(c_int64), c_int, c_size_t]),
    "TF_DeleteTensor": (None, [c_void_p]),
    "TF_TensorFromProto": (None, [POINTER(_Buffer), c_void_p, c_void_p]),
    "TF_TensorType": (c_int, [c_void_p]),
    "TF_NumDims": (c_int, [c_void_p]),
    "TF_Dim": (c_int64, [c_void_p, c_int]),
    "TF_TensorData": (c_void_p, [c_void_p]),
    "TF_TensorByteSize": (c_size_t, [c_void_p]),
    "TF_StringGetDataPointer": (c_void_p, [c_void_p]),
    "TF_StringGetSize": (c_size_t, [c_void_p]),
}


class _CApi:
    """The functions of `_PROTOTYPES`, whichever of the wheel's two libraries exports each."""

    def __init__(self) -> None:
        folder = Path(tensor_pb2.__file__).parents[2]  # the wheel's, without importing tensorflow
        # The second needs symbols of the first. In a process that has imported TensorFlow these
        # are the libraries it runs on.
        framework, cc = (
            ctypes.CDLL(str(folder / f"libtensorflow_{name}.so.2"), mode=ctypes.RTLD_GLOBAL)
            for name in ("framework", "cc")
        )
        for name, (result, arguments) in _PROTOTYPES.items():
            function = getattr(cc if hasattr(cc, name) else framework, name)
            function.restype, function.argtypes = result, arguments
            setattr(self, name, function)


class ServedModel:
    """A SavedModel loaded by the tag `serve`, answering PredictRequests as a server would.

    Attributes:
        signatures: The SignatureDefs by name.
    """

    def __init__(self, folder: Path) -> None:
        """Loads the weights and runs the initialisation.

        Args:
            folder: The one with saved_model.pb.

        Raises:
            TFError: TensorFlow cannot load it.
        """
        self._api = api = _CApi()
        self._graph = api.TF_NewGraph()
        options, tags, buffer = api.TF_NewSessionOptions(), (c_char_p * 1)(b"serve"), None
        try:
            buffer = api.TF_NewBuffer()
            path = str(folder).encode()
            with self._status() as status:
                self._session = api.TF_LoadSessionFromSavedModel(
                    options, None, path, tags, 1, self._graph, buffer, status
                )
            meta_graph = ctypes.string_at(buffer.contents.data, buffer.contents.length)
        finally:
            api.TF_DeleteSessionOptions(options)
            api.TF_DeleteBuffer(buffer)
        self.signatures = dict(meta_graph_pb2.MetaGraphDef.FromString(meta_graph).signature_def)

    def close(self) -> None:
        """Frees what TensorFlow holds; the model cannot be used afterwards."""
        with self._status() as status:
            self._api.TF_CloseSession(self._session, status)
        with self._status() as status:
            self._api.TF_DeleteSession(self._session, status)
        self._api.TF_DeleteGraph(self._graph)

    def signature(self, name: str) -> meta_graph_pb2.SignatureDef:
        """A signature; an empty name is `serving_default`. TFError as a server's if unknown."""
        name = name or "serving_default"
        if name not in self.signatures:
            message = f'Serving signature name: "{name}" not found in signature def'
            raise TFError(FAILED_PRECONDITION, message)
        return self.signatures[name]

    def predict(self, request: predict_pb2.PredictRequest) -> predict_pb2.PredictResponse:
        """Runs one request; tensors of type uint8, int32 and string, of any shape.

        Raises:
            TFError: Another signature or inputs than the model's, or TensorFlow's own refusal.
        """
        signature = self.signature(request.model_spec.signature_name)
        if set(request.inputs) != set(signature.inputs):
            expected, got = sorted(signature.inputs), sorted(request.inputs)
            raise TFError(INVALID_ARGUMENT, f"inputs are {got}, the signature's are {expected}")
        for name, tensor in request.inputs.items():
            if tensor.dtype != signature.inputs[name].dtype:
                raise TFError(INVALID_ARGUMENT, f"input {name} has the wrong type {tensor.dtype}")
        feeds = self._outputs(info.name for info in signature.inputs.values())
        fetches = self._outputs(info.name for info in signature.outputs.values())
        inputs = (c_void_p * len(feeds))()
        outputs = (c_void_p * len(fetches))()
        try:
            for place, name in enumerate(signature.inputs):
                inputs[place] = self._tensor(request.inputs[name])
            with self._status() as status:
                self._api.TF_SessionRun(
                    *(self._session, None, feeds, inputs, len(feeds), fetches, outputs),
                    *(len(fetches), None, 0, None, status),
                )
            response = predict_pb2.PredictResponse(model_spec=request.model_spec)
            for place, name in enumerate(signature.outputs):
                response.outputs[name].CopyFrom(self._proto(outputs[place]))
            return response
        finally:
            for tensor in (*inputs, *outputs):
                if tensor is not None:
                    self._api.TF_DeleteTensor(tensor)

    @contextmanager
    def _status(self) -> Iterator[int]:
        """A TF_Status for one call; what it holds afterwards is raised."""
        status = self._api.TF_NewStatus()
        try:
            yield status
            code = self._api.TF_GetCode(status)
            if code != OK:
                message = self._api.TF_Message(status).decode(errors="replace")
                raise TFError(code, message)
        finally:
            self._api.TF_DeleteStatus(status)

    def _outputs(self, names: Iterator[str]) -> ctypes.Array[_Output]:
        """Tensor names like StatefulPartitionedCall:0 as the C API takes them."""
        found = []
        for name in names:
            operation, _, index = name.partition(":")
            pointer = self._api.TF_GraphOperationByName(self._graph, operation.encode())
            assert pointer is not None, f"{name} is in a signature, not in the graph"
            found.append(_Output(pointer, int(index or 0)))
        return (_Output * len(found))(*found)

    def _tensor(self, proto: tensor_pb2.TensorProto) -> int:
        """A new TF_Tensor, parsed by C++ as a server parses it."""
        data = proto.SerializeToString()
        buffer = self._api.TF_NewBufferFromString(data, len(data))
        tensor = self._api.TF_AllocateTensor(types_pb2.DT_UINT8, byref(c_int64(0)), 1, 0)
        try:
            with self._status() as status:
                self._api.TF_TensorFromProto(buffer, tensor, status)  # replaces type and shape
        except TFError:
            self._api.TF_DeleteTensor(tensor)
            raise
        finally:
            self._api.TF_DeleteBuffer(buffer)
        return tensor

    def _proto(self, tensor: int) -> tensor_pb2.TensorProto:
        """A TF_Tensor with its values in the typed fields, where a server puts them."""
        api = self._api
        dtype = api.TF_TensorType(tensor)
        shape = [api.TF_Dim(tensor, axis) for axis in range(api.TF_NumDims(tensor))]
        proto = tensor_pb2.TensorProto(dtype=dtype)
        for size in shape:
            proto.tensor_shape.dim.add(size=size)
        data = api.TF_TensorData(tensor)
        if dtype == types_pb2.DT_STRING:
            for place in range(int(np.prod(shape))):
                string = data + place * _STRING_BYTES
                start, size = api.TF_StringGetDataPointer(string), api.TF_StringGetSize(string)
                proto.string_val.append(ctypes.string_at(start, size))
        else:
            values = ctypes.string_at(data, api.TF_TensorByteSize(tensor))
            proto.int_val.extend(np.frombuffer(values, _NUMERIC[dtype]).tolist())
        return proto
