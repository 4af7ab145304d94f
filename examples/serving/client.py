"""Translates a folder of images through TensorFlow Serving, by REST or by gRPC.

    python client.py --model facades --input labels/ --output photos/
    python client.py --model facades --input labels/ --output photos/ --protocol grpc

For REST it needs nothing but Pillow; for gRPC also the extra `pix2pix-tf[serving]`, which is
tensorflow-serving-api. README.md says how to start the server.
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
PNG_AND_JPEG = (b"\x89PNG\r\n\x1a\n", b"\xff\xd8\xff")  # first bytes of files sent unchanged
CONVERTED_FORMATS = ("WEBP", "BMP", "TIFF", "GIF")  # Pillow's names of those sent as PNG
PNG_MODES = ("1", "L", "LA", "P", "RGB", "RGBA", "I;16", "I;16B")
DEFAULT_SERVERS = {"rest": "http://localhost:8501", "grpc": "localhost:8500"}

Predict = Callable[[list[bytes]], list[bytes]]  # PNG or JPEG files to PNG files, same order


class ClientError(Exception):
    """An error that the user can fix, described in one sentence."""


class RefusedError(Exception):
    """The server refuses the content of a request; the message is the first line of its answer."""

    def __init__(self, message: str) -> None:
        super().__init__(message.partition("\n")[0])


def find_images(source: Path, target: Path) -> dict[Path, Path]:
    """Finds the images in a folder and its sub-folders, without hidden ones.

    Args:
        source: The folder of the images.
        target: The folder of the outputs.

    Returns:
        The PNG file that each image becomes, by image.
    """
    if not source.is_dir():
        raise ClientError(f"--input {source}: there is no such folder")
    if target.resolve().is_relative_to(source.resolve()):
        raise ClientError(f"--output {target}: is inside --input, choose a folder outside")
    sources: dict[Path, Path] = {}  # by output
    for path in sorted(source.rglob("*")):
        name = path.relative_to(source)
        hidden = any(part.startswith(".") for part in name.parts)
        if path.suffix.lower() in SUFFIXES and not hidden and not path.is_dir():
            other = sources.setdefault(target / name.with_suffix(".png"), path)
            if other != path:
                raise ClientError(f"{other} and {path}: would become one output, rename one")
    if not sources:
        raise ClientError(f"--input {source}: holds no images ({', '.join(SUFFIXES)})")
    return {path: output for output, path in sources.items()}


def read_image(path: Path) -> bytes:
    """Reads a PNG or JPEG file unchanged, any other image as a PNG file of the same pixels."""
    try:
        data = path.read_bytes()
        if data.startswith(PNG_AND_JPEG):
            return data
        with Image.open(io.BytesIO(data), formats=CONVERTED_FORMATS) as image:
            if getattr(image, "n_frames", 1) > 1 or image.mode not in PNG_MODES:
                raise ClientError(f"{path}: is animated, or not 8 or 16 bits of grey or RGB")
            image.load()
            png = io.BytesIO()
            ImageOps.exif_transpose(image).save(png, "PNG", compress_level=1)
            return png.getvalue()
    except ClientError:
        raise
    except Exception as error:  # a damaged file makes Pillow raise nearly anything
        raise ClientError(f"{path}: cannot be read as an image ({error})") from error


def rest_predict(server: str, model: str, timeout: float) -> Predict:
    """The signature `serving_default` of a model by REST.

    Args:
        server: Address of the server, such as http://localhost:8501.
        model: Name of the model on the server.
        timeout: Maximal time of a request, in seconds.
    """
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
            raise ClientError(f"--server {server}: did not answer with images") from error

    return predict


def rest_message(error: urllib.error.HTTPError) -> str:
    """The server's description of an error."""
    try:
        return json.load(error)["error"]
    except (ValueError, KeyError, TypeError, OSError):
        return error.reason


def grpc_predict(server: str, model: str, timeout: float) -> Predict:
    """The signature `serving_default` of a model by gRPC; for arguments see `rest_predict`."""
    os.environ.setdefault("TF_CPP_MIN_LOG_LEVEL", "3")  # the API imports TensorFlow
    try:
        import grpc
        from tensorflow_serving.apis import predict_pb2, prediction_service_pb2_grpc
    except ImportError as error:
        raise ClientError(
            "--protocol grpc: needs tensorflow-serving-api, which is not installed: "
            "pip install 'pix2pix-tf[serving]'"
        ) from error
    from tensorflow.core.framework import types_pb2  # TensorFlow comes with the API

    # gRPC refuses messages above 4 MB by default.
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
    """Translates images in one request; if it is refused, finds out which file is bad."""
    try:
        outputs = predict([read_image(path) for path in paths])
    except RefusedError as error:
        if len(paths) == 1:
            raise ClientError(f"{paths[0]}: refused by the server: {error}") from error
        # A file is bad if it is refused alone. The numbers in the message only say which to try
        # first: a batching server counts through, and refuses, requests of several clients.
        numbers = [int(number) for number in re.findall(r"\d+", str(error).partition("(")[0])]
        named = [paths[number] for number in numbers if number < len(paths)]
        alone = {path: translate(predict, [path])[0] for path in dict.fromkeys([*named, *paths])}
        return [alone[path] for path in paths]
    if len(outputs) != len(paths):
        raise ClientError(f"the server answered {len(paths)} images with {len(outputs)}")
    return outputs


def write_atomically(path: Path, data: bytes) -> None:
    """Writes a file atomically: it appears under its name only when it is complete."""
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
    parser = argparse.ArgumentParser(
        description="Translate a folder of images through TensorFlow Serving."
    )
    parser.add_argument(
        "--input", type=Path, required=True, help="folder of images, with its sub-folders"
    )
    parser.add_argument("--output", type=Path, required=True, help="folder of the outputs")
    parser.add_argument("--model", required=True, help="name of the model on the server")
    parser.add_argument("--protocol", choices=DEFAULT_SERVERS, default="rest")
    parser.add_argument(
        "--server", help=f"address of the server; default: {' or '.join(DEFAULT_SERVERS.values())}"
    )
    parser.add_argument("--batch", type=int, default=8, help="images per request (default: 8)")
    parser.add_argument(
        "--timeout", type=float, default=300, help="seconds per request (default: 300)"
    )
    arguments = parser.parse_args()
    if arguments.batch < 1:
        parser.error("--batch: must be at least 1")
    return arguments


def main() -> None:
    arguments = parse_arguments()
    try:
        outputs = find_images(arguments.input, arguments.output)
        connect = rest_predict if arguments.protocol == "rest" else grpc_predict
        server = arguments.server or DEFAULT_SERVERS[arguments.protocol]
        predict = connect(server, arguments.model, arguments.timeout)
        paths = list(outputs)
        for start in range(0, len(paths), arguments.batch):
            batch = paths[start : start + arguments.batch]
            for path, data in zip(batch, translate(predict, batch), strict=True):
                write_atomically(outputs[path], data)
    except ClientError as error:
        print(f"error: {error}", file=sys.stderr)
        sys.exit(2)
    print(f"{len(paths)} images translated into {arguments.output}")


if __name__ == "__main__":
    main()
