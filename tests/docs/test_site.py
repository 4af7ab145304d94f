"""The site as `make docs` builds it: its links, its pages in a real browser."""

from __future__ import annotations

import io
import subprocess
import sys
import time
from base64 import b64decode
from html.parser import HTMLParser
from urllib.parse import unquote, urlsplit

import numpy as np
import pytest
from PIL import Image
from selenium.webdriver.common.action_chains import ActionChains
from selenium.webdriver.common.by import By

import pix2pix_tf
from pix2pix_tf.exporters import web
from tests.browsing import Served, chromium, in_browser, open_page
from tests.docs.test_commands import KEYS, SECTIONS
from tests.docs.written import ROOT

sys.path.insert(0, str(ROOT / "docs" / "_ext"))
from reference_commands import commands

needs_runtime = pytest.mark.skipif(
    not (web.RUNTIME / "index.js").is_file(),
    reason="this checkout has no browser runtime: make web-assets",
)
pytestmark = [
    pytest.mark.slow("builds the site and opens it in a browser"),
    pytest.mark.xdist_group("site"),
]
PAGES = ("index", "getting-started", "config-keys", "commands", "api", "architecture")


@pytest.fixture(scope="module")
def site(tmp_path_factory):
    folder = tmp_path_factory.mktemp("site")
    build = [sys.executable, "-m", "sphinx", "-W", "--keep-going", "-q", "-b", "html"]
    command = [*build, "-d", str(folder / "doctrees"), str(ROOT / "docs"), str(folder / "html")]
    done = subprocess.run(command, capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stderr
    return folder / "html"


class _Links(HTMLParser):
    """What a page links to, and the places in it that can be linked to."""

    def __init__(self, text):
        super().__init__()
        self.targets, self.anchors = [], {""}
        self.feed(text)

    def handle_starttag(self, tag, attributes):
        values = dict(attributes)
        self.targets += [values[name] for name in ("href", "src") if values.get(name)]
        self.anchors |= {values[name] for name in ("id", "name") if values.get(name)}


def test_internal_links_lead_somewhere(site):
    pages = {path: _Links(path.read_text("utf-8")) for path in site.rglob("*.html")}
    broken, checked = [], 0
    for path, page in pages.items():
        for target in page.targets:
            parts = urlsplit(target)
            if parts.scheme or parts.netloc:
                continue
            checked += 1
            file = (path.parent / unquote(parts.path)).resolve() if parts.path else path
            inside = pages.get(file)
            if not file.is_file() or (inside and unquote(parts.fragment) not in inside.anchors):
                broken.append(f"{path.relative_to(site)}: {target}")
    assert checked > 500
    assert not broken


def test_every_config_key_is_explained(site):
    text = (site / "config-keys.html").read_text("utf-8")
    for key in KEYS - SECTIONS:
        assert f">{key.rpartition('.')[2]}</span>" in text, key


def test_every_command_and_option_is_listed(site):
    text = (site / "commands.html").read_text("utf-8")
    for words, command in commands().items():
        section = text.partition(f">{words}<a")[2].partition("<section")[0]
        for parameter in command.params:
            names = parameter.opts if parameter.opts[0].startswith("-") else [parameter.metavar]
            assert all(f">{name}<" in section for name in names), (words, names)


def test_everything_public_is_in_the_api(site):
    text = (site / "api.html").read_text("utf-8")
    for name in set(pix2pix_tf.__all__) - {"__version__"}:
        assert f'id="pix2pix_tf.{name}"' in text, name


@pytest.fixture(scope="module")
def browser():
    with chromium() as driver:
        yield driver


@pytest.fixture(params=["light wide", "dark wide", "light narrow", "dark narrow"])
def look(request, browser):
    """The browser's theme and the width of its window in pixels."""
    theme, width = request.param.split()
    pixels = {"wide": 1280, "narrow": 390}[width]
    metrics = {"width": pixels, "height": 900, "deviceScaleFactor": 1, "mobile": width == "narrow"}
    media = {"features": [{"name": "prefers-color-scheme", "value": theme}]}
    browser.execute_cdp_cmd("Emulation.setDeviceMetricsOverride", metrics)
    browser.execute_cdp_cmd("Emulation.setEmulatedMedia", media)
    yield theme, pixels
    browser.execute_cdp_cmd("Emulation.clearDeviceMetricsOverride", {})
    browser.execute_cdp_cmd("Emulation.setEmulatedMedia", {"features": []})


_LUMINANCE = """
const style = getComputedStyle(arguments[0])[arguments[1]];
const [red, green, blue] = style.match(/[\\d.]+/g).map(Number);
return (0.2126 * red + 0.7152 * green + 0.0722 * blue) / 255;
"""


@in_browser
def test_pages_are_readable(site, browser, look):
    theme, width = look
    with Served(site) as address:
        for name in PAGES:
            open_page(browser, f"{address}{name}.html")
            ground, *words = (
                browser.execute_script(_LUMINANCE, element, style)
                for selector, style in (
                    ("body", "backgroundColor"),
                    ("article p", "color"),
                    (".drawing text", "fill"),
                )
                for element in browser.find_elements(By.CSS_SELECTOR, selector)
            )
            light = theme == "light"
            assert words
            assert ground > 0.9 if light else ground < 0.2
            assert all(abs(word - ground) > 0.45 for word in words)
            wide = browser.execute_script("return document.documentElement.scrollWidth")
            assert wide <= width, f"{name} is {wide} pixels wide"
        severe = [entry for entry in browser.get_log("browser") if entry["level"] == "SEVERE"]
        assert not severe


def _wait_until_done(browser):
    deadline = time.monotonic() + 60
    while browser.execute_script("return document.body.dataset.state") != "done":
        assert time.monotonic() < deadline, browser.find_element(By.ID, "status").text
        time.sleep(0.05)


def _pixels(browser, canvas):
    script = f"return document.getElementById('{canvas}').toDataURL('image/png').split(',')[1]"
    image = Image.open(io.BytesIO(b64decode(browser.execute_script(script))))
    return np.array(image.convert("RGB")).astype(int)


_COLOURS = "return [...document.querySelectorAll('[data-colour]')].map((x) => x.dataset.colour)"


def _draw_square(browser, colour):
    """Paints the middle of the drawing, half as wide and high, by the page's own tools."""
    browser.find_element(By.CSS_SELECTOR, "[data-tool='rectangle']").click()
    browser.find_element(By.CSS_SELECTOR, f"[data-colour='{colour}']").click()
    browser.execute_script("document.body.dataset.state = 'waiting'")
    canvas = browser.find_element(By.ID, "input")
    quarter = canvas.size["width"] // 4
    pointer = ActionChains(browser, duration=0)
    pointer.move_to_element_with_offset(canvas, -quarter, -quarter).click_and_hold()
    pointer.move_to_element_with_offset(canvas, quarter, quarter).release().perform()
    _wait_until_done(browser)


@in_browser
@needs_runtime
def test_visitor_draws_a_map_and_sees_the_photograph(site, browser, look):
    """Within the site's page, in its frame: what an own page shows too."""
    _, width = look
    with Served(site) as address:
        open_page(browser, f"{address}try.html")
        frame = browser.find_element(By.CSS_SELECTOR, "iframe.demo")
        browser.execute_script("arguments[0].scrollIntoView()", frame)
        browser.switch_to.frame(frame)
        try:
            _wait_until_done(browser)
            example = _pixels(browser, "output")
            assert example.std(axis=(0, 1)).min() > 15  # a city, not a ground of one colour
            assert np.abs(example - _pixels(browser, "input")).mean() > 30
            wide = browser.execute_script("return document.documentElement.scrollWidth")
            assert wide <= browser.execute_script("return innerWidth") <= width
            colours = [_rgb(colour) for colour in browser.execute_script(_COLOURS)]
            for channel in (2, 1):  # water, which is blue, and parks
                colour = max(colours, key=lambda rgb: rgb[channel] - sum(rgb) / 3)
                _draw_square(browser, "#" + "".join(f"{level:02x}" for level in colour))
                assert (_pixels(browser, "input")[70:-70, 70:-70] == colour).all()
                photo = _pixels(browser, "output")[90:-90, 90:-90].mean(axis=(0, 1))
                assert photo.argmax() == channel
        finally:
            browser.switch_to.default_content()


def _rgb(colour):
    return [int(colour[at : at + 2], 16) for at in (1, 3, 5)]
