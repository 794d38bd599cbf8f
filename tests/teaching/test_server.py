import asyncio
import json
import socket

import aiohttp
import pytest

from dsjax.errors import ConfigError
from dsjax.teaching.lesson import Controls, Lesson
from dsjax.teaching.server import Classroom, serving

NAMES = ["v 0 → hip 1"]


class Drawn:
    """A view with one picture."""

    names, picture = NAMES, {"left": 0.0}


@pytest.fixture
def classroom():
    return Classroom(Lesson(Drawn()), "runs/<b>")


def visit(classroom, look):
    """Return what `look(session, address, its WebSocket)` finds while the classroom is open."""

    async def inside():
        async with serving(classroom, 0) as address, aiohttp.ClientSession() as session:
            base, _, token = address.partition("?")
            assert token.startswith("token=")
            return await asyncio.wait_for(look(session, base, f"lesson?{token}"), 20)

    return asyncio.run(inside())


def test_the_page_and_its_files(classroom):
    async def look(session, address, lesson):
        found = {}
        for path in ("", "page.css", "page.js", "lesson.py", "../server.py"):
            async with session.get(address + path) as answer:
                found[path] = answer.status, answer.content_type, answer.headers.get("Content-Security-Policy", "")
        return found

    found = visit(classroom, look)
    kinds = {path: kind for path, (status, kind, _) in found.items() if status == 200}
    assert kinds == {"": "text/html", "page.css": "text/css", "page.js": "text/javascript"}
    assert all("default-src 'none'" in found[path][2] for path in kinds)
    assert {status for status, *_ in found.values()} == {200, 404}


@pytest.mark.parametrize("path", ["", "page.js", "lesson", "none"])
@pytest.mark.parametrize(
    "headers",
    [
        {"Host": "evil.example"},
        {"Origin": "http://evil.example"},
        {"Origin": "null"},
        {"Host": "evil.example", "Origin": "http://evil.example"},
    ],
)
def test_what_comes_from_elsewhere_is_refused(classroom, path, headers):
    async def look(session, address, lesson):
        async with session.get(address + (lesson if path == "lesson" else path), headers=headers) as answer:
            return answer.status, await answer.text()

    assert visit(classroom, look) == (403, "this server answers requests to localhost alone\n")
    assert classroom.lesson.enter(lambda: None)  # nobody has come in


def test_a_page_steers_the_lesson(classroom):
    async def look(session, address, lesson):
        async with session.ws_connect(address + lesson) as page:
            about = await page.receive_json()
            await page.send_str(json.dumps({"give": 1}))
            await page.send_str(json.dumps({"speed": 4}))
            while classroom.lesson.controls.speed != 4:
                await asyncio.sleep(0.01)
            return about, classroom.lesson.controls

    about, controls = visit(classroom, look)
    assert about == {"folder": "runs/<b>", "synapses": NAMES}
    assert controls == Controls(give=1, speed=4)
    assert classroom.lesson.controls.give == 0  # a closed page holds no key


def test_a_second_page_is_turned_away(classroom):
    async def look(session, address, lesson):
        async with session.ws_connect(address + lesson) as first, session.ws_connect(address + lesson) as second:
            await first.receive_json()
            refused = await second.receive()
            await first.send_str(json.dumps({"paused": True}))
            while not classroom.lesson.controls.paused:
                await asyncio.sleep(0.01)
            return refused

    refused = visit(classroom, look)
    assert (refused.data, refused.extra) == (4000, "taken")


@pytest.mark.parametrize("ending", ["over", "again", "failed"])
def test_the_end_is_told_once_all_is_saved(classroom, ending):
    async def look(session, address, lesson):
        async with session.ws_connect(address + lesson) as page:
            await page.receive_json()
            classroom.lesson.end()
            await asyncio.sleep(0.1)
            assert not page.closed  # what was learned is being saved
            classroom.lesson.close(ending)
            pictures = [json.loads(message.data) async for message in page if message.type is aiohttp.WSMsgType.TEXT]
            return page.close_code, pictures

    code, pictures = visit(classroom, look)
    assert code == 4000
    assert pictures in ([], [Drawn.picture])


@pytest.mark.parametrize("token", ["", "?token=", "?token=guess", "?token=%C3%A9"])
def test_another_user_of_the_machine_does_not_know_the_token(classroom, token):
    async def look(session, address, lesson):
        async with session.get(f"{address}lesson{token}") as answer:
            return answer.status

    assert visit(classroom, look) == 403
    assert classroom.lesson.enter(lambda: None)


@pytest.mark.parametrize(
    "said", ["", "{}", "[]", "nonsense", '{"give": 1e9}', '{"give": 1, "speed": 2}', '{"end": true}']
)
def test_nonsense_closes_the_page_and_changes_nothing(classroom, said):
    async def look(session, address, lesson):
        async with session.ws_connect(address + lesson) as page:
            await page.receive_json()
            await page.send_str(said)
            return await page.receive()

    assert visit(classroom, look).data == aiohttp.WSCloseCode.UNSUPPORTED_DATA
    assert classroom.lesson.controls == Controls() and not classroom.lesson.over


def test_a_taken_port_is_one_line(classroom):
    with socket.socket() as taken:
        taken.bind(("127.0.0.1", 0))
        taken.listen()
        port = taken.getsockname()[1]

        async def serve(port):
            async with serving(classroom, port):
                raise AssertionError

        with pytest.raises(ConfigError, match=f"^--port {port}: another process uses it; choose another, or 0 for any"):
            asyncio.run(serve(port))
