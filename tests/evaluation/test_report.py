"""The report: what stands on the page, and that it works in a real browser."""

import base64
import io
import json
import re
import shutil
from collections import Counter
from html.parser import HTMLParser
from types import SimpleNamespace

import numpy as np
import pytest
from markupsafe import escape
from PIL import Image
from selenium.webdriver.common.action_chains import ActionChains
from selenium.webdriver.common.by import By
from selenium.webdriver.common.keys import Keys
from selenium.webdriver.support.select import Select

from pix2pix_tf.evaluation.metrics.compute import Estimate, MetricResults
from pix2pix_tf.evaluation.metrics.descriptions import DESCRIPTIONS
from pix2pix_tf.evaluation.metrics.metric import EvaluationItem
from pix2pix_tf.evaluation.report import write_report
from pix2pix_tf.evaluation.report.examples import choose_examples, ranked
from pix2pix_tf.evaluation.report.images import data_uri
from pix2pix_tf.evaluation.result import Evaluation
from pix2pix_tf.images.display import PairDisplay
from pix2pix_tf.segmentation.palette import make_palette
from pix2pix_tf.utils.errors import UserError
from pix2pix_tf.version import __version__
from tests.browsing import chromium, in_browser, open_page

VOID = {"meta", "link", "img", "input", "br"}
EVIL = "<script>alert(1)</script>\"'&.png"


class Images:
    """EvaluationItems of plain colours; `seen` has the indices that were looked at."""

    display = PairDisplay()

    def __init__(self, names, size=(24, 24), inputs=True):
        self.names, self.size, self.inputs, self.seen = names, size, inputs, []

    def __getitem__(self, index):
        self.seen.append(index)
        output, target = (np.full((*self.size, 3), level, np.uint8) for level in (index % 200, 200))
        return EvaluationItem(self.names[index], output, target)

    def source(self, index):
        return np.full((*self.size, 1), 100, np.uint8) if self.inputs else None


def evaluation(scores, names=None, sums=None, notes=(), title="runs/blocks", **words):
    """An evaluation whose images have these scores."""
    images = len(next(iter(scores.values())))
    names = names or [f"image {place}" for place in range(images)]
    estimates = {
        name: Estimate(float(np.mean(values)), min(values), max(values))
        for name, values in scores.items()
    }
    estimates["kid"] = Estimate(0.0123)
    results = MetricResults(names, estimates, scores, sums or {})
    items = Images(names, **words)
    return Evaluation(title, results, items, 1600, "val", notes=list(notes))


def scored(images=10):
    """SSIM and L1 rise with the number: the best image by the one is the worst by the other."""
    ssim = [0.1 + place / 100 for place in range(images)]
    return {"l1": [0.05 + place / 1000 for place in range(images)], "ssim": ssim}


class Page(HTMLParser):
    """The elements of a page, which must be nested as they should be."""

    def __init__(self, text):
        super().__init__()
        self.elements, self.open = [], []
        self.feed(text)
        self.close()
        assert not self.open

    def handle_starttag(self, tag, attributes):
        element = SimpleNamespace(tag=tag, text="", attributes=dict(attributes))
        assert len(attributes) == len(element.attributes), attributes
        self.elements.append(element)
        if tag not in VOID:
            self.open.append(element)

    def handle_startendtag(self, tag, attributes):
        self.handle_starttag(tag, attributes)
        if tag not in VOID:
            self.open.pop()

    def handle_endtag(self, tag):
        assert self.open.pop().tag == tag

    def handle_data(self, data):
        for element in self.open:
            element.text += data

    def all(self, tag, **attributes):
        return [
            element
            for element in self.elements
            if element.tag == tag
            and all(element.attributes.get(key) == value for key, value in attributes.items())
        ]

    def rows(self, table):
        """Cells' texts of a table of this class, row by row, without its head."""
        start = self.elements.index(self.all("table", **{"class": table})[0])
        rows = []
        for element in self.elements[start + 1 :]:
            if element.tag == "table":
                break
            if element.tag == "tr":
                rows.append([])
            elif element.tag in ("th", "td"):
                rows[-1].append(element.text)
        return rows[1:]


@pytest.fixture
def report(tmp_path):
    """Writes a report and reads it again."""

    def write(result, **words):
        file = write_report(result, tmp_path / "report", **words)
        assert [path.name for path in file.parent.iterdir()] == ["index.html"]
        return Page(file.read_text(encoding="utf-8"))

    return write


def history():
    return [
        {"step": step, "split": "val", "scores": {"l1": 1 / (step + 1), "ssim": step / 2000}}
        for step in (0, 800, 1600)
    ]


def headings(page):
    return [element.text for element in page.all("h2")]


def test_page_says_what_was_scored_and_how(report):
    page = report(evaluation(scored(), notes=["read <this> first"]))
    assert page.all("h1")[0].text == "runs/blocks"
    facts = page.all("dl", **{"class": "facts"})[0].text
    for fact in ("step1,600", "splitval", "images10", f"pix2pix-tf{__version__}"):
        assert fact in facts
    assert re.search(r"made on\d{4}-\d\d-\d\d", facts)
    assert page.rows("scores") == [
        ["L1", "0.0545", "0.0500 to 0.0590", DESCRIPTIONS["l1"]],
        ["SSIM", "0.1450", "0.1000 to 0.1900", DESCRIPTIONS["ssim"]],
        ["KID", "0.0123", "", DESCRIPTIONS["kid"]],
    ]
    assert [note.text for note in page.all("li")] == ["read <this> first"]


def test_page_needs_nothing_else(report):
    page = report(
        evaluation(scored(), sums={"lab_histogram": np.ones((2, 3, 100))}), history=history()
    )
    assert len(page.all("svg")) == 2 + 2 * 3 + 2  # spread; colours on two scales; curves
    for element in page.elements:
        for name in ("src", "href", "xlink:href", "srcset", "action"):
            address = element.attributes.get(name)
            assert address is None or address.startswith(("data:", "#")), address
    assert "url(" not in page.all("style")[0].text.replace("url(#", "")
    identifiers = [e.attributes["id"] for e in page.elements if "id" in e.attributes]
    assert not [name for name, count in Counter(identifiers).items() if count > 1]


def test_names_cannot_become_tags(report):
    names = [f"{place}{EVIL}" for place in range(3)]
    page = report(evaluation(scored(3), names, title=EVIL, notes=[EVIL]))
    scripts = [element.text for element in page.all("script")]
    assert len(scripts) == 2  # the data and the page's own
    assert "alert" not in "".join(scripts)
    assert page.all("h1")[0].text == EVIL
    assert page.all("title")[0].text.startswith(EVIL)
    assert {card.text for card in page.all("h4")} == set(names)
    assert [row[0] for row in page.rows("images")] == names
    assert {image.attributes["alt"] for image in page.all("img")} >= {f"output of {names[0]}"}


def test_best_median_and_worst_are_chosen_by_each_score(report):
    result = evaluation(scored(11))
    seen = []
    page = report(result, advance=seen.append)
    rankings = json.loads(page.all("script", id="rankings")[0].text)
    assert rankings == {
        "ssim": {"Best": [10, 9, 8], "Median": [6, 5, 4], "Worst": [0, 1, 2]},
        "l1": {"Best": [0, 1, 2], "Median": [4, 5, 6], "Worst": [10, 9, 8]},
    }
    assert [group.attributes["data-group"] for group in page.all("div", **{"class": "cards"})] == [
        *("Best", "Median", "Worst")
    ]
    cards = [card.attributes["data-image"] for card in page.all("article")]
    assert cards == ["10", "9", "8", "6", "5", "4", "0", "1", "2"]  # by SSIM, also without script
    assert sorted(result.items.seen) == sorted(int(card) for card in cards)
    assert seen == [9] * 9


def test_few_images_stand_in_one_place_each():
    assert choose_examples({"ssim": [0.1, 0.3]}, 2) == {"ssim": {"Best": [1], "Worst": [0]}}
    four = choose_examples({"ssim": [0.1, 0.2, 0.3, 0.4]}, 4)["ssim"]
    assert four == {"Best": [3], "Median": [2], "Worst": [0]}
    for images in range(2, 12):
        groups = choose_examples({"ssim": list(range(images))}, images)["ssim"].values()
        members = [index for group in groups for index in group]
        assert len(members) == len(set(members))


def test_without_a_score_that_ranks_images_some_are_spread_evenly(report):
    assert choose_examples({}, 17) == {"": {"Examples": [0, 2, 4, 6, 8, 10, 12, 14, 16]}}
    assert choose_examples({"ssim": [0.5]}, 1) == {"": {"Examples": [0]}}
    page = report(evaluation({"ssim": [0.5]}))
    assert page.all("h3")[0].text == "Examples"
    assert len(page.all("img")) == 3


def test_what_is_best_depends_on_the_score():
    inf, nan = float("inf"), float("nan")
    assert ranked([0.2, 0.1, 0.3], "l1") == [1, 0, 2]
    assert ranked([20.0, inf, nan, 30.0], "psnr") == [1, 3, 0, 2]  # equal images are the best
    assert ranked([2.0, 0.9, 0.6, 0.0], "sharpness") == [1, 2, 0, 3]  # 0.6 is nearer to 1 than 2
    assert ranked([0.5, 0.5, 0.7, -0.5], "ssim") == [2, 0, 1, 3]


def embedded(page, kind):
    """The pictures of a kind as arrays, in the order of the page."""
    images = [i for i in page.all("img") if i.attributes["alt"].startswith(f"{kind} of")]
    data = [base64.b64decode(i.attributes["src"].split("base64,")[1]) for i in images]
    return [np.array(Image.open(io.BytesIO(part)).convert("RGB")) for part in data]


def test_each_picture_is_embedded_once(report):
    page = report(evaluation(scored(10)))
    cards = [int(card.attributes["data-image"]) for card in page.all("article")]
    assert sorted(cards) == list(range(10))  # the six of both ends, and medians by two scores
    for kind, levels in (("output", cards), ("input", [100] * 10), ("target", [200] * 10)):
        shown = embedded(page, kind)
        assert [np.unique(image).tolist() for image in shown] == [[level] for level in levels]
        assert {image.shape for image in shown} == {(24, 24, 3)}


def test_large_pictures_are_scaled_down_and_the_page_says_so(report):
    page = report(evaluation(scored(2), size=(640, 1280), inputs=False))
    assert {image.shape for image in embedded(page, "output")} == {(256, 512, 3)}
    assert not embedded(page, "input")
    assert {card.attributes["class"] for card in page.all("article")} == {"card wide"}
    remarks = " ".join(element.text for element in page.all("p", **{"class": "remark"}))
    assert "longer than 512 pixels are shown scaled down" in remarks


def test_label_pictures_are_exact_and_photographs_small():
    labels = np.zeros((64, 64, 3), np.uint8)
    labels[10:30, 20:50] = (255, 0, 127)
    kind, data = data_uri(labels).split(";base64,")
    assert kind == "data:image/webp"
    assert np.array_equal(np.array(Image.open(io.BytesIO(base64.b64decode(data)))), labels)
    photo = np.random.default_rng(0).integers(0, 256, (64, 64, 3), np.uint8)
    assert data_uri(photo).startswith("data:image/jpeg")
    assert len(data_uri(photo)) < 4 / 3 * photo.size


def test_noise_is_embedded_though_no_format_makes_it_smaller():
    noise = np.random.default_rng(0).integers(0, 256, (400, 500, 3), np.uint8)
    assert data_uri(noise).startswith("data:image/")


def test_classes_have_their_accuracy_and_iou(report):
    matrix = np.array([[6, 2], [0, 2]])  # of 8 pixels of the first class, 2 are taken for the other
    palette = make_palette(
        "two",
        [{"name": "road & <b>", "colour": [1, 2, 3]}, {"name": "sky", "colour": [9, 9, 9]}],
        "here",
    )
    sums = {"segmentation": matrix}
    page = report(evaluation(scored(3), sums=sums), palette=palette)
    assert page.rows("classes") == [
        ["road & <b>", "80.0%", "0.7500", "0.7500"],
        ["sky", "20.0%", "1.0000", "0.5000"],
    ]
    swatch = page.all("span", **{"class": "swatch"})[0]
    assert swatch.attributes["style"] == "background: rgb(1, 2, 3)"


def test_segmenter_is_shown_on_outputs_and_targets(report):
    outputs, targets = [[1, 1], [2, 0]], [[2, 0], [1, 1]]
    page = report(evaluation(scored(3), sums={"fcn_score": np.array([outputs, targets])}))
    assert page.rows("classes") == [
        ["class 0", "50.0%", "0.5000", "0.2500", "1.0000", "0.6667"],
        ["class 1", "50.0%", "0.0000", "0.0000", "0.5000", "0.5000"],
    ]


def test_sections_are_there_where_there_is_something_to_show(report, tmp_path):
    page = report(evaluation(scored(3)))
    assert headings(page) == ["Scores", "Images", "Spread over images", "All 3 images"]
    shutil.rmtree(tmp_path / "report")
    sums = {"lab_histogram": np.ones((2, 3, 100)), "segmentation": np.eye(2)}
    page = report(evaluation(scored(3), sums=sums), history=history())
    more = {"Classes of the label maps", "Colours", "Training"}
    assert more <= set(headings(page))


def test_infinite_and_undefined_scores_are_shown_as_such(report):
    scores = {"psnr": [float("inf"), 20.0, 30.0], "ssim": [1.0, float("nan"), 0.5]}
    page = report(evaluation(scores))
    assert page.rows("images") == [
        ["image 0", "∞", "1.0000"],
        ["image 1", "20.0000", "–"],
        ["image 2", "30.0000", "0.5000"],
    ]
    remarks = " ".join(element.text for element in page.all("p", **{"class": "remark"}))
    assert "1 image without a finite PSNR cannot be drawn" in remarks


def test_very_many_images_are_not_listed(report, tmp_path):
    page = report(evaluation({"ssim": [0.5] * 2000}))
    assert len(page.rows("images")) == 2000
    shutil.rmtree(tmp_path / "report")
    page = report(evaluation({"ssim": [0.5] * 2001}))
    assert not page.all("table", **{"class": "images"})
    assert "each of the 2,001 images are in the file that --json FILE" in page.all("p")[-1].text


def test_what_is_there_is_not_overwritten(tmp_path):
    (tmp_path / "mine").mkdir()
    (tmp_path / "mine" / "notes.txt").touch()
    result = evaluation(scored(3))
    with pytest.raises(UserError, match="mine: already exists"):
        write_report(result, tmp_path / "mine")
    assert not result.items.seen


def test_report_that_cannot_be_finished_leaves_nothing(tmp_path):
    result = evaluation(scored(3))

    def fail(index):
        raise UserError("image 0: is gone")

    result.items.source = fail
    with pytest.raises(UserError, match="is gone"):
        write_report(result, tmp_path / "report")
    assert not list(tmp_path.iterdir())


# ---- in a browser


@pytest.fixture(scope="module")
def browser():
    with chromium(logs=("browser", "performance")) as driver:
        yield driver


@pytest.fixture(scope="module")
def file(tmp_path_factory):
    names = [f"{place}{EVIL}" for place in range(12)]
    sums = {"lab_histogram": np.ones((2, 3, 100))}
    scores = {**scored(12), "psnr": [float("nan"), float("inf"), *np.arange(10.0)]}
    result = evaluation(scores, names, sums, size=(64, 64))
    return write_report(result, tmp_path_factory.mktemp("page") / "report", history=history())


@pytest.fixture
def opened(browser, file):
    """The page as it has just been opened; at the end it must not have complained or asked."""
    for log in ("browser", "performance"):
        browser.get_log(log)
    open_page(browser, file.as_uri())
    yield browser
    assert browser.get_log("browser") == []
    events = [json.loads(entry["message"])["message"] for entry in browser.get_log("performance")]
    asked = [
        event["params"]["request"]["url"]
        for event in events
        if event["method"] == "Network.requestWillBeSent"
    ]
    assert file.as_uri() in asked
    assert all(url == file.as_uri() or url.startswith("data:") for url in asked)


def position(comparison):
    """How much of the output is uncovered, in percent of the width."""
    script = "return getComputedStyle(arguments[0]).getPropertyValue('--at')"
    return float(comparison.parent.execute_script(script, comparison))


def colour(browser, comparison, share):
    """What is seen in the upper part of a comparison, at a share of its width: its red."""
    shot = Image.open(io.BytesIO(comparison.screenshot_as_png)).convert("RGB")
    return shot.getpixel((int(share * shot.width), shot.height // 8))[0]


@in_browser
def test_slider_follows_the_pointer(opened):
    comparison = opened.find_element(By.CSS_SELECTOR, ".comparison")
    assert position(comparison) == 50
    assert colour(opened, comparison, 0.25) == 11  # the output of image 11, the best by SSIM
    assert colour(opened, comparison, 0.75) == 200  # its target
    width = comparison.size["width"]
    actions = ActionChains(opened, duration=50).move_to_element(comparison).click_and_hold()
    actions.move_by_offset(round(0.4 * width), 0).release().move_by_offset(-width // 2, 0).perform()
    assert position(comparison) == pytest.approx(90, abs=1)  # it stays when let go
    assert colour(opened, comparison, 0.75) == 11
    others = opened.find_elements(By.CSS_SELECTOR, ".group .comparison")[1:]
    assert {position(other) for other in others} == {50}


@in_browser
def test_slider_follows_a_finger(opened):
    comparison = opened.find_element(By.CSS_SELECTOR, ".comparison")
    opened.execute_script("arguments[0].scrollIntoView({block: 'center'})", comparison)
    box = opened.execute_script("return arguments[0].getBoundingClientRect().toJSON()", comparison)
    height = box["y"] + box["height"] / 2
    for kind, share in (("touchStart", 0.5), ("touchMove", 0.3), ("touchMove", 0.2)):
        points = [{"x": box["x"] + share * box["width"], "y": height}]
        opened.execute_cdp_cmd("Input.dispatchTouchEvent", {"type": kind, "touchPoints": points})
    opened.execute_cdp_cmd("Input.dispatchTouchEvent", {"type": "touchEnd", "touchPoints": []})
    assert position(comparison) == pytest.approx(20, abs=1)


@in_browser
def test_slider_follows_the_keyboard_and_has_a_name(opened):
    comparison = opened.find_element(By.CSS_SELECTOR, ".comparison")
    slider = comparison.find_element(By.CSS_SELECTOR, "input")
    assert slider.aria_role == "slider"
    assert slider.accessible_name == f"Output to target: 11{EVIL}"
    opened.execute_script("arguments[0].focus()", slider)
    ActionChains(opened).send_keys(*[Keys.ARROW_RIGHT] * 3).perform()
    assert position(comparison) == 53
    ActionChains(opened).send_keys(Keys.HOME).perform()
    assert position(comparison) == 0
    assert slider.get_attribute("aria-valuetext") == "0 % output"


@in_browser
def test_other_scores_show_other_images(opened):
    def shown():
        cards = opened.find_elements(By.CSS_SELECTOR, ".group .card")
        assert all(card.is_displayed() for card in cards)
        return [int(card.get_attribute("data-image")) for card in cards]

    assert shown() == [11, 10, 9, 7, 6, 5, 0, 1, 2]
    select = Select(opened.find_element(By.ID, "ranking"))
    select.select_by_visible_text("PSNR")
    assert shown()[0] == 1  # infinite
    assert shown()[6] == 0  # undefined
    select.select_by_visible_text("SSIM")
    assert shown() == [11, 10, 9, 7, 6, 5, 0, 1, 2]


@in_browser
def test_pictures_lie_side_by_side_when_asked_for(opened):
    card = opened.find_element(By.CSS_SELECTOR, ".card")
    opened.find_element(By.CSS_SELECTOR, "[value='sides']").click()
    kinds = ("input", "output", "target")
    boxes = [card.find_element(By.CSS_SELECTOR, f".{kind} img").rect for kind in kinds]
    assert boxes[0]["x"] < boxes[1]["x"] < boxes[2]["x"]
    assert len({box["y"] for box in boxes}) == 1
    assert colour(opened, card.find_element(By.CSS_SELECTOR, ".target"), 0.1) == 200
    opened.find_element(By.CSS_SELECTOR, "[value='slider']").click()


@in_browser
def test_table_is_sorted_and_filtered(opened):
    def column(place):
        rows = opened.find_elements(By.CSS_SELECTOR, ".images tbody tr")
        return [row.find_elements(By.XPATH, "*")[place].text for row in rows if row.is_displayed()]

    buttons = opened.find_elements(By.CSS_SELECTOR, ".images button")
    heading = opened.find_elements(By.CSS_SELECTOR, ".images thead th")[3]
    assert [button.text for button in buttons] == ["image", "L1", "SSIM", "PSNR"]
    buttons[3].click()
    assert column(3) == [*(f"{value}.0000" for value in range(10)), "∞", "–"]
    assert heading.get_attribute("aria-sort") == "ascending"
    buttons[3].click()
    assert column(3) == ["∞", *(f"{value}.0000" for value in reversed(range(10))), "–"]
    buttons[0].click()
    assert [int(name.split("<")[0]) for name in column(0)] == list(range(12))  # 2 before 10
    assert heading.get_attribute("aria-sort") is None
    search = opened.find_element(By.ID, "filter")
    search.send_keys("1<SCRIPT")
    assert [name.split("<")[0] for name in column(0)] == ["1", "11"]
    assert opened.find_element(By.ID, "matching").text == "2 of 12"
    search.clear()
    search.send_keys(" ")
    assert len(column(0)) == 12


@in_browser
def test_histograms_are_logarithmic_or_linear(opened):
    shown = [opened.find_element(By.CSS_SELECTOR, f".lab .{scale}") for scale in ("log", "linear")]
    assert [part.is_displayed() for part in shown] == [True, False]
    opened.find_element(By.CSS_SELECTOR, "label[for='scale-linear']").click()
    assert [part.is_displayed() for part in shown] == [False, True]


@in_browser
def test_page_fits_a_phone(opened):
    phone = {"width": 360, "height": 740, "deviceScaleFactor": 2, "mobile": True}
    opened.execute_cdp_cmd("Emulation.setDeviceMetricsOverride", phone)
    try:
        script = "return [document.documentElement.scrollWidth, innerWidth]"
        assert opened.execute_script(script) == [360, 360]
        comparison = opened.find_element(By.CSS_SELECTOR, ".comparison")
        assert comparison.size["width"] > 200
    finally:
        opened.execute_cdp_cmd("Emulation.clearDeviceMetricsOverride", {})


@in_browser
def test_page_is_dark_where_the_reader_likes_it_so(opened):
    def levels(name):
        value = opened.find_element(By.TAG_NAME, "body").value_of_css_property(name)
        return np.mean([int(part) for part in re.findall(r"\d+", value)[:3]])

    assert levels("color") < 60 < 200 < levels("background-color")
    dark = {"features": [{"name": "prefers-color-scheme", "value": "dark"}]}
    opened.execute_cdp_cmd("Emulation.setEmulatedMedia", dark)
    try:
        assert levels("background-color") < 60 < 200 < levels("color")
    finally:
        opened.execute_cdp_cmd("Emulation.setEmulatedMedia", {"features": []})


@in_browser
def test_nothing_but_the_pages_own_script_runs(browser, file, tmp_path):
    text = file.read_text(encoding="utf-8").replace(str(escape(EVIL)), EVIL)
    injected = tmp_path / "injected.html"
    injected.write_text(text, encoding="utf-8")
    open_page(browser, injected.as_uri())  # an alert would fail what follows
    assert "html" in browser.find_element(By.TAG_NAME, "html").tag_name
    refused = [entry["message"] for entry in browser.get_log("browser")]
    assert any("Content Security Policy" in message for message in refused)
