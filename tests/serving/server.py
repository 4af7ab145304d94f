"""A test server: the REST and gRPC protocols of TensorFlow Serving in front of `ServedModel`.

python -I isolated.py server.py MODEL_FOLDER

serves the highest version in MODEL_FOLDER under the folder's name, on free ports, which it prints:
one line of JSON, {"rest": PORT, "grpc": PORT}. Only the protocols are its own: messages and codes
follow TensorFlow Serving's where a client sees them, answers come from TensorFlow's C++ code.
"""

from __future__ import annotations

import base64
import json
import re
import sys
from concurrent.futures import ThreadPoolExecutor
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from typing import Any

import grpc
import numpy as np
from cpp_loader import INVALID_ARGUMENT, ServedModel, TFError
from tensorflow.core.framework import tensor_pb2, types_pb2
from tensorflow_serving.apis import predict_pb2, prediction_service_pb2_grpc

NOT_FOUND = 5
_HTTP_STATUS = {INVALID_ARGUMENT: 400, NOT_FOUND: 404, 9: 412, 12: 501, 14: 503}  # otherwise 500
_GRPC_STATUS = {status.value[0]: status for status in grpc.StatusCode}
_PATH = re.compile(r"/v1/models/([^/:]+)(?:/versions/(\d+))?(:predict)?")


class Model:
    """The one model served, by name and version."""

    def __init__(self, folder: Path) -> None:
        self.name = folder.name
        self.version = max(int(entry.name) for entry in folder.iterdir() if entry.name.isdigit())
        self.served = ServedModel(folder / str(self.version))

    def require(self, name: str, version: int | None) -> None:
        """Raises TFError as a server does for a model or version that it does not have."""
        if name != self.name or version not in (None, self.version):
            wanted = f"Latest({name})" if version is None else f"Specific({name}, {version})"
            raise TFError(NOT_FOUND, f"Servable not found for request: {wanted}")

    def predict(self, request: predict_pb2.PredictRequest) -> predict_pb2.PredictResponse:
        """Answers a request, with the version that answered. Raises TFError."""
        spec = request.model_spec
        self.require(spec.name, spec.version.value if spec.HasField("version") else None)
        response = self.served.predict(request)
        response.model_spec.version.value = self.version
        return response


class Grpc(prediction_service_pb2_grpc.PredictionServiceServicer):
    """PredictionService.Predict."""

    def __init__(self, model: Model) -> None:
        self.model = model

    def Predict(  # noqa: N802
        self, request: predict_pb2.PredictRequest, context: grpc.ServicerContext
    ) -> predict_pb2.PredictResponse:
        try:
            return self.model.predict(request)
        except TFError as error:
            return context.abort(_GRPC_STATUS[error.code], error.message)


class Rest(BaseHTTPRequestHandler):
    """POST /v1/models/NAME[/versions/N]:predict and GET /v1/models/NAME[/versions/N]."""

    model: Model  # set by `main`

    def do_GET(self) -> None:
        self._answer(predicts=False)

    def do_POST(self) -> None:
        self._answer(predicts=True)

    def log_message(self, *args: object) -> None:
        """Keeps quiet."""

    def _answer(self, predicts: bool) -> None:
        body = self.rfile.read(int(self.headers.get("Content-Length", 0)))
        try:
            path = _PATH.fullmatch(self.path)
            if path is None or bool(path[3]) != predicts:
                raise TFError(INVALID_ARGUMENT, f"Malformed request: {self.command} {self.path}")
            version = None if path[2] is None else int(path[2])
            self.model.require(path[1], version)
            status, answer = 200, self._predict(body) if predicts else self._state()
        except TFError as error:
            status, answer = _HTTP_STATUS.get(error.code, 500), {"error": error.message}
        data = json.dumps(answer, indent=4).encode()
        self.send_response(status)
        self.send_header("Content-Type", "application/json")
        self.send_header("Content-Length", str(len(data)))
        self.end_headers()
        self.wfile.write(data)

    def _state(self) -> dict[str, Any]:
        status = {"error_code": "OK", "error_message": ""}
        state = {"version": str(self.model.version), "state": "AVAILABLE", "status": status}
        return {"model_version_status": [state]}

    def _predict(self, body: bytes) -> dict[str, Any]:
        request = predict_pb2.PredictRequest()
        request.model_spec.name = self.model.name
        try:
            asked = json.loads(body)
            rows = "instances" in asked
            request.model_spec.signature_name = asked.get("signature_name", "")
            inputs = self.model.served.signature(request.model_spec.signature_name).inputs
            columns = _by_name(asked["instances" if rows else "inputs"], rows, list(inputs))
            for name, info in inputs.items():
                request.inputs[name].CopyFrom(_to_proto(columns[name], info.dtype))
        except (ValueError, LookupError, TypeError, AttributeError) as error:
            message = f"JSON that is no request: {error!r}"
            raise TFError(INVALID_ARGUMENT, message) from error
        outputs = self.model.predict(request).outputs
        return _rows(outputs) if rows else {"outputs": _only(_columns(outputs))}


def _bytes(value: Any) -> bytes | None:
    """What {"b64": ...} holds; None for anything else."""
    if isinstance(value, dict) and value.keys() == {"b64"}:
        return base64.b64decode(value["b64"])
    return None


def _by_name(values: Any, rows: bool, names: list[str]) -> dict[str, Any]:
    """The "instances" or "inputs" of a request as one list for each input."""
    first = values[0] if rows else values
    if isinstance(first, dict) and _bytes(first) is None:
        return {name: [row[name] for row in values] if rows else values[name] for name in names}
    (name,) = names  # a value without a name is that of the only input
    return {name: values}


def _to_proto(values: Any, dtype: int) -> tensor_pb2.TensorProto:
    """Nested lists of numbers, or a list of strings, plain or base64, as a tensor."""
    proto = tensor_pb2.TensorProto(dtype=dtype)
    if dtype == types_pb2.DT_STRING:
        shape: tuple[int, ...] = (len(values),)
        for value in values:
            data = _bytes(value)
            proto.string_val.append(value.encode() if data is None else data)
    else:
        array = np.array(values)
        shape = array.shape
        proto.int_val.extend(array.flat)
    for size in shape:
        proto.tensor_shape.dim.add(size=size)
    return proto


def _from_proto(name: str, proto: tensor_pb2.TensorProto) -> list[Any]:
    """A tensor as nested lists; strings as base64 where the name ends in _bytes."""
    if proto.dtype != types_pb2.DT_STRING:
        shape = [dim.size for dim in proto.tensor_shape.dim]
        return np.array(proto.int_val).reshape(shape).tolist()
    if name.endswith("_bytes"):
        return [{"b64": base64.b64encode(value).decode()} for value in proto.string_val]
    return [value.decode() for value in proto.string_val]


def _columns(outputs: Any) -> dict[str, list[Any]]:
    return {name: _from_proto(name, proto) for name, proto in outputs.items()}


def _rows(outputs: Any) -> dict[str, Any]:
    columns = _columns(outputs)
    rows = [dict(zip(columns, row, strict=True)) for row in zip(*columns.values(), strict=True)]
    return {"predictions": [_only(row) for row in rows]}


def _only(named: dict[str, Any]) -> Any:
    """One output goes by no name."""
    return next(iter(named.values())) if len(named) == 1 else named


def main(folder: str) -> None:
    """Serves until the process is ended."""
    Rest.model = model = Model(Path(folder))
    rest = ThreadingHTTPServer(("127.0.0.1", 0), Rest)
    unlimited = [("grpc.max_receive_message_length", -1), ("grpc.max_send_message_length", -1)]
    server = grpc.server(ThreadPoolExecutor(4), options=unlimited)
    prediction_service_pb2_grpc.add_PredictionServiceServicer_to_server(Grpc(model), server)
    port = server.add_insecure_port("127.0.0.1:0")
    server.start()
    print(json.dumps({"rest": rest.server_port, "grpc": port}), flush=True)
    rest.serve_forever()


if __name__ == "__main__":
    main(*sys.argv[1:])
