"""The dashboard in a real Firefox, which is driven by WebDriver BiDi: it needs no other program."""

import asyncio
import itertools
import json
import os
import re
import shutil
import signal
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from pathlib import Path
from typing import Any

from websockets.asyncio.client import ClientConnection, connect

from tests.browser import AXE, PATIENCE, WINDOWS

NAMES = ("firefox-esr", "firefox")
FIREFOX = next(filter(None, map(shutil.which, NAMES)), None)
HOW_TO_GET_IT = "Debian: sudo apt install firefox-esr"
ABORTED = f"status={0x804B0002}"
"""NS_BINDING_ABORTED: a download that ended because its page was left."""
_LISTENS = re.compile(rb"WebDriver BiDi listening on (ws://\S+)")


class Firefox:
    """A window of it, and what its pages complained of."""

    def __init__(self, connection: ClientConnection) -> None:
        self._connection = connection
        self._numbers = itertools.count(1)
        self._asked: dict[int, asyncio.Future[Any]] = {}
        self._context = ""
        self.complaints: list[str] = []
        self.reading = asyncio.create_task(self._read())

    async def _read(self) -> None:
        async for text in self._connection:
            message = json.loads(text)
            if message["type"] == "event":
                entry = message["params"]
                if entry["level"] in {"error", "warn"} and ABORTED not in entry["text"]:
                    self.complaints.append(entry["text"])
            elif message["type"] == "error":
                self._asked[message["id"]].set_exception(RuntimeError(message["message"]))
            else:
                self._asked[message["id"]].set_result(message["result"])

    async def ask(self, method: str, **params: Any) -> Any:
        """Send a command of WebDriver BiDi; return its result."""
        number = next(self._numbers)
        answer = self._asked[number] = asyncio.get_running_loop().create_future()
        await self._connection.send(json.dumps({"id": number, "method": method, "params": params}))
        async with asyncio.timeout(PATIENCE):
            return await answer

    async def begin(self) -> None:
        """Open the session and its one tab."""
        await self.ask("session.new", capabilities={})
        await self.ask("session.subscribe", events=["log.entryAdded"])
        self._context = (await self.ask("browsingContext.create", type="tab"))["context"]

    async def open(self, url: str, *, width: int = 1280) -> None:
        """Load a page in a window of this width."""
        viewport = {"width": width, "height": WINDOWS[width]}
        await self.ask("browsingContext.setViewport", context=self._context, viewport=viewport)
        await self.ask("browsingContext.navigate", context=self._context, url=url, wait="complete")

    async def value(self, expression: str) -> Any:
        """Return what an expression is in the page; it may be a promise."""
        result = await self.ask(
            "script.evaluate",
            expression=f"Promise.resolve({expression}).then((it) => JSON.stringify(it ?? null))",
            target={"context": self._context},
            awaitPromise=True,
        )
        if result["type"] == "exception":
            raise RuntimeError(result["exceptionDetails"]["text"])
        return json.loads(result["result"]["value"])

    async def shows(self, text: str, *, at: str = "body") -> None:
        """Wait until a part of the page has this text."""
        condition = (
            f"document.querySelector({json.dumps(at)})?.textContent.includes({json.dumps(text)})"
        )
        async with asyncio.timeout(PATIENCE):
            while not await self.value(condition):
                await asyncio.sleep(0.05)

    async def overflow(self) -> int:
        """Return the pixels that the page is wider than its window."""
        root = "document.documentElement"
        return int(await self.value(f"{root}.scrollWidth - {root}.clientWidth"))

    async def inaccessible(self) -> list[str]:
        """Return what axe finds wrong with the page as it is now."""
        if not await self.value("'axe' in globalThis"):
            await self.ask(
                "script.evaluate",
                expression=AXE.read_text(),
                target={"context": self._context},
                awaitPromise=False,
            )
        found: list[str] = await self.value(
            "axe.run().then(({ violations }) => violations.flatMap(({ id, nodes }) =>"
            " nodes.map(({ html }) => `${id}: ${html}`)))"
        )
        return found


@asynccontextmanager
async def firefox(folder: Path) -> AsyncIterator[Firefox]:
    """Run a Firefox without a window, with a profile of its own.

    Args:
        folder: Where its profile is made.

    """
    assert FIREFOX
    (profile := folder / "profile").mkdir()
    process = await asyncio.create_subprocess_exec(
        *(FIREFOX, "--headless", "--no-remote", "--profile", str(profile)),
        *("--remote-debugging-port", "0", "about:blank"),
        stdout=asyncio.subprocess.DEVNULL,
        stderr=asyncio.subprocess.PIPE,
        env=os.environ | {"HOME": str(folder), "MOZ_REMOTE_SETTINGS_DEVTOOLS": "0"},
        start_new_session=True,
    )
    assert process.stderr
    try:
        async with asyncio.timeout(60):
            while not (found := _LISTENS.search(line := await process.stderr.readline())):
                assert line, "Firefox ended before it listened"
        draining = asyncio.create_task(process.stderr.read())
        async with connect(f"{found[1].decode()}/session", max_size=None) as connection:
            browser = Firefox(connection)
            await browser.begin()
            yield browser
        draining.cancel()
    finally:
        os.killpg(process.pid, signal.SIGKILL)
        await process.wait()
