"""Film a lesson as a browser shows it: `python docs/film_lesson.py`, with Chromium and the extra `dev`.

A minute on two cores. The film is docs/images/lesson.gif. A script is the person: it holds the key for reward while the
walker gets ahead, and the one for punishment while it slides back.
"""

import io
import re
import shutil
import subprocess
import sys
import tempfile
import time
from pathlib import Path
from typing import Any

from PIL import Image
from playwright.sync_api import sync_playwright

_PATH = Path(__file__).parent / "images" / "lesson.gif"
_SECONDS, _FPS, _COLORS = 14, 6, 48
_VIEW = {"width": 1100, "height": 770}
_AHEAD = 0.02  # [m] that the hull must move between two looks


def main() -> None:
    """Write the film."""
    with tempfile.TemporaryDirectory() as folder:
        command = [sys.executable, "-m", "dsjax", "teach", "--output", "runs/mine", "--port", "0", "--no-browser"]
        lesson = subprocess.Popen(command, cwd=folder, stdout=subprocess.PIPE, text=True)
        assert lesson.stdout
        [address] = re.findall(r"http://\S+", lesson.stdout.readline())
        try:
            frames = _film(address)
        finally:
            lesson.terminate()
            lesson.communicate()
    palette = frames[-1].quantize(_COLORS)
    drawn = [frame.quantize(palette=palette, dither=Image.Dither.NONE) for frame in frames]
    pause = 1000 * _SECONDS // len(drawn)  # [ms]
    drawn[0].save(_PATH, save_all=True, append_images=drawn[1:], duration=pause, loop=0, optimize=True)


def _film(address: str) -> list[Image.Image]:
    """Teach for some seconds, and return what there was to see."""
    browser_path = shutil.which("chromium") or shutil.which("google-chrome")
    with sync_playwright() as playwright:
        browser = playwright.chromium.launch(executable_path=browser_path, args=["--no-sandbox", "--disable-gpu"])
        tab = browser.new_page(viewport=_VIEW)
        tab.goto(address)
        tab.wait_for_selector("text=Learning in")
        pressed, frames, last = "", [], _hull(tab)
        started = time.monotonic()
        while time.monotonic() < started + _SECONDS:
            due = started + len(frames) / _FPS
            place = _hull(tab)
            wanted = "ArrowUp" if place - last > _AHEAD else "ArrowDown" if place - last < -_AHEAD else ""
            last = place
            if wanted != pressed:
                if pressed:
                    tab.keyboard.up(pressed)
                if wanted:
                    tab.keyboard.down(wanted)
                pressed = wanted
            frames.append(Image.open(io.BytesIO(tab.screenshot())).convert("RGB"))
            time.sleep(max(due + 1 / _FPS - time.monotonic(), 0.0))
        browser.close()
    return frames


def _hull(tab: Any) -> float:
    """Return where the hull is, [m]."""
    return float(tab.evaluate("pictures.length ? pictures.at(-1).bodies.at(-1).points[0][0] : 0"))


if __name__ == "__main__":
    main()
