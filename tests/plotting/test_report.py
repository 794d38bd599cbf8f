import os
import shutil

import pytest
from helpers import copy, run_command

PHONE = {"width": 390, "height": 844}  # [pixels] of a common phone
# Of an installed browser; the test must not start to download one.
BROWSER = next(filter(None, map(shutil.which, ("chromium", "chromium-browser", "google-chrome"))), None)


@pytest.fixture(scope="module")
def page(small_runs, tmp_path_factory):
    path = tmp_path_factory.mktemp("report") / "report.html"
    status, output = run_command("report", small_runs / "a", small_runs / "c", "--output", path)
    assert status == 0, output
    assert output.split() == [str(path)]
    return path


@pytest.fixture(scope="module")
def browser():
    if BROWSER is None:
        # CI installs one, so that this is tested there for certain.
        assert "CI" not in os.environ, "there is no Chromium"
        pytest.skip("there is no Chromium: apt-get install chromium")
    from playwright.sync_api import sync_playwright

    with sync_playwright() as playwright:
        browser = playwright.chromium.launch(
            executable_path=BROWSER, args=["--no-sandbox", "--disable-gpu", "--disable-background-networking"]
        )
        yield browser
        browser.close()


@pytest.mark.slow
def test_the_page_opens_from_disk_with_all_it_shows(page, browser):
    context = browser.new_context(viewport=PHONE, offline=True)
    tab = context.new_page()
    complaints, requests = [], []
    tab.on("console", lambda message: complaints.append(message.text))
    tab.on("pageerror", lambda error: complaints.append(str(error)))
    tab.on("request", lambda request: requests.append(request.url[:30]))
    tab.goto(page.as_uri())
    tab.wait_for_function("document.querySelector('video').readyState >= 2", timeout=20_000)
    assert complaints == []
    assert {url.split(":")[0] for url in requests} <= {"file", "data"}
    images = tab.eval_on_selector_all("img", "all => all.map(i => [i.complete, i.naturalWidth, i.alt])")
    assert len(images) == 7 + 1 + 5  # the comparison, a member's progress, its inside
    assert all(complete and width > 500 and text for complete, width, text in images)
    film = tab.eval_on_selector("video", "film => [film.videoWidth, film.duration, film.error]")
    assert film[0] > 200
    assert film[1] > 1
    assert film[2] is None
    context.close()


@pytest.mark.slow
def test_the_page_can_be_read_on_a_phone(page, browser):
    context = browser.new_context(viewport=PHONE, device_scale_factor=2, is_mobile=True)
    tab = context.new_page()
    tab.goto(page.as_uri())
    assert tab.evaluate("document.documentElement.scrollWidth") <= PHONE["width"]
    assert tab.evaluate("parseFloat(getComputedStyle(document.body).fontSize)") >= 16
    widths = tab.eval_on_selector_all("img, video", "all => all.map(i => i.getBoundingClientRect().width)")
    assert max(widths) <= PHONE["width"]
    assert min(widths) > 0.8 * PHONE["width"]
    text = tab.inner_text("body")
    for words in ("Groups", "not repulsive", "frozen iqm", "No interruptions, no failures.", "Config"):
        assert words in text
    context.close()


def test_the_page_needs_no_other_file(page):
    text = page.read_text()
    assert "http://" not in text
    assert "https://" not in text
    assert text.count("<img") == 13


def test_a_run_without_snapshots_gets_a_page_without_a_film(small_runs, tmp_path):
    run = copy(small_runs / "a", tmp_path / "run")
    (run / "events.jsonl").write_text('{"event": "worker died"}\n{"event": "worker died"}\n')
    status, output = run_command("report", run)
    assert status == 0, output
    text = (run / "report.html").read_text()
    assert "<video" not in text
    assert "without a look inside and a film: " in text
    assert "there is no snapshot yet" in text
    assert "worker died 2&times;" in text


def test_bad_input_ends_in_one_line(tmp_path):
    status, output = run_command("report", tmp_path / "none")
    assert (status, output.strip()) == (2, f"error: {tmp_path / 'none'}: there is no run here")
