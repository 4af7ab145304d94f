"""The demo's page in a real browser: what it sends, shows and says.

Its tools are tested with the exported page, which is the same.
"""

import io
import time
from base64 import b64decode, b64encode
from threading import Event

import numpy as np
import pytest
from PIL import Image
from selenium.webdriver.common.action_chains import ActionChains
from selenium.webdriver.common.by import By

from pix2pix_tf.demo import app as demo
from pix2pix_tf.demo.app import make_app
from pix2pix_tf.inference.translator import Translator
from tests.browsing import chromium, in_browser, open_page
from tests.demo.visitors import blocks, file_of, in_thread

pytestmark = in_browser
DROP = """
const data = new DataTransfer();
const bytes = Uint8Array.from(atob(arguments[0]), (letter) => letter.charCodeAt(0));
data.items.add(new File([bytes], arguments[1]));
document.body.dispatchEvent(new DragEvent("drop", {bubbles: true, dataTransfer: data}));
"""


@pytest.fixture(scope="module")
def translator(finished_run):
    return Translator(finished_run)


@pytest.fixture(scope="module")
def address(translator):
    with in_thread(make_app(translator, "blocks", [blocks()])) as address:
        yield address


@pytest.fixture(scope="module")
def browser(tmp_path_factory):
    with chromium(tmp_path_factory.mktemp("downloads")) as driver:
        yield driver


class Page:
    """The page as a visitor has it."""

    def __init__(self, browser, address):
        self.browser = browser
        open_page(browser, address)
        self.settle()

    def until(self, condition):
        deadline = time.monotonic() + 30
        while not condition():
            assert time.monotonic() < deadline, self.status()
            time.sleep(0.02)

    def settle(self, state="done"):
        script = "return document.body.dataset.state"
        self.until(lambda: self.browser.execute_script(script) == state)

    def translates(self, act):
        """Does something and waits for the translation that follows."""
        self.browser.execute_script("document.body.dataset.state = 'asked'")
        act()
        self.settle()
        return self.pixels("output")

    def element(self, name):
        return self.browser.find_element(By.ID, name)

    def press(self, name):
        self.element(name).click()

    def status(self):
        return self.element("status").text

    def pixels(self, canvas):
        script = f"return document.getElementById('{canvas}').toDataURL('image/png').split(',')[1]"
        image = Image.open(io.BytesIO(b64decode(self.browser.execute_script(script))))
        return np.array(image.convert("RGB"))

    def drop(self, data, name="mine.png"):
        self.browser.execute_script(DROP, b64encode(data).decode(), name)

    def draw(self):
        canvas = self.element("input")
        self.browser.find_element(By.CSS_SELECTOR, "[data-tool=rectangle]").click()
        actions = ActionChains(self.browser, duration=0)
        actions.move_to_element_with_offset(canvas, -50, -60).click_and_hold()
        actions.move_to_element_with_offset(canvas, 90, 80).release().perform()


@pytest.fixture
def page(browser, address):
    return Page(browser, address)


def test_drawing_is_translated_with_the_noise_of_the_seed(page, translator):
    before = page.pixels("input")
    assert np.array_equal(before, blocks())
    assert np.array_equal(page.pixels("output"), translator(before, seed=0))
    shown = page.translates(page.draw)
    drawn = page.pixels("input")
    assert (drawn != before).any(axis=-1).sum() > 30
    assert np.array_equal(shown, translator(drawn, seed=0))
    assert page.status().startswith("Translated in ")


def test_another_noise_a_seed_of_ones_own_and_none(page, translator):
    seen = page.translates(lambda: page.press("another"))
    seed = int(page.element("seed").get_attribute("value"))
    assert np.array_equal(seen, translator(blocks(), seed=seed))
    typed = "const seed = document.getElementById('seed'); seed.value = arguments[0];"
    typed += "seed.dispatchEvent(new Event('change'))"
    for given, taken in (("12", 12), ("-3", 0), ("2.9", 2), ("", 0), ("1e12", 2**31 - 1)):
        seen = page.translates(lambda given=given: page.browser.execute_script(typed, given))
        assert page.element("seed").get_attribute("value") == str(taken)
        assert np.array_equal(seen, translator(blocks(), seed=taken))
    calm = page.translates(lambda: page.press("noise"))
    assert np.array_equal(calm, translator(blocks(), dropout=False))
    page.translates(lambda: page.press("another"))
    assert page.element("noise").is_selected()


def test_model_without_dropout_has_no_noise_to_choose(browser, translator, monkeypatch):
    config = translator.config
    calm = config.model_copy(
        update={"generator": config.generator.model_copy(update={"dropout": 0.0})}
    )
    monkeypatch.setattr(translator, "config", calm)
    with in_thread(make_app(translator, "blocks", [blocks()])) as address:
        page = Page(browser, address)
        assert not page.element("noises").is_displayed()
        assert np.array_equal(page.pixels("output"), translator(blocks(), dropout=False))


def test_dropped_photograph_is_read_by_the_server_and_translated(page, translator):
    wide = np.zeros((64, 192, 3), np.uint8)
    wide[:, 64:128] = (10, 200, 30)
    sideways = Image.Exif()
    sideways[0x0112] = 6
    sent = file_of(wide.swapaxes(0, 1), "PNG", exif=sideways)
    shown = page.translates(lambda: page.drop(sent))
    drawn = page.pixels("input")
    assert (drawn == (10, 200, 30)).all()
    assert np.array_equal(shown, translator(drawn, seed=0))
    page.press("undo")
    assert np.array_equal(page.pixels("input"), blocks())


def test_what_the_server_refuses_is_said_and_the_drawing_stays(page, monkeypatch):
    def says(words):
        page.until(lambda: words in page.status())
        assert "error" in page.element("status").get_attribute("class")
        assert np.array_equal(page.pixels("input"), blocks())

    page.drop(file_of(Image.new("CMYK", (8, 8)), "JPEG"), "mine.jpg")
    says("This picture is a CMYK image")
    page.drop(b"words", "mine.txt")
    says("This picture is not a JPEG, PNG or WebP file")
    page.browser.execute_script("model.task.bodyBytes = 1000")
    page.drop(bytes(2500))
    says("This file has 0.0 MB; the server takes 0.0 at most: make it smaller.")
    page.translates(page.draw)
    assert "error" not in page.element("status").get_attribute("class")


def test_busy_server_is_said_and_asked_again(page, translator, monkeypatch):
    gate = Event()
    own = demo._Handlers._turn

    def place(handlers):
        if not gate.is_set():
            raise demo._busy()
        return own(handlers)

    monkeypatch.setattr(demo._Handlers, "_turn", place)
    monkeypatch.setattr(demo, "RETRY_SECONDS", 1)
    page.browser.execute_script("document.body.dataset.state = 'asked'")
    page.press("clear")
    page.until(lambda: "busy" in page.status())
    assert np.array_equal(page.pixels("output"), translator(blocks(), seed=0))
    page.draw()  # what is drawn by then is what is translated
    gate.set()
    page.settle()
    assert np.array_equal(page.pixels("output"), translator(page.pixels("input"), seed=0))


def test_server_that_has_gone_is_said(browser, translator):
    app = make_app(translator, "blocks", [blocks()])
    with in_thread(app) as address:
        page = Page(browser, address)
    page.browser.execute_script("document.body.dataset.state = 'asked'")
    page.press("clear")
    page.settle("error")
    assert page.status() == "The server cannot be reached: is it still running?"


def test_translation_is_saved(page):
    page.press("save")
    file = page.browser.downloads / "blocks.png"
    page.until(file.exists)
    saved = np.array(Image.open(file).convert("RGB"))
    assert np.array_equal(saved, page.pixels("output"))


def test_page_says_where_pictures_go_and_loads_nothing_from_elsewhere(page, address):
    words = page.browser.find_element(By.TAG_NAME, "body").text
    assert "goes to this page's server" in words
    assert "on your device" not in words
    assert "LiteRT" not in words
    script = "return performance.getEntriesByType('resource').map((entry) => entry.name)"
    fetched = page.browser.execute_script(script)
    assert len(fetched) > 4
    assert all(name.startswith((address, "blob:")) for name in fetched)
    assert page.browser.execute_script("return document.cookie + localStorage.length") == "0"


def test_nothing_is_blocked_by_the_pages_own_policy(page):
    page.browser.get_log("browser")
    page.translates(page.draw)
    assert page.browser.get_log("browser") == []


def test_on_a_phone_all_of_it_has_room_and_a_finger_draws(page, address, translator):
    phone = {"width": 360, "height": 740, "deviceScaleFactor": 2, "mobile": True}
    page.browser.execute_cdp_cmd("Emulation.setDeviceMetricsOverride", phone)
    page.browser.execute_cdp_cmd("Emulation.setTouchEmulationEnabled", {"enabled": True})
    try:
        page = Page(page.browser, address)
        script = "return [document.documentElement.scrollWidth, innerWidth]"
        assert page.browser.execute_script(script) == [360, 360]
        box = page.element("input").rect
        places = [(box["x"] + share * box["width"], box["y"] + 60) for share in (0.2, 0.8)]

        def touch(kind, *points):
            points = [{"x": x, "y": y} for x, y in points]
            words = {"type": kind, "touchPoints": points}
            page.browser.execute_cdp_cmd("Input.dispatchTouchEvent", words)

        def stroke():
            touch("touchStart", places[0])
            touch("touchMove", places[1])
            touch("touchEnd")

        shown = page.translates(stroke)
        drawn = page.pixels("input")
        assert not np.array_equal(drawn, blocks())
        assert np.array_equal(shown, translator(drawn, seed=0))
        for name in ("another", "seed", "save"):
            assert page.element(name).rect["height"] >= 30
    finally:
        page.browser.execute_cdp_cmd("Emulation.setTouchEmulationEnabled", {"enabled": False})
        page.browser.execute_cdp_cmd("Emulation.clearDeviceMetricsOverride", {})
