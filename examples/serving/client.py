"""Translates a folder of pictures through TensorFlow Serving.

python client.py --model facades --input labels/ --output photos/
python client.py --model facades --input labels/ --output photos/ --protocol grpc

REST needs Pillow only; gRPC needs tensorflow-serving-api as well.
"""

from __future__ import annotations

import argparse
import base64
import contextlib
import io
import json
import os
import re
import sys
import urllib.error
import urllib.parse
import urllib.request
from collections.abc import Callable
from http.client import HTTPException
from pathlib import Path

from PIL import Image, ImageOps

SUFFIXES = (".png", ".jpg", ".jpeg", ".webp", ".bmp", ".tif", ".tiff")
AS_THEY_ARE = (b"\x89PNG\r\n\x1a\n", b"\xff\xd8\xff")  # how the files the server decodes begin
OTHERS = ("WEBP", "BMP", "TIFF", "GIF")  # what is sent as PNG, in Pillow's words
MODES = ("1", "L", "LA", "P", "RGB", "RGBA", "I;16", "I;16B")  # those that PNG holds
DEFAULT_SERVERS = {"rest": "http://localhost:8501", "grpc": "localhost:8500"}

Predict = Callable[[list[bytes]], list[bytes]]  # PNG or JPEG files to PNG files, in order


class ClientError(Exception):
    """Something the user can put right, in one sentence."""


class RefusedError(Exception):
    """The server cannot use what a request holds: the first line of what it says."""

    def __init__(self, message: str) -> None:
        super().__init__(message.partition("\n")[0])


def find_pictures(source: Path, target: Path) -> dict[Path, Path]:
    """Every picture below `source`, hidden ones left out, and the PNG file it becomes."""
    if not source.is_dir():
        raise ClientError(f"--input {source}: there is no such folder")
    if target.resolve().is_relative_to(source.resolve()):
        raise ClientError(f"--output {target}: lies in --input, choose a folder outside")
    sources: dict[Path, Path] = {}  # by output
    for path in sorted(source.rglob("*")):
        name = path.relative_to(source)
        hidden = any(part.startswith(".") for part in name.parts)
        if path.suffix.lower() in SUFFIXES and not hidden and not path.is_dir():
            other = sources.setdefault(target / name.with_suffix(".png"), path)
            if other != path:
                raise ClientError(f"{other} and {path}: would become one output, rename one")
    if not sources:
        raise ClientError(f"--input {source}: holds no pictures ({', '.join(SUFFIXES)})")
    return {path: output for output, path in sources.items()}


def read_picture(path: Path) -> bytes:
    """A PNG or JPEG file as it is, any other picture as a PNG file of the same pixels."""
    try:
        data = path.read_bytes()
        if data.startswith(AS_THEY_ARE):
            return data
        with Image.open(io.BytesIO(data), formats=OTHERS) as picture:
            if getattr(picture, "n_frames", 1) > 1 or picture.mode not in MODES:
                raise ClientError(f"{path}: is animated, or not 8 or 16 bits of grey or RGB")
            picture.load()
            png = io.BytesIO()
            ImageOps.exif_transpose(picture).save(png, "PNG", compress_level=1)
            return png.getvalue()
    except ClientError:
        raise
    except Exception as error:  # a damaged file makes Pillow raise nearly anything
        raise ClientError(f"{path}: cannot be read as a picture ({error})") from error


def rest_predict(server: str, model: str, timeout: float) -> Predict:
    """The signature `serving_default` of a model over REST."""
    address = server if "://" in server else f"http://{server}"
    url = f"{address.rstrip('/')}/v1/models/{urllib.parse.quote(model, safe='')}:predict"

    def predict(files: list[bytes]) -> list[bytes]:
        instances = [{"b64": base64.b64encode(file).decode()} for file in files]
        body = json.dumps({"instances": instances}).encode()
        request = urllib.request.Request(url, body, {"Content-Type": "application/json"})
        try:
            with urllib.request.urlopen(request, timeout=timeout) as response:
                answer = json.load(response)
            return [base64.b64decode(prediction["b64"]) for prediction in answer["predictions"]]
        except urllib.error.HTTPError as error:
            message = rest_message(error)
            if error.code == 400:
                raise RefusedError(message) from error
            what = f"has no model {model} ready" if error.code == 404 else f"failed ({error.code})"
            raise ClientError(f"--server {server}: {what}: {message}") from error
        except (OSError, HTTPException) as error:  # URLError and time-outs among them
            reason = getattr(error, "reason", error)
            raise ClientError(f"--server {server}: cannot be reached ({reason})") from error
        except (ValueError, KeyError, TypeError) as error:
            raise ClientError(f"--server {server}: did not answer with pictures") from error

    return predict


def rest_message(error: urllib.error.HTTPError) -> str:
    """What the server says went wrong."""
    try:
        return json.load(error)["error"]
    except (ValueError, KeyError, TypeError, OSError):
        return error.reason


def grpc_predict(server: str, model: str, timeout: float) -> Predict:
    """The signature `serving_default` of a model over gRPC."""
    os.environ.setdefault("TF_CPP_MIN_LOG_LEVEL", "3")  # the API brings TensorFlow along
    try:
        import grpc
        from tensorflow.core.framework import types_pb2
        from tensorflow_serving.apis import predict_pb2, prediction_service_pb2_grpc
    except ImportError as error:
        raise ClientError("--protocol grpc: needs `pip install tensorflow-serving-api`") from error

    # gRPC refuses messages above 4 MB if it is not told otherwise.
    unlimited = [("grpc.max_send_message_length", -1), ("grpc.max_receive_message_length", -1)]
    channel = grpc.insecure_channel(server.removeprefix("http://").rstrip("/"), unlimited)
    stub = prediction_service_pb2_grpc.PredictionServiceStub(channel)

    def predict(files: list[bytes]) -> list[bytes]:
        request = predict_pb2.PredictRequest()
        request.model_spec.name = model
        tensor = request.inputs["image_bytes"]
        tensor.dtype = types_pb2.DT_STRING
        tensor.tensor_shape.dim.add(size=len(files))
        tensor.string_val.extend(files)
        try:
            return list(stub.Predict(request, timeout).outputs["image_bytes"].string_val)
        except grpc.RpcError as error:
            code, message = error.code(), error.details()
            if code == grpc.StatusCode.INVALID_ARGUMENT:
                raise RefusedError(message) from error
            what = {
                grpc.StatusCode.UNAVAILABLE: "cannot be reached",
                grpc.StatusCode.NOT_FOUND: f"has no model {model} ready",
            }.get(code, f"failed ({code.name})")
            raise ClientError(f"--server {server}: {what}: {message}") from error

    return predict


def translate(predict: Predict, paths: list[Path]) -> list[bytes]:
    """Sends pictures in one request; of one that is refused, finds out which file is bad."""
    try:
        outputs = predict([read_picture(path) for path in paths])
    except RefusedError as error:
        if len(paths) == 1:
            raise ClientError(f"{paths[0]}: refused by the server: {error}") from error
        # Bad is what is refused alone. The numbers in the message only say which to ask first: a
        # server that batches counts through, and refuses, the requests of several clients.
        numbers = [int(number) for number in re.findall(r"\d+", str(error).partition("(")[0])]
        named = [paths[number] for number in numbers if number < len(paths)]
        alone = {path: translate(predict, [path])[0] for path in dict.fromkeys([*named, *paths])}
        return [alone[path] for path in paths]
    if len(outputs) != len(paths):
        raise ClientError(f"the server answered {len(paths)} pictures with {len(outputs)}")
    return outputs


def write_whole(path: Path, data: bytes) -> None:
    """Writes a file that appears under its name when it is complete, never before."""
    partial = path.with_name(f".{path.name}.{os.getpid()}.partial")
    try:
        path.parent.mkdir(parents=True, exist_ok=True)
        partial.write_bytes(data)
        partial.replace(path)
    except OSError as error:
        with contextlib.suppress(OSError):
            partial.unlink()
        raise ClientError(f"{path}: cannot be written ({error.strerror})") from error


def parse_arguments() -> argparse.Namespace:
    parser = argparse.ArgumentParser(description="Translates a folder through TensorFlow Serving.")
    parser.add_argument("--input", type=Path, required=True, help="folder, with its sub-folders")
    parser.add_argument(
        "--output", type=Path, required=True, help="folder, made if it is not there"
    )
    parser.add_argument("--model", required=True, help="its name on the server")
    parser.add_argument("--protocol", choices=DEFAULT_SERVERS, default="rest")
    parser.add_argument("--server", help=f"default: {' or '.join(DEFAULT_SERVERS.values())}")
    parser.add_argument("--batch", type=int, default=8, help="pictures in a request (default: 8)")
    parser.add_argument("--timeout", type=float, default=300, help="seconds for each request")
    arguments = parser.parse_args()
    if arguments.batch < 1:
        parser.error("--batch: must be at least 1")
    return arguments


def main() -> None:
    arguments = parse_arguments()
    try:
        outputs = find_pictures(arguments.input, arguments.output)
        connect = rest_predict if arguments.protocol == "rest" else grpc_predict
        server = arguments.server or DEFAULT_SERVERS[arguments.protocol]
        predict = connect(server, arguments.model, arguments.timeout)
        paths = list(outputs)
        for start in range(0, len(paths), arguments.batch):
            batch = paths[start : start + arguments.batch]
            for path, data in zip(batch, translate(predict, batch), strict=True):
                write_whole(outputs[path], data)
    except ClientError as error:
        print(f"error: {error}", file=sys.stderr)
        sys.exit(2)
    print(f"{len(paths)} pictures translated into {arguments.output}")


if __name__ == "__main__":
    main()
