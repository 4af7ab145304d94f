"""The exported page and the demo of runs whose images are no colours: .npy in and out."""

import io
import time
from base64 import b64decode, b64encode

import numpy as np
import pytest
import tifffile
from PIL import Image
from selenium.webdriver.common.by import By

from pix2pix_tf import Translator
from pix2pix_tf.demo.app import make_app
from pix2pix_tf.exporters import export
from pix2pix_tf.exporters.inputs import typical_images
from pix2pix_tf.exporters.page_task import page_display, page_task
from tests.browsing import Served, chromium, in_browser, open_page
from tests.demo.visitors import Visitor, file_of, in_thread, pixels
from tests.exporters.test_bands import config, run, scene

__all__ = ["config", "run"]  # fixtures

DROP = """
const data = new DataTransfer();
const bytes = Uint8Array.from(atob(arguments[0]), (letter) => letter.charCodeAt(0));
data.items.add(new File([bytes], arguments[1]));
document.body.dispatchEvent(new DragEvent("drop", {bubbles: true, dataTransfer: data}));
"""


@pytest.fixture(scope="module")
def translator(run):
    return Translator(run)


@pytest.fixture(scope="module")
def exported(run, tmp_path_factory):
    folder = tmp_path_factory.mktemp("page") / "page"
    export(run, "web", folder, name="scenes", precision="float32")
    with Served(folder) as address:
        yield address


@pytest.fixture(scope="module")
def served(translator):
    inputs = [scene(number, 16, 16) for number in range(3)]
    with in_thread(make_app(translator, "scenes", inputs)) as address:
        yield address


@pytest.fixture(scope="module")
def browser(tmp_path_factory):
    with chromium(tmp_path_factory.mktemp("downloads")) as driver:
        yield driver


def npy(image):
    file = io.BytesIO()
    np.save(file, image)
    return file.getvalue()


def until(browser, condition):
    deadline = time.monotonic() + 60
    while not condition():
        assert time.monotonic() < deadline, status(browser)
        time.sleep(0.02)


def status(browser):
    return browser.find_element(By.ID, "status").text


def settle(browser):
    script = "return document.body.dataset.state"
    until(browser, lambda: browser.execute_script(script) == "done")


def canvas(browser, name):
    script = f"return document.getElementById('{name}').toDataURL('image/png').split(',')[1]"
    return pixels(b64decode(browser.execute_script(script)))


def drop(browser, data, name="mine.npy"):
    browser.execute_script(DROP, b64encode(data).decode(), name)


def opens(browser, data, name="mine.npy"):
    browser.execute_script("document.body.dataset.state = 'asked'")
    drop(browser, data, name)
    settle(browser)


def saved(browser, name):
    file = browser.downloads / name
    file.unlink(missing_ok=True)
    browser.find_element(By.ID, "save-values").click()
    until(browser, file.exists)
    return file


def shown(image, display):
    """What a display in page.json shows of an image, by NumPy."""
    black, white = np.array(display["black"]), np.array(display["white"])
    shares = (image[..., display["channels"]].astype(float) - black) / (white - black)
    return np.broadcast_to(np.clip(shares, 0, 1) * 255, (*image.shape[:2], 3))


@in_browser
def test_page_translates_and_saves_arrays(browser, exported, translator):
    open_page(browser, exported)
    settle(browser)
    task = browser.execute_script("return task")
    assert task["input"]["display"]["channels"] == [4, 0, 1]
    assert task["target"]["display"]["channels"] == [0]
    assert not browser.find_element(By.ID, "tools").is_displayed()
    assert "Drop or open an array (.npy)" in browser.find_element(By.TAG_NAME, "header").text
    big = scene(7, 20, 24)
    opens(browser, npy(big))
    middle = big[2:18, 4:20]
    expected = shown(middle, task["input"]["display"])
    assert np.abs(canvas(browser, "input") - expected).max() <= 0.51
    output = translator(middle, dropout=False)
    expected = shown(output, task["target"]["display"])
    step = 255 / (task["target"]["display"]["white"][0] - task["target"]["display"]["black"][0])
    assert np.abs(canvas(browser, "output") - expected).max() <= 1 + step
    values = np.load(saved(browser, "scenes.npy"))
    assert values.dtype == np.uint16
    assert np.abs(values.astype(int) - output).max() <= 1


@in_browser
@pytest.mark.parametrize("kind", [">f4", "<f8", "<f2", "CYX", "Fortran"])
def test_page_reads_arrays_as_numpy_writes_them(browser, exported, kind):
    open_page(browser, exported)
    settle(browser)
    image = scene(8, 16, 16)
    written = {"CYX": image.transpose(2, 0, 1).copy(), "Fortran": np.asfortranarray(image)}
    array = written[kind] if kind in written else image.astype(kind)
    opens(browser, npy(array))
    read = np.reshape(browser.execute_script("return Array.from(opened.values)"), (16, 16, 5))
    assert np.array_equal(read, image.astype(kind) if kind not in written else image)


@in_browser
def test_page_says_what_it_cannot_open(browser, exported):
    open_page(browser, exported)
    settle(browser)
    before = canvas(browser, "input")

    def says(data, words, name="mine.npy"):
        drop(browser, data, name)
        until(browser, lambda: words in status(browser))

    says(npy(np.zeros((16, 16, 4))), "has the shape 16×16×4, and the model takes 5 channels")
    says(npy(np.zeros((5, 16, 5))), "whose channels may be the first axis or the last")
    says(npy(np.zeros((16, 16))), "has the shape 16×16, and the model takes 5 channels of rows")
    says(
        npy(np.zeros((8, 16, 5))), "has 8×16 pixels (height×width), and this page translates 16×16"
    )
    says(npy(np.zeros((16, 16, 5), complex)), "values of type <c16")
    says(npy(np.full((16, 16, 5), np.nan)), "NaN or infinity")
    says(npy(scene(0))[:-100], "cut short")
    says(file_of(np.zeros((16, 16, 3), np.uint8)), "opens arrays (.npy) of 5 channels", "x.png")
    assert np.array_equal(canvas(browser, "input"), before)


@in_browser
def test_demo_translates_and_saves_arrays_and_tiffs(browser, served, translator):
    open_page(browser, served)
    settle(browser)
    assert np.array_equal(
        np.reshape(browser.execute_script("return Array.from(opened.values)"), (16, 16, 5)),
        scene(0, 16, 16),
    )
    big = scene(7, 20, 24)
    file = io.BytesIO()
    tifffile.imwrite(file, big, photometric="minisblack", planarconfig="contig")
    opens(browser, file.getvalue(), "big.tif")
    middle = big[2:18, 4:20]
    task = browser.execute_script("return task")
    expected = shown(middle, task["input"]["display"])
    assert np.abs(canvas(browser, "input") - expected).max() <= 0.51
    output = translator(middle, seed=0)
    expected = shown(output, task["target"]["display"])
    assert np.abs(canvas(browser, "output") - expected).max() <= 0.51
    assert np.array_equal(np.load(saved(browser, "scenes.npy")), output)


@in_browser
def test_demo_says_what_it_cannot_open(browser, served):
    open_page(browser, served)
    settle(browser)

    def says(data, words, name="mine.npy"):
        drop(browser, data, name)
        until(browser, lambda: words in status(browser))

    says(npy(np.zeros((8, 16, 5), np.float32)), "has 16×8 pixels (width×height), and this page")
    says(npy(np.zeros((16, 16, 4), np.float32)), "This picture is an array of 16×16×4")
    says(npy(np.full((16, 16, 5), np.inf)), "values of NaN or infinity")
    says(b"words", "is not a JPEG, PNG, WebP, .npy or TIFF file")


def test_demo_answers_with_any_format(served, translator):
    image = scene(3, 33, 20)
    output = translator(image, seed=4)
    with Visitor(served) as visitor:
        assert np.array_equal(
            np.load(io.BytesIO(visitor.post("/translate?seed=4&as=npy", npy(image))[1])), output
        )
        planes = npy(image.transpose(2, 0, 1).copy())
        tiff = visitor.post("/translate?seed=4&as=tiff&axes=CYX", planes)[1]
        assert np.array_equal(tifffile.imread(io.BytesIO(tiff)), output)
        display = visitor.get("/page.json")[1]["target"]["display"]
        png = pixels(visitor.post("/translate?seed=4", npy(image))[1])
        assert np.abs(png - shown(output, display)).max() <= 0.51
        assert visitor.post("/translate?as=gif", npy(image))[0] == 400
        assert visitor.post("/translate?axes=ABC", npy(image))[0] == 400
        wide = npy(np.zeros((4, 2000, 5), np.float32))
        status, said = visitor.post("/translate", wide)
        assert (status, "1024 a side is the limit" in said["error"]) == (422, True)


def test_a_page_shows_by_the_displays_of_the_config(translator):
    data = translator.config.data
    data = data.model_copy(update={"target_display": (2,), "display_percentiles": (0.0, 100.0)})
    images = typical_images(translator, [scene(0, 16, 16)])
    display = page_display(data, images)
    task = page_task("x", data, images)
    second = images.outputs[0][..., 1]
    assert task["target"]["display"]["channels"] == [1]
    assert task["target"]["display"]["black"] == [pytest.approx(second.min())]
    assert task["target"]["display"]["white"] == [pytest.approx(second.max())]
    assert task["palette"] == []
    image = translator.values.target.full_scale(images.outputs[0])
    assert display.target(image).max() == 255
    assert Image.fromarray(display.target(image)).mode == "RGB"


def side(channels, high, low=0, dtype="uint8", display=None):
    bounds = {"low": [low] * channels, "high": [high] * channels}
    return {"channels": channels, "dtype": dtype, "display": display, **bounds}


def shade(browser, pixel, its):
    """The values that a drawn pixel has, and what is shown of them again."""
    script = """
    const [pixel, side] = arguments;
    const array = fromCanvas(Uint8ClampedArray.of(...pixel, 255), side, 1, 1);
    return [Array.from(array.values), Array.from(toImage(array, side).data)];
    """
    return browser.execute_script(script, pixel, its)


@in_browser
def test_shades_span_the_range_of_the_values(browser, exported):
    open_page(browser, exported)
    settle(browser)
    assert shade(browser, [7, 80, 255], side(3, 255)) == [[7, 80, 255], [7, 80, 255, 255]]
    assert shade(browser, [7, 80, 255], side(4, 65535, dtype="uint16")) == [
        [7 * 257, 80 * 257, 65535, 65535],
        [7, 80, 255, 255],
    ]
    assert shade(browser, [255, 0, 0], side(2, 255)) == [[76, 255], [76, 76, 76, 255]]
    height = {"channels": [0], "black": [-10], "white": [2540]}
    values, shown_again = shade(browser, [51, 51, 51], side(1, 2540, -10, "float32", height))
    assert values == [500]
    assert shown_again == [51, 51, 51, 255]


@in_browser
def test_arrays_are_written_in_the_type_and_the_range_of_the_targets(browser, exported):
    open_page(browser, exported)
    settle(browser)
    script = """
    const [values, side, done] = arguments;
    const blob = writeNpy({ values, height: 1, width: values.length, channels: 1 }, side);
    const reader = new FileReader();
    reader.onload = () => done(reader.result.split(",")[1]);
    reader.readAsDataURL(blob);
    """

    def written(values, its):
        data = b64decode(browser.execute_async_script(script, values, its))
        return np.load(io.BytesIO(data))

    array = written([-3.2, 1.5, 90.4, 300], side(1, 200, -2, "int16"))
    assert (array.dtype, array.shape) == (np.int16, (1, 4, 1))
    assert array.ravel().tolist() == [-2, 2, 90, 200]
    array = written([0.25, 5], side(1, 1, 0, "float32"))
    assert (array.dtype, array.ravel().tolist()) == (np.float32, [0.25, 1])
    assert written([2**40 + 1], side(1, 2**50, 0, "int64")).ravel().tolist() == [2**40 + 1]
