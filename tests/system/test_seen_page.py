"""Seen, for the whole household: in a real Chromium, at two pages of one home.

The page is the real one, as it is built; what it is told is made up, as in test_verdict_page.py.
"""

import asyncio
import json
import re
import sys
import time
from collections.abc import AsyncIterator
from dataclasses import dataclass, field
from typing import Any
from urllib.parse import urlsplit

import pytest
import pytest_asyncio
from playwright.async_api import Browser, Locator, Page, Route, WebSocketRoute, expect

from tests.browser import Tab, chromium
from tests.servers import ROOT
from tests.system.test_verdict_page import CRITICAL, ORIGIN, Home, iso, page_of

pytestmark = [
    pytest.mark.browser,
    pytest.mark.xdist_group("make run"),
    pytest.mark.asyncio(loop_scope="module"),
]
_MARK = re.compile(r"/api/events/([^/]+)/seen")


@dataclass
class Household(Home):
    """A home whose people say what they have seen."""

    scope: str = "act"
    refuses: bool = False
    seen: dict[str, dict[str, Any]] = field(default_factory=dict)

    def listen(self, socket: WebSocketRoute) -> None:
        super().listen(socket)
        if urlsplit(socket.url).path != "/ws/events":

            def goes_on(_: str | bytes) -> None:
                socket.send(json.dumps({"type": "pong", **self.state()}))
                socket.send(json.dumps(self.status()))

            socket.on_message(goes_on)

    async def answer(self, route: Route) -> None:
        request = route.request
        path = urlsplit(request.url).path
        found = _MARK.fullmatch(path)
        if path == "/api/session":
            who = {"name": "kitchen", "scope": self.scope, "expires_at": "2999-01-01T00:00:00Z"}
            await route.fulfill(json=who)
        elif path == "/api/events/seen":
            marks = [{"id": key, **mark} for key, mark in self.seen.items()]
            await route.fulfill(json={"now": iso(time.time()), "seen": marks})
        elif found and self.refuses:
            detail = "Redis refuses writes; ask again soon"
            await route.fulfill(status=503, json={"detail": detail})
        elif found:
            mark = {"at": iso(time.time()), "by": "kitchen", "risk_level": "critical"}
            is_seen = request.method == "POST"
            self.say(found[1], mark, is_seen=is_seen)
            await route.fulfill(json={"id": found[1], "seen": mark if is_seen else None})
        else:
            await super().answer(route)

    def say(self, key: str, mark: dict[str, Any], *, is_seen: bool) -> None:
        """Keep a mark or forget it, and tell all pages."""
        if is_seen:
            self.seen[key] = mark
        else:
            self.seen.pop(key, None)
        data = {**mark, "id": key, "seen": is_seen}
        for socket in self.sockets:
            if urlsplit(socket.url).path == "/ws/events":
                socket.send(json.dumps({"type": "event_seen", "data": data}))


@pytest_asyncio.fixture(scope="module", loop_scope="module")
async def browser() -> AsyncIterator[Browser]:
    build = await asyncio.create_subprocess_exec(
        sys.executable, "-m", "local.dashboard", "build", cwd=ROOT
    )
    assert await build.wait() == 0
    async with chromium() as browser:
        yield browser


def brief_of(page: Page) -> Locator:
    return page.get_by_role("region", name="Home, in brief")


async def test_what_is_seen_at_one_page_is_seen_at_the_other_and_after_a_reload(
    browser: Browser,
) -> None:
    home = Household(((30, CRITICAL),))
    one, other = [await page_of(browser, home) for _ in range(2)]
    for page in (one, other):
        await expect(brief_of(page)).to_contain_text("Act now")
    for width in (360, 1280):
        await one.set_viewport_size({"width": width, "height": 800})
        assert await Tab(one, ORIGIN).overflow() == 0
    assert await Tab(one, ORIGIN).inaccessible() == []
    await brief_of(one).get_by_role("button", name="I have seen it: Person at the door").click()
    for page in (one, other):
        await expect(brief_of(page)).to_have_attribute("data-tone", "note")
        await expect(brief_of(page)).to_contain_text(
            re.compile(r"at \d.*Seen.*front door: Person at the door, seen by kitchen")
        )
    assert await Tab(one, ORIGIN).inaccessible() == []
    await other.reload()
    undo = brief_of(other).get_by_role("button", name="Undo: Person at the door")
    await expect(undo).to_be_visible()
    await undo.click()
    for page in (one, other):
        await expect(brief_of(page)).to_contain_text("Act now")
        await page.context.close()


async def test_what_is_refused_is_taken_back_and_said(browser: Browser) -> None:
    home = Household(((30, CRITICAL),), refuses=True)
    page = await page_of(browser, home)
    await brief_of(page).get_by_role("button", name="I have seen it").click()
    await expect(brief_of(page).get_by_role("alert")).to_contain_text("Redis refuses writes")
    await expect(brief_of(page)).to_contain_text("Act now")
    home.refuses = False
    await brief_of(page).get_by_role("button", name="I have seen it").click()
    await expect(brief_of(page).get_by_role("button", name="Undo")).to_be_visible()
    await expect(brief_of(page).get_by_role("alert")).to_have_count(0)
    await page.context.close()


async def test_who_may_only_look_is_told_and_has_no_button(browser: Browser) -> None:
    mark = {"at": iso(time.time()), "by": "hall", "risk_level": "critical"}
    home = Household(((30, CRITICAL),), scope="read", seen={"0": mark})
    page = await page_of(browser, home)
    await expect(brief_of(page)).to_contain_text("seen by hall")
    assert await brief_of(page).get_by_role("button").count() == 0
    await page.context.close()
