"""An exported model in the C++ runtime of TensorFlow Serving, and examples/serving."""

import io
import json
import os
import re
import runpy
import shutil
import subprocess
import sys
import urllib.request
from pathlib import Path
from types import SimpleNamespace

import numpy as np
import pytest
import tensorflow as tf
import yaml
from google.protobuf import text_format
from PIL import Image
from tensorflow_serving.apis import predict_pb2, prediction_log_pb2
from tensorflow_serving.config import model_server_config_pb2

pytestmark = [
    pytest.mark.slow("runs the C++ code of TensorFlow Serving"),
    pytest.mark.skipif(sys.platform != "linux", reason="C++ libraries of other names"),
]

HERE = Path(__file__).parent
EXAMPLE = Path(__file__).parents[2] / "examples" / "serving"
PICTURES = {  # by name: height and width
    "square": (32, 32),
    "odd": (37, 50),
    "wide": (20, 70),
}


@pytest.fixture(scope="module")
def served(finished_run, tmp_path_factory):
    """A model for a server, its run deleted, and the translator that it must agree with."""
    from pix2pix_tf import Translator
    from pix2pix_tf.exporters.saved_model import write_saved_model

    folder = tmp_path_factory.mktemp("serving")
    run = Path(shutil.copytree(finished_run, folder / "run"))
    translator = Translator(run)
    (folder / "written" / "1").mkdir(parents=True)
    write_saved_model(translator, folder / "written" / "1", "facades")
    shutil.rmtree(run)
    (folder / "models").mkdir()
    model = (folder / "written").rename(folder / "models" / "facades")
    return SimpleNamespace(model=model, translator=translator)


def picture(name):
    """Blocks of colours, uint8 [H, W, 3]."""
    height, width = PICTURES[name]
    random = np.random.default_rng([height, width])
    blocks = random.integers(0, 256, (-(-height // 8), -(-width // 8), 3), np.uint8)
    return blocks.repeat(8, axis=0).repeat(8, axis=1)[:height, :width]


def as_file(name, format="PNG"):
    file = io.BytesIO()
    Image.fromarray(picture(name)).save(file, format)
    return file.getvalue()


def make_request(signature, **inputs):
    request = predict_pb2.PredictRequest()
    request.model_spec.name = "facades"
    request.model_spec.signature_name = signature
    for name, value in inputs.items():
        request.inputs[name].CopyFrom(tf.make_tensor_proto(value))
    return request


def isolated(script, *arguments):
    """A command without Keras, pix2pix_tf and Python's TensorFlow, see isolated.py."""
    return [sys.executable, "-I", HERE / "isolated.py", script, *arguments]


def warmup_requests(model):
    path = model / "1" / "assets.extra" / "tf_serving_warmup_requests"
    records = [record.numpy() for record in tf.data.TFRecordDataset(str(path))]
    return [
        prediction_log_pb2.PredictionLog.FromString(record).predict_log.request
        for record in records
    ]


@pytest.fixture(scope="module")
def answers(served, tmp_path_factory):
    """Answers to requests of all kinds, from one process: responses, or code and message."""
    square = picture("square")
    batch = np.stack([square, 255 - square])
    files = [as_file(name) for name in PICTURES]
    requests = {
        "files": make_request("", image_bytes=[*files, as_file("odd", "JPEG")]),
        "alone": make_request("serving_default", image_bytes=[files[1]]),
        "in_a_batch": make_request("serving_default", image_bytes=[*files[:1] * 8, files[1]]),
        "images": make_request("images", images=batch),
        "images_wide": make_request("images", images=picture("wide")[np.newaxis]),
        "image_in_a_batch": make_request("images", images=np.stack([*[255 - square] * 8, square])),
        "sample": make_request("sample", images=batch, seed=np.array([5, 6], np.int32)),
        "bad_file": make_request("", image_bytes=[files[0], b"no picture", files[1][:-20]]),
        "bad_signature": make_request("unknown", images=batch),
        "bad_type": make_request("images", images=batch.astype(np.int32)),
    }
    for number, request in enumerate(warmup_requests(served.model)):
        requests[f"warmup_{number}"] = request
    folder = tmp_path_factory.mktemp("requests")
    for name, request in requests.items():
        (folder / f"{name}.request").write_bytes(request.SerializeToString())
    command = isolated(HERE / "predict.py", served.model / "1", folder)
    done = subprocess.run(command, cwd=folder, capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stderr
    found = {}
    for path in folder.glob("*.response"):
        found[path.stem] = predict_pb2.PredictResponse.FromString(path.read_bytes())
    for path in folder.glob("*.error"):
        code, _, message = path.read_text().partition("\n")
        found[path.stem] = SimpleNamespace(code=int(code), message=message)
    assert found.keys() == requests.keys()
    return found


def images_of(response):
    return tf.make_ndarray(response.outputs["images"])


def files_of(response):
    files = response.outputs["image_bytes"].string_val
    assert all(file.startswith(b"\x89PNG") for file in files)
    return [np.array(Image.open(io.BytesIO(file))) for file in files]


def assert_same(image, expected):
    assert image.shape == expected.shape
    assert np.abs(image.astype(int) - expected).max() <= 1


def test_files_of_several_sizes_and_kinds_in_one_request(served, answers):
    jpeg = np.array(Image.open(io.BytesIO(as_file("odd", "JPEG"))))
    expected = [
        served.translator(image, dropout=False) for image in [*map(picture, PICTURES), jpeg]
    ]
    found = files_of(answers["files"])
    assert len(found) == len(expected)
    for image, other in zip(found, expected, strict=True):
        assert_same(image, other)


def test_arrays_of_any_size(served, answers):
    square, wide = picture("square"), picture("wide")
    expected = served.translator(np.stack([square, 255 - square]), dropout=False)
    assert_same(images_of(answers["images"]), expected)
    assert_same(images_of(answers["images_wide"])[0], served.translator(wide, dropout=False))


def test_sample_is_translate_with_the_seeds(served, answers):
    square = picture("square")
    found = images_of(answers["sample"])
    assert_same(found[0], served.translator(square, seed=5))
    assert_same(found[1], served.translator(255 - square, seed=6))
    assert (found != images_of(answers["images"])).any()  # dropout is on


def test_an_image_alone_and_among_others_is_the_same(answers):
    np.testing.assert_array_equal(
        files_of(answers["alone"])[0], files_of(answers["in_a_batch"])[-1]
    )
    found = images_of(answers["image_in_a_batch"])[-1]
    np.testing.assert_array_equal(found, images_of(answers["images"])[0])


def test_warmup_log_runs_every_signature(served, answers):
    requests = warmup_requests(served.model)
    signatures = [request.model_spec.signature_name for request in requests]
    assert sorted(signatures) == ["images", "sample", "serving_default"]
    assert {request.model_spec.name for request in requests} == {"facades"}
    for number, signature in enumerate(signatures):
        outputs = answers[f"warmup_{number}"].outputs
        assert list(outputs) == ["image_bytes" if signature == "serving_default" else "images"]


def test_bad_files_are_invalid_arguments_named_by_number(answers):
    assert answers["bad_file"].code == 3
    assert "number 1, 2 (counted from 0)" in answers["bad_file"].message
    assert (answers["bad_signature"].code, answers["bad_type"].code) == (9, 3)


@pytest.fixture(scope="module")
def ports(served):
    command = isolated(HERE / "server.py", served.model)
    with subprocess.Popen(
        command, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True
    ) as server:
        line = server.stdout.readline()
        if not line:
            pytest.fail(server.communicate()[1])
        yield json.loads(line)
        server.terminate()


@pytest.fixture
def client(ports, tmp_path):
    """Runs the client in `tmp_path`: isolated, which is fast, or in a full environment."""

    def run(*arguments, protocol="rest", model="facades", server=None, full=False):
        address = {
            "rest": f"http://127.0.0.1:{ports['rest']}",
            "grpc": f"127.0.0.1:{ports['grpc']}",
        }
        script = EXAMPLE / "client.py"
        command = [sys.executable, script] if full else isolated(script)
        command += ["--model", model, "--protocol", protocol]
        command += ["--server", server or address[protocol], *map(str, arguments)]
        environment = {**os.environ, "NO_PROXY": "127.0.0.1"}
        return subprocess.run(
            command, cwd=tmp_path, env=environment, capture_output=True, text=True, check=False
        )

    return run


def last_line(done):
    """What the client says of an error; gRPC's TensorFlow may have said more before."""
    assert done.returncode == 2, done.stderr
    assert "Traceback" not in done.stderr
    assert done.stdout == ""
    return done.stderr.splitlines()[-1]


@pytest.fixture
def folder(tmp_path):
    """Images of all formats, in a sub-folder too, and a file that is no image."""
    root = tmp_path / "images"
    (root / "sub" / ".hidden").mkdir(parents=True)
    (root / "a.png").write_bytes(as_file("square"))
    (root / "sub" / "a.jpg").write_bytes(as_file("odd", "JPEG"))
    Image.fromarray(picture("odd")).save(root / "c.webp", lossless=True)
    Image.fromarray(picture("wide")).save(root / "sub" / "d.bmp")
    Image.fromarray(picture("square")[..., 0]).save(root / "e.TIFF", "TIFF")
    (root / "f.png").write_bytes((root / "c.webp").read_bytes())  # what it holds counts
    (root / "notes.txt").write_text("no picture")
    (root / "sub" / ".hidden" / "g.png").write_bytes(b"")
    return root


@pytest.mark.parametrize(("protocol", "batch"), [("rest", 8), ("grpc", 4)])
def test_client_translates_a_folder(served, client, folder, protocol, batch):
    output = folder.parent / "out"
    done = client(
        "--input", folder, "--output", output, "--batch", batch, protocol=protocol, full=True
    )
    assert done.returncode == 0, done.stderr
    assert done.stdout == f"6 images translated into {output}\n"
    grey = np.repeat(picture("square")[..., :1], 3, axis=2)
    inputs = {
        "a.png": picture("square"),
        "c.png": picture("odd"),
        "e.png": grey,
        "f.png": picture("odd"),
        "sub/a.png": np.array(Image.open(folder / "sub" / "a.jpg")),
        "sub/d.png": picture("wide"),
    }
    written = {p.relative_to(output).as_posix() for p in output.rglob("*") if p.is_file()}
    assert written == set(inputs)
    for name, image in inputs.items():
        assert_same(np.array(Image.open(output / name)), served.translator(image, dropout=False))


@pytest.mark.parametrize("protocol", ["rest", "grpc"])
def test_client_names_the_file_that_the_server_refuses(client, folder, protocol):
    (folder / "c.png").unlink(missing_ok=True)
    (folder / "sub" / "b.png").write_bytes(as_file("square")[:-20])
    output = folder.parent / "out"
    done = client("--input", folder, "--output", output, "--batch", 5, protocol=protocol)
    bad = folder / "sub" / "b.png"  # number 1 of the second request
    said = last_line(done)
    assert said.startswith(f"error: {bad}: refused by the server: ")
    assert "cannot be read; expected whole PNG or JPEG files" in said
    written = sorted(path.name for path in output.rglob("*"))
    assert written == ["a.png", "a.png", "c.png", "e.png", "f.png", "sub"]


def test_client_is_not_misled_by_the_files_of_others(folder):
    """As a server that batches refuses: number 1 is another client's, one of ours alone is good."""
    client = runpy.run_path(str(EXAMPLE / "client.py"))
    requests = []

    def predict(files):
        requests.append(files)
        if len(files) > 1:
            raise client["RefusedError"]("image_bytes: number 1 (counted from 0) cannot be read")
        return files

    paths = [folder / "a.png", folder / "sub" / "a.jpg"]
    files = [path.read_bytes() for path in paths]
    assert client["translate"](predict, paths) == files
    assert requests == [files, files[1:], files[:1]]  # the suspect first


def test_client_refuses_in_one_sentence(client, folder):
    words = ["--input", folder, "--output", folder.parent / "out"]
    assert "has no model maps ready: Servable not found" in last_line(client(*words, model="maps"))
    unreachable = last_line(client(*words, server="http://127.0.0.1:1"))
    assert re.fullmatch("error: --server http://127.0.0.1:1: cannot be reached .*", unreachable)
    (folder / "broken.webp").write_bytes(b"RIFF")
    assert "broken.webp: cannot be read as an image" in last_line(client(*words))
    (folder / "a.webp").write_bytes(b"")
    assert "would become one output" in last_line(client(*words))
    inside = ["--input", folder, "--output", folder / "out"]
    assert "is inside --input" in last_line(client(*inside))
    assert not (folder.parent / "out" / "broken.png").exists()


def test_grpc_client_refuses_in_one_sentence(client, folder):
    words = ["--input", folder, "--output", folder.parent / "out"]
    unknown = last_line(client(*words, protocol="grpc", model="maps"))
    assert "has no model maps ready: Servable not found" in unknown
    unreachable = last_line(client(*words, protocol="grpc", server="127.0.0.1:1"))
    assert unreachable.startswith("error: --server 127.0.0.1:1: cannot be reached")


def test_rest_takes_arrays_by_row_and_by_column(served, ports):
    def post(asked):
        url = f"http://127.0.0.1:{ports['rest']}/v1/models/facades/versions/1:predict"
        direct = urllib.request.build_opener(urllib.request.ProxyHandler({}))
        with direct.open(url, json.dumps(asked).encode()) as answer:
            return json.load(answer)

    square = picture("square")
    row = {"images": square.tolist(), "seed": 5}
    rows = post({"signature_name": "sample", "instances": [row]})["predictions"]
    inputs = {"images": [square.tolist()], "seed": [5]}
    columns = post({"signature_name": "sample", "inputs": inputs})["outputs"]
    assert rows == columns
    assert_same(np.array(rows)[0], served.translator(square, seed=5))
    plain = post({"signature_name": "images", "instances": [square.tolist()]})["predictions"]
    assert_same(np.array(plain)[0], served.translator(square, dropout=False))


def test_server_files_agree_with_each_other():
    config = model_server_config_pb2.ModelServerConfig()
    text_format.Parse((EXAMPLE / "models.config").read_text(), config)
    (model,) = config.model_config_list.config
    assert (model.name, model.base_path) == ("facades", "/models/facades")
    compose = yaml.safe_load((EXAMPLE / "compose.yaml").read_text())["services"]["serving"]
    mounted = dict(volume.split(":")[:2] for volume in compose["volumes"])
    assert mounted["./exports"] == str(Path(model.base_path).parent)
    for file in ("models.config", "batching_parameters.txt"):
        assert f"_file={mounted[f'./{file}']}" in (EXAMPLE / "compose.yaml").read_text()
    batching = (EXAMPLE / "batching_parameters.txt").read_text()
    largest = int(re.search(r"^max_batch_size \{ value: (\d+) \}$", batching, re.MULTILINE)[1])
    default = re.search(r'"--batch", type=int, default=(\d+)', (EXAMPLE / "client.py").read_text())
    assert int(default[1]) <= largest


def test_healthcheck_sees_whether_the_model_is_there(ports):
    compose = yaml.safe_load((EXAMPLE / "compose.yaml").read_text())["services"]["serving"]
    _, *command = compose["healthcheck"]["test"]
    command[-1] = command[-1].replace("8501", str(ports["rest"]))
    assert subprocess.run(command, check=False).returncode == 0
    command[-1] = command[-1].replace("facades", "maps")
    assert subprocess.run(command, check=False).returncode == 1
