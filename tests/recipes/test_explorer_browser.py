"""The explorer's page in a real browser: a slider moves the picture, a bad upload is told.

Needs Chromium and its driver (Debian: chromium, chromium-driver), Selenium and Gradio.
"""

import json
import shutil
import time
import urllib.error
import urllib.request

import pytest

from kerasgan import models
from tests.recipes.running import start
from tests.recipes.serving import free_port

SECONDS = 60  # that anything may take; an idle machine needs a few


@pytest.fixture(scope="module")
def address(tmp_path_factory):
    """Where the recipe serves a small model."""
    pytest.importorskip("gradio", reason="needs Gradio (the extra `explorer`)")
    folder = tmp_path_factory.mktemp("served")
    models.GAN((8, 8, 1), latent_dim=4, seed=0).save(folder / "small.keras")
    port = free_port()
    process = start("explorer", folder, "--models=.", f"--port={port}")
    address, end = f"http://127.0.0.1:{port}/", time.monotonic() + SECONDS
    try:
        while not answers(address):
            assert process.poll() is None, process.communicate()[0]
            assert time.monotonic() < end, "The page does not answer."
            time.sleep(0.2)
        yield address
    finally:
        process.kill()
        process.communicate()


def answers(address):
    try:
        with urllib.request.urlopen(address, timeout=SECONDS) as answer:
            return answer.status == 200
    except urllib.error.URLError:
        return False


@pytest.fixture(scope="module")
def browser():
    """Headless Chromium, that of the system, through its own driver; skips where there is none."""
    selenium = pytest.importorskip("selenium.webdriver", reason="needs Selenium (the extra `test`)")
    chromium = shutil.which("chromium") or shutil.which("chromium-browser")
    driver = shutil.which("chromedriver")
    if not (chromium and driver):
        pytest.skip("needs the system's Chromium: apt-get install chromium chromium-driver")
    options = selenium.ChromeOptions()
    options.binary_location = chromium
    for argument in ("--headless=new", "--no-sandbox", "--disable-dev-shm-usage", "--disable-gpu"):
        options.add_argument(argument)
    options.add_argument("--window-size=1280,1000")
    options.set_capability("goog:loggingPrefs", {"performance": "ALL"})
    browser = selenium.Chrome(options, selenium.ChromeService(driver))
    browser.implicitly_wait(SECONDS)
    yield browser
    browser.quit()


def wait(condition, what):
    """What `condition()` returns, as soon as it is true."""
    end = time.monotonic() + SECONDS
    while not (value := condition()):
        assert time.monotonic() < end, f"Not in {SECONDS} s: {what}."
        time.sleep(0.05)
    return value


def source(browser, name):
    """The address of the picture that the page shows there; None while there is none."""
    return browser.execute_script(f"return document.querySelector('#{name} img')?.src")


@pytest.mark.slow
def test_a_person_moves_a_slider_and_uploads_a_text(browser, address, tmp_path):
    browser.get(address)
    first = wait(lambda: source(browser, "samples"), "a first picture")
    assert "8 x 8 pixels" in browser.find_element("id", "about").text

    slider = browser.find_element("css selector", "#slider-0 input[type=range]")
    slider.send_keys("\ue014" * 9)  # arrow right
    wait(lambda: source(browser, "samples") != first, "another picture")
    assert float(slider.get_property("value")) == pytest.approx(0.9)

    buttons = browser.find_elements("css selector", "button[role=tab]")
    tabs = {button.text: button for button in buttons if button.text}
    tabs["Between two seeds"].click()
    wait(lambda: source(browser, "way"), "the way between two seeds")
    tabs["A picture of yours"].click()
    (tmp_path / "text.png").write_text("no picture")
    chooser = browser.find_element("css selector", "#upload input[type=file]")
    chooser.send_keys(str(tmp_path / "text.png"))
    upload = browser.find_element("id", "upload")
    wait(lambda: "text.png" in upload.text.replace("\n", ""), "the file's name")  # in two parts
    browser.find_element("id", "project").click()
    body = browser.find_element("css selector", "body")
    wait(lambda: "neither PNG nor JPEG" in body.text, "the message")

    tabs["Directions"].click()  # the page lives on
    moved = source(browser, "samples")
    slider.send_keys("\ue012" * 20)  # arrow left
    wait(lambda: source(browser, "samples") != moved, "a third picture")

    entries = [json.loads(entry["message"])["message"] for entry in browser.get_log("performance")]
    asked = [e["params"] for e in entries if e["method"] == "Network.requestWillBeSent"]
    addresses = {parameters["request"]["url"] for parameters in asked}
    assert len(addresses) > 10
    assert [a for a in addresses if not a.startswith((address, "data:", "blob:"))] == []
