import re

import pytest
from helpers import copy, run_command

PHONE = {"width": 375, "height": 812}  # [pixels] of a small phone
DESK = {"width": 1280, "height": 900}
PICTURES = 6 + 1 + 5  # the comparison without times to solve, a member's progress, its inside


@pytest.fixture(scope="module")
def page(small_runs, tmp_path_factory):
    path = tmp_path_factory.mktemp("report") / "report.html"
    status, output = run_command("report", small_runs / "a", small_runs / "c", "--output", path)
    assert status == 0, output
    assert output.split() == [str(path)]
    return path


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
    assert len(images) == PICTURES
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
    widths = tab.eval_on_selector_all("figure img, video", "all => all.map(i => i.getBoundingClientRect().width)")
    assert max(widths) <= PHONE["width"]
    assert min(widths) > 0.8 * PHONE["width"]
    scroll = "box => { box.scrollLeft = 1e6; return [box.scrollLeft, box.scrollWidth - box.clientWidth] }"
    left, room = tab.eval_on_selector("#members-table", scroll)
    assert left == room > 0  # the table moves under the finger, and the page does not
    heading = "box => box.querySelector('tbody th').getBoundingClientRect().left"
    assert tab.eval_on_selector("#members-table", heading) >= 0  # the member's number stays in sight
    context.close()


@pytest.mark.slow
def test_nothing_is_clipped_on_a_desk(page, browser):
    tab = browser.new_page(viewport=DESK)
    tab.goto(page.as_uri())
    assert tab.evaluate("document.documentElement.scrollWidth") <= DESK["width"]
    boxes = tab.eval_on_selector_all(".wide, pre", "all => all.map(box => [box.scrollWidth, box.clientWidth])")
    assert all(inside <= outside for inside, outside in boxes)
    outside = "all => all.filter(e => e.getBoundingClientRect().right > innerWidth).length"
    assert tab.eval_on_selector_all("main *", outside) == 0
    film, foot = tab.eval_on_selector("video", "film => [film.getBoundingClientRect().bottom, innerHeight]")
    assert film <= foot  # the answer and its film are seen at once
    tab.close()


def test_the_page_opens_with_its_answer(page):
    text = page.read_text()
    order = ["None of 5 members walk.", "The best is ", "<video", "Contents</h2>", "Figures</h2>", "Tables</h2>"]
    places = [text.index(words) for words in (*order, "Runs</h2>")]
    assert places == sorted(places)
    for link in re.findall(r'href="#([^"]+)"', text):
        assert text.count(f'id="{link}"') == 1


def test_there_are_words_for_every_key(page):
    shown = re.sub(r"<pre.*?</pre>|<style>.*?</style>|<[^>]*>", " ", page.read_text(), flags=re.DOTALL)
    for key in ("iqm", "nan", "inf ", "training_", "frozen_", "median_", "None ("):
        assert key not in shown.replace("conflicting", ""), key
    assert not re.search(r"\d\.\d{5,}", shown)
    for words in (
        "Return, frozen centers, interquartile mean",
        "0 of 3 (0",
        "not reached",
        "Reached the end",
        "Config",
    ):
        assert words in shown
    assert "No interruptions, no failures." in shown


def test_a_figure_that_would_be_empty_is_a_sentence(page):
    text = page.read_text()
    section = text[text.index('<h3 id="solved">') :]
    section = section[: section.index("</section>")]
    assert "<img" not in section
    assert "is solved yet by either rule" in section


def test_the_page_needs_no_other_file(page):
    text = page.read_text()
    assert "http://" not in text
    assert "https://" not in text
    assert text.count("<img") == PICTURES


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
