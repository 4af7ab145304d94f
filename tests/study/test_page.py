"""The page in a real browser: whole sessions, what it shows, measures and says."""

import time
from base64 import b64decode
from contextlib import ExitStack, contextmanager

import numpy as np
import pytest
from selenium.webdriver.common.by import By
from selenium.webdriver.common.keys import Keys

from pix2pix_tf.study.create import Invitation
from pix2pix_tf.study.database import AnswerDatabase
from pix2pix_tf.study.records import Session
from pix2pix_tf.study.settings import Protocol
from tests.browsing import chromium, in_browser, open_page
from tests.study.participants import in_thread, seen, tiny_study

pytestmark = in_browser
# The pauses between images are not what is tested; the images' own time is not set by timers.
SHORT_PAUSES = """{
  const own = setTimeout;
  window.setTimeout = (act, milliseconds, ...words) => own(act, milliseconds / 10, ...words);
}"""
# A second opinion of how long images were shown.
WATCH = """
window.watched = [];
for (const place of [first, second]) {
  new MutationObserver(() => {
    if (place.classList.contains("shown")) place.since = performance.now();
    else if (place.since) { watched.push(performance.now() - place.since); place.since = 0; }
  }).observe(place, { attributes: true, attributeFilter: ["class"] });
}
"""
# Which images are to be seen, frame by frame, each change once.
LOOK = """
window.looks = [""];
function look() {
  const seen = (place) => {
    const image = document.querySelector(`#${place} img`);
    return image && image.checkVisibility({ visibilityProperty: true });
  };
  const now = ["first", "second"].filter(seen).join();
  if (now !== looks.at(-1)) looks.push(now);
  requestAnimationFrame(look);
}
look();
"""
# Leaves the page for half a second in the frame in which an image appears.
LEAVE = """
const place = document.getElementById(arguments[0]);
const turn = (hidden) => {
  Object.defineProperty(document, "hidden", { value: hidden, configurable: true });
  document.dispatchEvent(new Event("visibilitychange"));
};
const observer = new MutationObserver(() => {
  observer.disconnect();
  turn(true);
  setTimeout(turn, 5000, false);  // SHORT_PAUSES divides by ten
});
observer.observe(place, { attributes: true, attributeFilter: ["class"] });
"""
PIXELS = """
const image = document.querySelector(`#${arguments[0]} img`);
const canvas = Object.assign(document.createElement("canvas"), {width: 8, height: 8});
canvas.getContext("2d").drawImage(image, 0, 0);
return canvas.toDataURL("image/png").split(",")[1];
"""
PHONES = {"upright": (360, 640), "large": (412, 915), "on its side": (740, 360)}


@pytest.fixture(scope="module")
def browser():
    with chromium() as driver:
        script = {"source": SHORT_PAUSES}
        driver.execute_cdp_cmd("Page.addScriptToEvaluateOnNewDocument", script)
        yield driver


class Visit:
    """One participant at the page of a study."""

    def __init__(self, browser, study, address):
        self.browser, self.study, self.address = browser, study, address

    def open(self, code=""):
        open_page(self.browser, self.address + code)
        self.browser.execute_script(WATCH)

    def state(self):
        return self.browser.execute_script("return document.body.dataset.state")

    def wait(self, condition):
        deadline = time.monotonic() + 30
        while not condition():
            assert time.monotonic() < deadline, (self.state(), self.text())
            time.sleep(0.005)

    def until(self, *states):
        self.wait(lambda: self.state() in states)

    def text(self):
        return self.browser.find_element(By.TAG_NAME, "body").text

    def press(self, selector):
        self.browser.find_element(By.CSS_SELECTOR, selector).click()

    def key(self, key):
        self.browser.find_element(By.TAG_NAME, "body").send_keys(key)

    def begin(self, code=""):
        self.open(code)
        self.until("start")
        self.press("#begin button")

    def go_on(self, said):
        self.until("pause")
        assert said in self.text()
        self.press("#go-on")

    def fake(self, number, session=1):
        """Which image of a trial is the fake, as planned."""
        answers = AnswerDatabase(self.study.answers_file)
        trial = answers.trial(Session(session, "", 0, 0), number)
        answers.close()
        return "first" if trial.fake_first else "second"

    def answered(self):
        answers = AnswerDatabase(self.study.answers_file)
        found = answers.answered()
        answers.close()
        return found

    def side(self, place):
        return seen(b64decode(self.browser.execute_script(PIXELS, place)))[0]


@pytest.fixture
def visit(browser, tmp_path):
    """A function that makes a study and the visit of one participant, without cookies."""
    with ExitStack() as stack:

        def make(practice=1, trials=2, seconds=0.2, **words):
            protocol = Protocol(practice=practice, trials=trials, seconds=seconds)
            study = tiny_study(tmp_path, protocol, ["L1"], **words)
            browser.execute_cdp_cmd("Network.clearBrowserCookies", {})
            browser.get_log("browser")
            return Visit(browser, study, stack.enter_context(in_thread(study)))

        yield make


@contextmanager
def phone(browser, width, height):
    """The browser as a phone, with fingers."""
    metrics = {"width": width, "height": height, "deviceScaleFactor": 2, "mobile": True}
    browser.execute_cdp_cmd("Emulation.setDeviceMetricsOverride", metrics)
    browser.execute_cdp_cmd("Emulation.setTouchEmulationEnabled", {"enabled": True})
    try:
        yield
    finally:
        browser.execute_cdp_cmd("Emulation.setTouchEmulationEnabled", {"enabled": False})
        browser.execute_cdp_cmd("Emulation.clearDeviceMetricsOverride", {})


def test_whole_session(visit):
    one = visit(practice=2, trials=3, about="Ask <b>Ada</b> & co.")
    one.open()
    one.until("start")
    for words in ("Ask <b>Ada</b> & co.", "0.2 seconds", "2 pairs", "3 pairs", "What is stored"):
        assert words in one.text()
    one.press("#begin button")

    one.until("answering")
    assert "Practice 1 of 2" in one.text()
    assert "Which one was fake?" in one.text()
    fake = one.fake(0)
    one.press(f"#{fake}")
    one.until("feedback")
    assert f"Right: the {fake} was fake." in one.text()
    for place in ("first", "second"):
        expected = "Fake" if place == fake else "Real"
        assert one.browser.find_element(By.CSS_SELECTOR, f"#{place} .verdict").text == expected
        assert one.side(place) == ("L1" if place == fake else "real")
    one.press("#next")

    one.until("answering")
    fake = one.fake(1)
    one.key("2" if fake == "first" else "1")
    one.until("feedback")
    assert f"No: the {fake} was fake." in one.text()
    one.browser.switch_to.active_element.send_keys(Keys.ENTER)  # the button has the focus
    one.go_on("you are no longer told")

    chosen = []
    for number, key in ((2, Keys.ARROW_LEFT), (3, Keys.ARROW_RIGHT), (4, "x1")):
        one.until("answering")
        assert f"Pair {number - 1} of 3" in one.text()
        one.key(key)  # x means nothing
        chosen.append(key != Keys.ARROW_RIGHT)
        one.until("showing", "done")
    one.until("done")
    assert "Thank you" in one.text()
    assert [answer.answer.chose_first for answer in one.answered()] == chosen
    assert one.browser.get_log("browser") == []  # no error, nothing that the policy forbids
    one.open()
    one.until("done")


def test_images_are_shown_as_long_as_is_stored(visit):
    one = visit(practice=0, trials=5)
    one.begin()
    for number in range(5):
        one.until("answering")
        one.key("1")
        one.until("showing" if number < 4 else "done")
    stored = [ms for a in one.answered() for ms in (a.answer.first_ms, a.answer.second_ms)]
    watched = one.browser.execute_script("return watched")
    assert len(watched) == 10
    assert min(stored) >= 200 - 8.4  # to the nearest frame of 60 a second
    assert np.median(stored) <= 200 + 17  # a busy machine may miss some
    assert np.abs(np.subtract(stored, watched)).max() < 20
    assert all(answer.answer.showings == 1 for answer in one.answered())
    assert all(answer.answer.response_ms > 0 for answer in one.answered())


def test_images_are_seen_in_their_time_only(visit):
    one = visit(practice=0, trials=1)
    one.open()
    one.until("start")
    one.browser.execute_script(LOOK)
    one.press("#begin button")
    one.until("answering")
    one.wait(lambda: not one.browser.execute_script("return looks.at(-1)"))
    assert one.browser.execute_script("return looks") == ["", "first", "", "second", ""]


@pytest.mark.parametrize("name", PHONES)
def test_on_a_phone_all_fits_and_nothing_moves(visit, name):
    width, height = PHONES[name]
    one = visit(practice=1, trials=1, size=(256, 256))
    layout = """
    const box = (id) => JSON.stringify(document.getElementById(id).getBoundingClientRect());
    const page = document.documentElement;
    return [page.scrollWidth, page.scrollHeight, box("first"), box("second")];
    """
    with phone(one.browser, width, height):
        one.begin()
        layouts = []
        one.until("showing")
        layouts.append(one.browser.execute_script(layout))
        one.until("answering")
        layouts.append(one.browser.execute_script(layout))
        one.press("#first")
        one.until("feedback")
        layouts.append(one.browser.execute_script(layout))
        boxes = [one.browser.find_element(By.ID, name).rect for name in ("first", "second", "next")]
        one.press("#next")
        one.go_on("Practice is over")
        one.until("answering")
        layouts.append(one.browser.execute_script(layout))
        one.press("#second")
        one.until("done")
    assert layouts[0][:2] == [width, height]
    assert all(other == layouts[0] for other in layouts)
    for box in boxes:
        assert box["x"] >= 0
        assert box["y"] >= 0
        assert box["x"] + box["width"] <= width
        assert box["y"] + box["height"] <= height
        assert box["height"] >= 44  # a finger
    first, second, _ = boxes
    assert first["width"] == pytest.approx(first["height"], abs=1)
    beside, below = second["x"] > first["x"], second["y"] > first["y"]
    assert (beside, below) == ((True, False) if width > height else (False, True))


def test_pair_is_shown_again_after_the_page_was_left(visit):
    one = visit(practice=0, trials=1, seconds=1.5)  # as long as another tab takes to open
    one.begin()
    one.until("showing")
    page = one.browser.current_window_handle
    one.browser.switch_to.new_window("tab")
    one.browser.close()
    one.browser.switch_to.window(page)
    one.go_on("You left the page")
    one.until("answering")
    one.key("1")
    one.until("done")
    assert one.answered()[0].answer.showings == 2


@pytest.mark.parametrize("place", ["first", "second"])
def test_page_left_while_an_image_is_shown(visit, place):
    one = visit(practice=0, trials=1)
    one.open()
    one.until("start")
    one.browser.execute_script(LEAVE, place)
    one.press("#begin button")
    one.go_on("You left the page")
    one.until("answering")
    one.key("1")
    one.until("done")
    answer = one.answered()[0].answer
    assert answer.showings == 2
    assert max(answer.first_ms, answer.second_ms) < 450  # not the time away


def test_reload_goes_on_where_it_stopped(visit):
    one = visit(practice=0, trials=2)
    one.begin()
    one.until("answering")
    one.key("1")
    one.until("showing")
    one.open()
    one.go_on("Welcome back")
    one.until("answering")
    assert "Pair 2 of 2" in one.text()
    one.key("1")
    one.until("done")
    assert [answer.answer.showings for answer in one.answered()] == [1, 2]


def test_answer_that_does_not_arrive_is_sent_again(visit):
    one = visit(practice=0, trials=1)
    one.begin()
    one.until("answering")
    one.browser.execute_script(
        "const own = fetch; fetch = () => { fetch = own; return Promise.reject(new TypeError()); }"
    )
    one.key("1")
    one.go_on("cannot be reached")
    one.until("done")
    assert len(one.answered()) == 1


def test_image_that_does_not_arrive_is_asked_for_again(visit):
    one = visit(practice=0, trials=2)
    aside = [one.study.image_file(side, 0).parent.parent / side for side in ("real", "L1")]
    for folder in aside:
        folder.rename(folder.with_name(f"{folder.name}.aside"))
    one.begin()
    one.until("pause")
    assert "could not be loaded" in one.text()
    for folder in aside:
        folder.with_name(f"{folder.name}.aside").rename(folder)
    one.press("#go-on")
    one.until("answering")
    assert "Pair 1 of 2" in one.text()


def test_invite_code_comes_with_the_address_or_is_typed(visit):
    one = visit(practice=0, trials=1, invitation=Invitation(shared_code="open sesame"))
    one.begin("#sesame")
    one.wait(lambda: "not known" in one.text())
    field = one.browser.find_element(By.ID, "invite")
    assert field.get_attribute("value") == "sesame"
    field.clear()
    field.send_keys("Open Sesame", Keys.ENTER)
    one.until("answering")
    one.browser.execute_cdp_cmd("Network.clearBrowserCookies", {})
    one.begin("#open%20sesame")
    one.until("answering")


def test_session_taken_over_elsewhere_ends_here(visit):
    one = visit(practice=0, trials=1)
    one.begin()
    one.until("answering")
    one.browser.execute_cdp_cmd("Network.clearBrowserCookies", {})
    one.key("1")
    one.until("start")


def test_one_device_is_handed_on_with_one_time_codes(visit):
    one = visit(practice=0, trials=1, invitation=Invitation(one_time_codes=3))
    codes = one.study.invites_file.read_text().split()
    one.begin(f"#{codes[0]}")
    one.until("answering")
    one.key("1")
    one.until("done")
    one.browser.refresh()
    one.until("done")
    codes = [codes[0], codes[1], codes[2], codes[1]]
    for code, state in zip(codes, ("done", "answering", "answering", "answering"), strict=True):
        one.browser.get(f"{one.address}#{code}")  # the page is open, only the code is new
        one.until("start")
        one.press("#begin button")
        one.until(state)
    one.key("2")
    one.until("done")
    assert [answer.answer.chose_first for answer in one.answered()] == [True, False]
