"""Everything that reads pictures, given one file each time, and what must come of it."""

import asyncio
import io
import shutil
import warnings
from pathlib import Path

import numpy as np
import tensorflow as tf
from PIL import Image, ImageOps

from pix2pix_tf.config.schema import make_config
from pix2pix_tf.data.checking.report import check_dataset
from pix2pix_tf.data.pairs import open_pairs
from pix2pix_tf.demo.app import make_app
from pix2pix_tf.exporters.saved_model import write_saved_model
from pix2pix_tf.images.convert import resize_image
from pix2pix_tf.images.io import image_dtype, image_size, inspect_image, read_image, write_image
from pix2pix_tf.inference.files import translate_files
from pix2pix_tf.inference.inputs import find_inputs
from pix2pix_tf.inference.translator import Translator
from pix2pix_tf.methods.method import checkpoint_parts, translating_parts
from pix2pix_tf.methods.pix2pix import Pix2Pix
from pix2pix_tf.runs.checkpoints import Checkpoints
from pix2pix_tf.runs.run import Run
from pix2pix_tf.study.create import create_study
from pix2pix_tf.study.settings import Protocol
from pix2pix_tf.utils.errors import UserError
from tests.fuzz.odd_files import SIGNATURE, chunk, png_chunks

TARGETS = ("read", "check", "training", "translate", "image_bytes", "demo", "study")
PIXELS = 300_000  # more are not translated here: it would take minutes
SIZE = (32, 32)


class WrongError(Exception):
    """What should not have happened, in words."""


class Targets:
    """A tiny model in all its forms, and what reads pictures without one."""

    def __init__(self, folder):
        self.folder = Path(folder)
        self.translator = Translator(_untrained_run(self.folder / "run"))
        saved = self.folder / "saved_model"
        write_saved_model(self.translator, saved, "tiny")
        self.served = tf.saved_model.load(str(saved)).signatures["serving_default"]
        self.app = make_app(self.translator, "tiny", [np.zeros((*SIZE, 3), np.uint8)])

    def run(self, name, data, pixels, sound):
        """Gives one file to all targets.

        Args:
            name: The file's.
            data: Its content.
            pixels: What it must be read as, or None.
            sound: Whether it must be read at all.

        Returns:
            By target: what was done with it, `read` or `refused`.
        """
        place = self.folder / "case"
        shutil.rmtree(place, ignore_errors=True)
        place.mkdir()
        path = place / name
        path.write_bytes(data)
        image = self._read(path, data, pixels)
        if image is None and sound:
            raise WrongError(f"read: a sound file is refused: {_refusal(path)}")
        outcomes = {"read": "refused" if image is None else "read"}
        for target in TARGETS[1:]:
            try:
                outcomes[target] = getattr(self, f"_{target}")(path, data, image)
            except WrongError as error:
                raise WrongError(f"{target}: {error}") from None
            except Exception as error:
                error.args = (f"{target}: {error.args[:1]}",)
                raise
        return outcomes

    def _read(self, path, data, pixels):
        try:
            image = read_image(path, 3)
        except UserError as error:
            _one_sentence(error, str(path))
            return None
        own = inspect_image(path).pixels
        if own.shape[:2] != image_size(path) or own.dtype != image_dtype(path):
            raise WrongError(
                f"read: {own.shape} {own.dtype}, by its header {image_size(path)} "
                f"{image_dtype(path)}"
            )
        if image.dtype not in (np.uint8, np.uint16):
            return None  # it can be read, but has no range
        expected = plain_decoding(data) if pixels is None else pixels
        if expected is not None:
            _refuse_other(image, expected, 0, "read")
        return image

    def _check(self, path, data, image):
        root = path.parent / "checked"
        (root / "train").mkdir(parents=True)
        shutil.copy(path, root / "train")
        problems = check_dataset(root, "side_by_side").problems
        try:  # whatever its channels, since there is no config
            usable = inspect_image(path)[0].shape[1] % 2 == 0
        except UserError:
            usable = False
        if usable == bool(problems):
            raise WrongError(f"the picture can be used: {usable}; problems: {problems}")
        for problem in problems:
            _one_sentence(problem, str(root / "train" / path.name))
        return "refused" if problems else "read"

    def _training(self, path, data, image):
        root = path.parent / "pairs"
        good = np.zeros((32, 64, 3), np.uint8)
        for split, names in (("train", ("a.png", "z.png")), ("val", ("a.png",))):
            (root / split).mkdir(parents=True)
            for name in names:
                write_image(root / split / name, good)
        shutil.copy(path, root / "train")
        data = {"root": str(root), "load_size": SIZE[0], "crop_size": SIZE[0]}
        data["layout"] = "side_by_side"  # of any proportions, as odd files are
        config = {"discriminator": {"receptive_field": 34}}
        usable = image is not None and image.shape[1] % 2 == 0
        try:
            open_pairs(make_config({"data": data, **config}), check=True)
            stopped = False
        except UserError as error:
            if path.name not in str(error):
                raise WrongError(f"the file is not named: {error}") from None
            stopped = True
        if stopped == usable:
            raise WrongError(f"the picture can be used: {usable}; training stops: {stopped}")
        data["on_bad_image"] = "skip"
        opened = open_pairs(make_config({"data": data, **config}), check=True)
        if len(opened.train) != 2 + usable or len(opened.skipped) != 1 - usable:
            raise WrongError(f"usable: {usable}, pairs: {opened.train.names}, {opened.skipped}")
        for pair in opened.train:
            shapes = [side.shape for side in pair]
            if shapes != [(*SIZE, 3)] * 2:
                raise WrongError(f"sides of {shapes}")
        if usable:
            half = resize_image(image[:, : image.shape[1] // 2], *SIZE)
            half = opened.train.values.input.unify(half)
            _refuse_other(opened.train[opened.train.names.index("x")][0], half, 0, "")
        return "read" if usable else "refused"

    def _translate(self, path, data, image):
        if image is not None and image[..., 0].size > PIXELS:
            return "not tried"
        try:
            inputs = find_inputs([str(path)], self.translator.source, pairs=False)
            (written,) = translate_files(
                self.translator, inputs, path.parent / "out", dropout=False
            ).written
        except UserError as error:
            _one_sentence(error, str(path))
            if image is not None:
                raise WrongError(f"refused: {error}") from None
            return "refused"
        if image is None:
            raise WrongError("translated what cannot be read")
        _refuse_other(read_image(written, 3), self._translation(image), 0, "")
        return "read"

    def _translation(self, image):
        return self.translator(image, dropout=False)

    def _image_bytes(self, path, data, image):
        if image is not None and PIXELS < image[..., 0].size <= 25_000_000:
            return "not tried"
        try:
            answer = self.served(image_bytes=tf.constant([data]))["image_bytes"][0].numpy()
        except tf.errors.InvalidArgumentError as error:
            if "image_bytes: number 0 (counted from 0) cannot be read" not in str(error):
                raise WrongError(f"refused in these words: {error}") from None
            return "refused"
        if image is None:
            said = _refusal(path)
            # Blocks that TensorFlow does not unpack, or passes over where their checksum is wrong.
            if "too large to read safely" in said or _reads_with_checksums_mended(path, data):
                return "read"
            raise WrongError(f"translated what cannot be read: {said}")
        _refuse_other(_rgb_of(answer), self._translation(image), 1, "")
        return "read"

    def _demo(self, path, data, image):
        statuses = []
        for address in ("/translate?dropout=off", "/image"):
            if image is not None and PIXELS < image[..., 0].size <= 25_000_000:
                continue
            status, answer = asyncio.run(asked(self.app, address, data))
            statuses.append(status)
            if status == 200 and image is None:
                raise WrongError(f"{address}: read what cannot be read: {_refusal(path)}")
            if status == 200 and address != "/image":
                _refuse_other(_rgb_of(answer), self._translation(image), 0, address)
            if status not in (200, 422):
                raise WrongError(f"{address}: {status} {answer[:200]}")
        return "read" if 200 in statuses else "refused"

    def _study(self, path, data, image):
        folder = path.parent / "study"
        for side in ("real", "fake"):
            (folder / side).mkdir(parents=True)
            for number in range(2):
                write_image(folder / side / f"{number}.png", np.zeros((*SIZE, 3), np.uint8))
        (folder / "fake" / "0.png").unlink()
        placed = folder / "fake" / f"0{path.suffix}"
        shutil.copy(path, placed)
        protocol = Protocol(practice=0, trials=1, seconds=1)
        try:
            study = create_study(
                folder / "made",
                "x",
                folder / "real",
                {"L1": folder / "fake"},
                protocol=protocol,
                size=SIZE,
            )
        except UserError as error:
            _one_sentence(error, str(placed))
            return "refused"
        if image is None:
            raise WrongError("made a study of what cannot be read")
        _refuse_other(read_image(study.image_file("L1", 0), 3), resize_image(image, *SIZE), 0, "")
        return "read"


def _untrained_run(folder):
    config = make_config(
        {
            "data": {"root": "nowhere", "load_size": SIZE[0], "crop_size": SIZE[0]},
            "generator": {"width": 4},
            "discriminator": {"width": 4, "receptive_field": 34},
        }
    )
    run = Run(folder)
    run.save_config(config)
    method = Pix2Pix(config, 1, None)
    parts, translating = checkpoint_parts(method), translating_parts(method)
    Checkpoints(run.checkpoints, parts, translating, keep=1).save()
    return folder


def plain_decoding(data):
    """What Pillow makes of a file by itself, RGB; None where the stated rules go beyond that."""
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        try:
            image = Image.open(io.BytesIO(data))
            tiff = image.format == "TIFF"
            deep = image.mode.startswith("I;16") or (image.format == "PNG" and data[24] == 16)
            image.load()
        except Exception as error:
            raise WrongError(f"read: Pillow by itself refuses it: {error!r}") from None
        if deep or (image.format == "PNG" and data[24] < 8 and "transparency" in image.info):
            return None
        if not tiff:
            try:
                image = ImageOps.exif_transpose(image)
            except Exception:  # a damaged block counts as none
                return None
        if not image.has_transparency_data:
            return np.array(image.convert("RGB"))
        both = np.array(image.convert("RGBA")).astype(np.float64)
        alpha = both[..., 3:] / 255
        return np.floor(both[..., :3] * alpha + 255 * (1 - alpha) + 0.5 + 1e-9).astype(np.uint8)


async def asked(app, address, body):
    """Status and body of the answer to a POST, without a network."""
    path, _, query = address.partition("?")
    scope = {
        "type": "http",
        "method": "POST",
        "path": path,
        "raw_path": path.encode(),
        "query_string": query.encode(),
        "headers": [(b"content-type", b"image/png"), (b"host", b"127.0.0.1")],
        "scheme": "http",
        "http_version": "1.1",
        "server": ("127.0.0.1", 80),
        "client": ("127.0.0.1", 9),
        "root_path": "",
    }
    sent, messages = [], [{"type": "http.request", "body": body, "more_body": False}]

    async def receive():
        while not messages:
            await asyncio.sleep(3600)
        return messages.pop()

    async def send(message):
        sent.append(message)

    await app(scope, receive, send)
    return sent[0]["status"], b"".join(message.get("body", b"") for message in sent[1:])


def _rgb_of(png):
    return np.array(Image.open(io.BytesIO(png)).convert("RGB"))


def _refuse_other(found, expected, most, what):
    if found.shape != expected.shape or found.dtype != expected.dtype:
        raise WrongError(
            f"{what} gave {found.shape} {found.dtype}, not {expected.shape} {expected.dtype}"
        )
    error = int(np.abs(found.astype(np.int64) - expected).max())
    if error > most:
        raise WrongError(f"{what} gave another picture: off by up to {error}")


def _reads_with_checksums_mended(path, data):
    if not data.startswith(SIGNATURE):
        return False
    mended = path.with_name("mended.png")
    mended.write_bytes(SIGNATURE + b"".join(chunk(*parts) for parts in png_chunks(data)))
    return _refusal(mended) == "not refused"


def _one_sentence(error, named):
    said = str(error)
    if named not in said or "\n" in said or len(said) > 600 + len(named):
        raise WrongError(f"refused in these words: {said!r}")


def _refusal(path):
    try:
        read_image(path, 3)
    except UserError as error:
        return str(error)
    return "not refused"
