"""The HTTP client, which is loaded when it is first needed (its answers: test_ai.py)."""

import asyncio

from hsi_service.sources.http import Http
from tests.servers import AiServer, says


async def test_it_is_loaded_once_for_the_first_questions_that_come_together(
    ai_server: AiServer,
) -> None:
    ai_server.behaviours["/health"] = says({"status": "ok"})
    http = Http()
    answers = await asyncio.gather(*(http.get(ai_server.url + "/health") for _ in range(3)))
    assert [answer.body for answer in answers] == [{"status": "ok"}] * 3
    await http.aclose()


async def test_what_asked_nothing_has_nothing_to_close() -> None:
    await Http().aclose()
