"""Serve the page of a lesson to one browser of this machine.

The page sends what is pressed, and gets pictures, over one WebSocket. A second one is turned away: two people cannot
teach one run.
"""

import asyncio
import json
import secrets
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import asynccontextmanager
from importlib.resources import files
from typing import Any

from aiohttp import WSCloseCode, WSMsgType, web

from dsjax import loopback
from dsjax.teaching.lesson import Lesson

_PAGE = {
    "/": ("page.html", "text/html"),
    "/page.css": ("page.css", "text/css"),
    "/page.js": ("page.js", "text/javascript"),
}
_HEADERS = loopback.headers("style-src 'self'")
_HEARTBEAT = 10.0  # [s] after which a page that does not answer counts as closed
_LONGEST = 1000  # [bytes] of what a page may say at once
_ENDED = 4000  # closing code; the reason says why, see `Lesson.refusal`


class Classroom:
    """The lesson that the page shows now, and its run folder: when it begins again, another one."""

    def __init__(self, lesson: Lesson, folder: str) -> None:
        self.lesson, self.folder = lesson, folder

    def about(self) -> dict[str, Any]:
        """Return what the page must know of the lesson."""
        return {"folder": self.folder, "synapses": self.lesson.view.names}


@asynccontextmanager
async def serving(classroom: Classroom, port: int) -> AsyncIterator[str]:
    """Serve while the context lasts, and yield the address.

    Raises:
      ConfigError: the port is taken.
    """
    token = secrets.token_urlsafe(16)
    application = web.Application(middlewares=[_guard])
    for path, (name, kind) in _PAGE.items():
        application.router.add_get(path, _file(name, kind))
    application.router.add_get("/lesson", _Connection(classroom, token).answer)
    runner = web.AppRunner(application, access_log=None, shutdown_timeout=1.0)
    await runner.setup()
    try:
        try:
            await web.TCPSite(runner, loopback.HOST, port).start()
        except OSError as error:
            raise loopback.port_error(port, error) from None
        yield f"http://{loopback.HOST}:{runner.addresses[0][1]}/?token={token}"
    finally:
        await runner.cleanup()


@web.middleware
async def _guard(
    request: web.Request, handler: Callable[[web.Request], Awaitable[web.StreamResponse]]
) -> web.StreamResponse:
    """Refuse requests for other hosts, and WebSockets that another site's page opens: browsers let any page do that."""
    origin = request.headers.get("Origin", f"http://{request.host}")
    ours = loopback.names_this_machine(request.headers.get("Host", "")) and origin == f"http://{request.host}"
    if not ours:
        return web.Response(status=403, text=loopback.REFUSAL, headers=_HEADERS)
    return await handler(request)


def _file(name: str, kind: str) -> Callable[[web.Request], Awaitable[web.Response]]:
    """Return a handler that answers with a file of the page."""
    text = (files("dsjax.teaching") / "page" / name).read_text()

    async def answer(request: web.Request) -> web.Response:
        return web.Response(text=text, content_type=kind, headers=_HEADERS)

    return answer


class _Connection:
    """The one WebSocket of the one who teaches, and knows the token: other users of the machine do not."""

    def __init__(self, classroom: Classroom, token: str) -> None:
        self._classroom, self._token = classroom, token

    async def answer(self, request: web.Request) -> web.StreamResponse:
        """Talk to a page until it is closed, or the lesson is over."""
        if not secrets.compare_digest(request.query.get("token", "").encode(), self._token.encode()):
            return web.Response(status=403, text="open the address that dsjax teach has printed\n", headers=_HEADERS)
        socket = web.WebSocketResponse(heartbeat=_HEARTBEAT, max_msg_size=_LONGEST)
        await socket.prepare(request)
        lesson, drawn, loop = self._classroom.lesson, asyncio.Event(), asyncio.get_running_loop()
        if not lesson.enter(lambda: loop.call_soon_threadsafe(drawn.set)):
            await socket.close(code=_ENDED, message=lesson.refusal().encode())
            return socket
        pictures = asyncio.create_task(self._show(socket, lesson, drawn))
        try:
            await socket.send_json(self._classroom.about())
            async for message in socket:
                if message.type is WSMsgType.TEXT and (problem := _obey(lesson, message.data)):
                    await socket.close(
                        code=WSCloseCode.UNSUPPORTED_DATA, message=problem.encode("ascii", "replace")[:100]
                    )
        finally:
            pictures.cancel()
            lesson.leave()
        return socket

    async def _show(self, socket: web.WebSocketResponse, lesson: Lesson, drawn: asyncio.Event) -> None:
        """Send every picture, or the latest if the page is slow, until the lesson is over."""
        while not lesson.ending:
            await drawn.wait()
            drawn.clear()
            if lesson.view.picture:
                await socket.send_json(lesson.view.picture)
        await socket.close(code=_ENDED, message=lesson.ending.encode())


def _obey(lesson: Lesson, text: str) -> str:
    """Do what the page asks for; return what is wrong with it, or ""."""
    try:
        asked = json.loads(text)
        if not isinstance(asked, dict) or len(asked) != 1:
            raise ValueError("a message names one thing to change or to do")
        ((key, value),) = asked.items()
        match key:
            case "save":
                lesson.save()
            case "again":
                lesson.end(again=True)
            case _:
                lesson.set(key, value)
    except ValueError as error:
        return str(error)
    return ""
