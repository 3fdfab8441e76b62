"""AI services: healthy, down, hanging, lying; over real HTTP, each within its second."""

import asyncio
import time
from collections.abc import AsyncIterator, Callable
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from hsi_service.sources.ai import GIB, AiServices, Nemotron, Yolo26, nemotron_of, yolo26_of
from hsi_service.sources.http import ANSWER_TIMEOUT, HttpResult
from hsi_service.sources.validate import count, number, word
from local.ai import StandIn
from local.processes import Process, free_port
from tests.servers import AiServer, Behaviour, drips, floods, hangs, hangs_up, lies, says

HEALTH = {
    "status": "healthy",
    "model_loaded": True,
    "device": "cuda:0",
    "model_name": "yolo26_r50vd_coco_o365",
    "vram_used_gb": 0.5,
    "gpu_utilization": 38.0,
    "temperature": 65,
    "power_watts": 125.5,
}


@pytest.fixture
async def services(ai_server: AiServer) -> AsyncIterator[AiServices]:
    async with AiServices(yolo26_url=ai_server.url + "/", nemotron_url=ai_server.url) as services:
        yield services


async def test_yolo26_says_how_it_is_and_how_its_gpu_is(
    ai_server: AiServer, services: AiServices
) -> None:
    ai_server.behaviours["/health"] = says(HEALTH)
    assert await services.yolo26() == Yolo26(
        health="healthy",
        model="yolo26_r50vd_coco_o365",
        device="cuda:0",
        vram_used=GIB // 2,
        gpu_utilization=38,
        temperature=65,
        power=125.5,
    )


@pytest.mark.parametrize(
    ("idle", "busy"),
    [({"state": 0}, {"state": 1}), ({"is_processing": False}, {"is_processing": True})],
    ids=["older llama.cpp", "newer llama.cpp"],
)
async def test_nemotron_says_how_many_slots_are_busy(
    ai_server: AiServer, services: AiServices, idle: dict[str, Any], busy: dict[str, Any]
) -> None:
    ai_server.behaviours["/health"] = says({"status": "ok"})
    ai_server.behaviours["/slots"] = says([{**idle, "n_ctx": 4096}, {**busy, "n_ctx": 4096}])
    assert await services.nemotron() == Nemotron(
        health="healthy", slots_active=1, slots_total=2, context_size=4096
    )


async def test_slots_that_are_turned_off_are_null_and_nemotron_is_healthy(
    ai_server: AiServer, services: AiServices
) -> None:
    ai_server.behaviours["/health"] = says({"status": "ok"})
    ai_server.behaviours["/slots"] = says({"error": {"code": 501}}, status=501)
    assert await services.nemotron() == Nemotron(health="healthy")


@pytest.mark.parametrize(
    ("behave", "health", "reason"),
    [
        (hangs, "unreachable", "no answer within 1 s"),
        (drips, "unreachable", "no answer within 1 s"),
        (hangs_up, "unreachable", "RemoteProtocolError"),
        (lies, "unreachable", "RemoteProtocolError"),
        (floods, "unhealthy", "answers over 1048576 bytes"),
        (says({"error": "Loading model"}, status=503), "unhealthy", "HTTP 503"),
        (says(HEALTH, status=500), "unhealthy", "HTTP 500"),
        (says(b"", status=302), "unhealthy", "HTTP 302"),
        (says(b"<html>hello</html>"), "unhealthy", "answers something that is not JSON"),
        (says(b"\xff\xfe"), "unhealthy", "answers something that is not JSON"),
        (says(b"[" * 100_000), "unhealthy", "answers something that is not JSON"),
        (says([]), "unhealthy", "answers something that is not a JSON object"),
        (says(None), "unhealthy", "answers something that is not a JSON object"),
        (says({"status": "Degraded"}), "degraded", "says that it is degraded"),
        (says({"status": "error"}), "unhealthy", "says that it is error"),
    ],
)
async def test_one_that_misbehaves_is_told_in_time_and_invents_no_figure(
    ai_server: AiServer, services: AiServices, behave: Behaviour, health: Any, reason: str
) -> None:
    ai_server.behaviours |= {"/health": behave, "/slots": behave}
    began = time.monotonic()
    yolo26, nemotron = await asyncio.gather(services.yolo26(), services.nemotron())
    assert (
        time.monotonic() - began < ANSWER_TIMEOUT + 4
    )  # all three at once; a busy machine has its time
    assert yolo26 == Yolo26(health=health, reason=reason)
    assert nemotron == Nemotron(health=health, reason=reason)


async def test_one_that_refuses_is_unreachable_and_found_again_when_it_is_back(
    ai_server: AiServer, services: AiServices
) -> None:
    ai_server.behaviours["/health"] = says(HEALTH)
    for _ in range(2):
        ai_server.stop()
        assert await services.yolo26() == Yolo26(health="unreachable", reason="cannot connect")
        ai_server.start()
        found = await services.yolo26()
        assert found
        assert found.health == "healthy"


async def test_what_has_no_address_is_not_asked(ai_server: AiServer) -> None:
    async with AiServices(yolo26_url="", nemotron_url="") as services:
        assert await services.yolo26() is None
        assert await services.nemotron() is None
    assert ai_server.asked == []


async def test_an_address_that_cannot_be_used_is_said_without_its_password() -> None:
    async with AiServices(yolo26_url="http://user:hunter2@[::z]", nemotron_url="") as services:
        found = await services.yolo26()
    assert found
    assert found.health == "unreachable"
    assert "hunter2" not in found.reason


@pytest.mark.parametrize("nothing", [None, "hot", True, [], {}, -1e9, 1e400, 10**400, float("nan")])
def test_a_figure_that_cannot_be_is_null_and_the_others_stay(nothing: Any) -> None:
    for field in ("vram_used_gb", "gpu_utilization", "temperature", "power_watts"):
        found = yolo26_of(HttpResult(reached=True, body=HEALTH | {field: nothing}))
        figures = [found.vram_used, found.gpu_utilization, found.temperature, found.power]
        assert figures.count(None) == 1
        assert found.health == "healthy"


PLAIN = st.none() | st.booleans() | st.floats() | st.text(max_size=5) | st.integers()
FIELDS = st.sampled_from([*HEALTH, "n_ctx", "state", "is_processing"])


@given(
    st.recursive(
        PLAIN,
        lambda inner: st.lists(inner, max_size=4) | st.dictionaries(FIELDS, inner, max_size=6),
    )
)
def test_whatever_they_say_is_read(said: Any) -> None:
    answer = HttpResult(reached=True, body=said)
    yolo26_of(answer)
    found = nemotron_of(answer, answer)
    assert (found.slots_active is None) == (found.slots_total is None)
    if found.slots_total is not None and found.slots_active is not None:
        assert 0 <= found.slots_active <= found.slots_total


def test_figures_of_others_are_taken_only_if_they_can_be_true() -> None:
    assert number(5) == 5.0
    assert number(100.1, most=100) is None
    assert count(4096.0) == 4096
    assert count(1.5) is None
    assert word("") is None
    assert word("x" * 1000) == "x" * 200


async def test_the_demos_stand_ins_answer_as_the_real_ones_do(
    tmp_path: Any, cleanup: Callable[[Process], None]
) -> None:
    stand_ins = {
        name: StandIn(name, port=free_port(), log=tmp_path / name)
        for name in ("yolo26", "nemotron")
    }
    for stand_in in stand_ins.values():
        cleanup(stand_in)
        stand_in.start()
    async with AiServices(
        yolo26_url=stand_ins["yolo26"].url, nemotron_url=stand_ins["nemotron"].url
    ) as services:
        yolo26, nemotron = await services.yolo26(), await services.nemotron()
    assert yolo26
    assert (yolo26.health, yolo26.model) == ("healthy", "[demo] yolo26")
    assert None not in (yolo26.temperature, yolo26.power, yolo26.vram_used, yolo26.gpu_utilization)
    assert nemotron
    assert (nemotron.health, nemotron.slots_total, nemotron.context_size) == ("healthy", 2, 4096)
