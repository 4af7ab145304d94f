"""The real browser that pages are tested in: Debian's Chromium, and how a page is opened in it."""

import functools
import http.server
import shutil
import threading
from contextlib import contextmanager

import pytest
from selenium import webdriver
from selenium.webdriver.support.wait import WebDriverWait

_CHROMIUM, _DRIVER = shutil.which("chromium"), shutil.which("chromedriver")
in_browser = pytest.mark.skipif(
    not (_CHROMIUM and _DRIVER),
    reason="needs chromium and chromedriver (Debian's chromium-driver)",
)


@contextmanager
def chromium(downloads=None, logs=("browser",)):
    """A browser without a window, which keeps `logs` and saves files in the folder `downloads`."""
    options = webdriver.ChromeOptions()
    options.binary_location = _CHROMIUM
    words = ("--headless=new", "--no-sandbox", "--disable-dev-shm-usage", "--window-size=1200,900")
    for word in words:
        options.add_argument(word)
    if downloads is not None:
        options.add_experimental_option("prefs", {"download.default_directory": str(downloads)})
    options.set_capability("goog:loggingPrefs", dict.fromkeys(logs, "ALL"))
    driver = webdriver.Chrome(options, webdriver.ChromeService(_DRIVER))
    driver.downloads = downloads
    try:
        yield driver
    finally:
        driver.quit()


def open_page(browser, address):
    """Opens a page anew, also one that is open already, and waits until its scripts have run."""
    # The address that is open already, or that of another fragment, may load nothing, and what is
    # looked for next be looked for in the page that is going away.
    browser.get("about:blank")
    browser.get(address)
    where = "return [document.readyState, location.href.split('#')[0]]"
    there = ["complete", address.partition("#")[0]]
    WebDriverWait(browser, 30, poll_frequency=0.02).until(
        lambda driver: driver.execute_script(where) == there
    )


class Served:
    """A static web server for a folder, as `python -m http.server` is one."""

    class _Quiet(http.server.SimpleHTTPRequestHandler):
        def log_message(self, *_):
            pass

    def __init__(self, folder):
        handler = functools.partial(self._Quiet, directory=str(folder))
        self.server = http.server.ThreadingHTTPServer(("127.0.0.1", 0), handler)

    def __enter__(self):
        threading.Thread(target=self.server.serve_forever, daemon=True).start()
        return f"http://127.0.0.1:{self.server.server_port}/"

    def __exit__(self, *_):
        self.server.shutdown()
        self.server.server_close()
