"""The exported page in a real browser: what it draws, translates, saves and says."""

import io
import json
import shutil
import time
from base64 import b64decode
from types import SimpleNamespace

import numpy as np
import pytest
from PIL import Image
from selenium.webdriver.common.action_chains import ActionChains
from selenium.webdriver.common.by import By
from selenium.webdriver.common.keys import Keys

from pix2pix_tf.exporters import export, web
from pix2pix_tf.exporters.page_task import common_colours
from pix2pix_tf.images.io import write_image
from pix2pix_tf.utils.errors import UserError
from tests.browsing import Served, chromium, in_browser, open_page

SIZE = 32  # of the tiny run's pictures


@pytest.fixture(scope="module")
def page(finished_run, tmp_path_factory):
    """A page behind a web server: its folder, its address, the translator it must agree with."""
    from pix2pix_tf import Translator

    folder = tmp_path_factory.mktemp("web") / "page"
    export(finished_run, "web", folder, name="blocks")
    with Served(folder) as address:
        yield SimpleNamespace(folder=folder, address=address, translator=Translator(finished_run))


@pytest.fixture(scope="module")
def browser(tmp_path_factory):
    with chromium(tmp_path_factory.mktemp("downloads")) as driver:
        yield driver


@pytest.fixture
def opened(browser, page):
    """The page as it has just been opened, its example translated."""
    open_page(browser, page.address)
    settle(browser)
    return browser


def wait_until(condition, what):
    deadline = time.monotonic() + 60
    while not condition():
        assert time.monotonic() < deadline, what()
        time.sleep(0.02)


def settle(browser, state="done"):
    script = "return document.body.dataset.state"
    wait_until(lambda: browser.execute_script(script) == state, lambda: status(browser))


def translated(browser):
    """Waits for the translation of what is drawn now."""
    browser.execute_script("document.body.dataset.state = 'asked'; translate()")
    settle(browser)


def status(browser):
    return browser.find_element(By.ID, "status").text


def pixels(browser, canvas):
    """What a canvas shows, uint8 [H, W, 3]."""
    script = f"return document.getElementById('{canvas}').toDataURL('image/png').split(',')[1]"
    image = Image.open(io.BytesIO(b64decode(browser.execute_script(script))))
    return np.array(image.convert("RGB"))


def press(browser, name):
    browser.find_element(By.XPATH, f"//*[@id='{name}' or @data-tool='{name}']").click()


def choose_colour(browser, colour):
    browser.find_element(By.CSS_SELECTOR, f"[data-colour='{colour}']").click()


def drag(browser, *places):
    """Draws with the pointer through places (x, y) in pixels of the picture."""
    canvas = browser.find_element(By.ID, "input")
    scale = canvas.size["width"] / SIZE
    actions = ActionChains(browser, duration=0)
    for number, (x, y) in enumerate(places):
        offset = (round((x - SIZE / 2) * scale), round((y - SIZE / 2) * scale))
        actions.move_to_element_with_offset(canvas, *offset)
        if number == 0:
            actions.click_and_hold()
    actions.release().perform()


def colours(image):
    return {"#" + "".join(f"{level:02x}" for level in rgb) for rgb in image.reshape(-1, 3)}


@in_browser
def test_drawing_is_translated_as_translate_does(opened, page):
    before = pixels(opened, "input")
    assert np.array_equal(before, np.array(Image.open(page.folder / "example.png")))
    press(opened, "rectangle")
    drag(opened, (4, 5), (20, 25))
    press(opened, "pen")
    drag(opened, (2, 2), (30, 9), (16, 30))
    drawn = pixels(opened, "input")
    assert (drawn != before).any(axis=-1).sum() > 100
    translated(opened)
    shown = pixels(opened, "output").astype(int)
    assert np.abs(shown - page.translator(drawn, dropout=False)).max() <= 2
    assert status(opened).startswith("Translated in ")


@in_browser
def test_every_stroke_is_translated_unless_that_is_switched_off(opened):
    first = pixels(opened, "output")
    opened.execute_script("document.body.dataset.state = 'waiting'")
    press(opened, "rectangle")
    drag(opened, (0, 0), (31, 31))
    settle(opened)
    second = pixels(opened, "output")
    assert not np.array_equal(first, second)
    press(opened, "live")
    press(opened, "undo")
    time.sleep(0.5)
    assert np.array_equal(pixels(opened, "output"), second)


@in_browser
def test_nothing_is_fetched_from_elsewhere(opened, page):
    script = "return performance.getEntriesByType('resource').map((entry) => entry.name)"
    fetched = opened.execute_script(script)
    assert fetched
    assert all(name.startswith((page.address, "blob:")) for name in fetched)
    # A worker's own requests are not in that list; its script names no other host.
    assert "http" not in (page.folder / "worker.js").read_text()


@in_browser
def test_tools_paint_what_they_say(opened, page):
    task = json.loads((page.folder / "page.json").read_text())
    ground, first, second = task["background"], *task["palette"][1:3]
    press(opened, "clear")
    cleared = pixels(opened, "input")
    assert colours(cleared) == {ground}
    choose_colour(opened, first)
    press(opened, "rectangle")
    drag(opened, (8, 8), (24, 20))
    box = pixels(opened, "input")
    assert colours(box[8:20, 8:24]) == {first}
    assert colours(box[:8]) == colours(box[20:]) == colours(box[:, 24:]) == {ground}
    choose_colour(opened, second)
    press(opened, "fill")
    drag(opened, (10, 10))
    filled = pixels(opened, "input")
    assert colours(filled[8:20, 8:24]) == {second}
    assert np.array_equal(filled[20:], box[20:])
    for expected in (box, cleared):
        press(opened, "undo")
        assert np.array_equal(pixels(opened, "input"), expected)
    press(opened, "redo")
    assert np.array_equal(pixels(opened, "input"), box)
    press(opened, "eraser")
    opened.execute_script("document.getElementById('width').value = 5")
    drag(opened, (8, 10), (24, 10))
    erased = pixels(opened, "input")
    assert colours(erased[10, 16]) == {ground}
    assert colours(erased[18, 16]) == {first}


@in_browser
def test_keyboard_draws(opened):
    press(opened, "clear")
    before = pixels(opened, "input")
    opened.execute_script("document.getElementById('input').focus()")
    keys = ActionChains(opened).send_keys("p", Keys.SPACE, *[Keys.ARROW_RIGHT] * 8, Keys.SPACE)
    keys.send_keys(*[Keys.ARROW_DOWN] * 6).perform()
    changed = (pixels(opened, "input") != before).any(axis=-1)
    assert changed[15:17, 17:24].any(axis=0).all()  # from the middle to the right
    assert not changed[19:].any()  # lifted before it went down
    ActionChains(opened).key_down(Keys.CONTROL).send_keys("z").key_up(Keys.CONTROL).perform()
    assert np.array_equal(pixels(opened, "input"), before)


SEND_PICTURE = """
const canvas = Object.assign(document.createElement("canvas"), {width: 32, height: 32});
const context = canvas.getContext("2d");
context.fillStyle = "rgb(0, 128, 0)";
context.fillRect(0, 0, 32, 32);
canvas.toBlob((blob) => {
  const data = new DataTransfer();
  data.items.add(new File([blob], "green.png", {type: "image/png"}));
  const words = {bubbles: true, cancelable: true, dataTransfer: data, clipboardData: data};
  const Kind = arguments[0] === "drop" ? DragEvent : ClipboardEvent;
  document.body.dispatchEvent(new Kind(arguments[0], words));
});
"""
SEND_WORDS = """
const data = new DataTransfer();
data.items.add(new File(["words"], "green.png", {type: "image/png"}));
document.body.dispatchEvent(new DragEvent("drop", {bubbles: true, dataTransfer: data}));
"""


@in_browser
def test_pictures_are_opened_dropped_and_pasted(opened, tmp_path):
    def shows(*colour):
        wait_until(
            lambda: (pixels(opened, "input") == colour).all(), lambda: pixels(opened, "input")
        )

    wide = np.full((32, 64, 3), (0, 0, 255), np.uint8)  # its sides are cut off, the middle is shown
    wide[:, 16:48] = (255, 0, 0)
    write_image(tmp_path / "wide.png", wide)
    opened.find_element(By.ID, "open").send_keys(str(tmp_path / "wide.png"))
    shows(255, 0, 0)
    for event in ("drop", "paste"):
        press(opened, "clear")
        opened.execute_script(SEND_PICTURE, event)
        shows(0, 128, 0)
    opened.execute_script(SEND_WORDS)
    wait_until(lambda: "not a picture" in status(opened), lambda: status(opened))
    shows(0, 128, 0)


@in_browser
def test_translation_is_saved(opened):
    press(opened, "save")
    file = opened.downloads / "blocks.png"
    wait_until(file.exists, lambda: list(opened.downloads.iterdir()))
    saved = np.array(Image.open(file).convert("RGB"))
    assert np.array_equal(saved, pixels(opened, "output"))


@in_browser
def test_on_a_phone_the_pictures_lie_below_each_other(opened):
    phone = {"width": 360, "height": 740, "deviceScaleFactor": 2, "mobile": True}
    opened.execute_cdp_cmd("Emulation.setDeviceMetricsOverride", phone)
    try:
        script = "return [document.documentElement.scrollWidth, innerWidth]"
        assert opened.execute_script(script) == [360, 360]
        boxes = [opened.find_element(By.ID, name).rect for name in ("input", "output")]
        assert min(box["width"] for box in boxes) > 300
        assert boxes[1]["y"] > boxes[0]["y"] + boxes[0]["height"]
    finally:
        opened.execute_cdp_cmd("Emulation.clearDeviceMetricsOverride", {})


@in_browser
def test_browser_without_simd_is_told_so(browser, page):
    script = {"source": "WebAssembly.validate = () => false"}
    added = browser.execute_cdp_cmd("Page.addScriptToEvaluateOnNewDocument", script)
    try:
        open_page(browser, page.address)
        settle(browser, "error")
        assert "lacks WebAssembly with SIMD" in status(browser)
    finally:
        browser.execute_cdp_cmd("Page.removeScriptToEvaluateOnNewDocument", added)


@in_browser
def test_page_opened_as_a_file_says_how_to_serve_it(browser, page):
    open_page(browser, (page.folder / "index.html").as_uri())
    settle(browser, "error")
    assert "python -m http.server" in status(browser)


@in_browser
def test_model_cut_short_is_said(browser, page, tmp_path):
    shutil.copytree(page.folder, tmp_path / "cut")
    model = tmp_path / "cut" / "model.tflite"
    model.write_bytes(model.read_bytes()[:-1000])
    with Served(tmp_path / "cut") as address:
        open_page(browser, address)
        settle(browser, "error")
        assert "model.tflite was cut short" in status(browser)


def test_palette_is_the_commonest_colours():
    image = np.full((20, 20, 3), (250, 250, 250), np.uint8)
    image[:6] = (0, 0, 200)
    image[6:8] = (4, 2, 195)  # compression's variations of the colour above
    image[8] = (200, 0, 0)
    assert common_colours([image]) == [(250, 250, 250), (0, 0, 200), (200, 0, 0)]
    image[0, 0] = (0, 255, 0)
    many = [np.full((20, 20, 3), 250, np.uint8)] * 10
    assert (0, 255, 0) not in common_colours([image, *many])  # 1 of 4400 pixels


def test_missing_runtime_says_what_to_do(finished_run, tmp_path, monkeypatch):
    monkeypatch.setattr(web, "RUNTIME", tmp_path / "litert")
    with pytest.raises(UserError, match="make web-assets"):
        export(finished_run, "web", tmp_path / "page")
    assert not (tmp_path / "page").exists()
