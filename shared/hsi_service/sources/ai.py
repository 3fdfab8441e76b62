"""The AI services, by HTTP: yolo26 (`/health`) and nemotron, a llama.cpp (`/health`, `/slots`).

Healthy is who answers 200 with a JSON object, as both do. A word in it that says otherwise counts;
what answers with something else is not the service that we ask for.
"""

import asyncio
import math
from collections.abc import Sequence
from types import TracebackType
from typing import Any, Self

from msgspec import Struct

from hsi.schemas.base import ServiceHealth
from hsi_service.sources.http import Http, HttpResult
from hsi_service.sources.validate import count, number, word

GIB = 1024**3
_TEMPERATURES = (-50.0, 200.0)
_MAX_WATTS = 10_000.0
_MAX_GIB = 10_000.0
_UNWELL: dict[str, ServiceHealth] = {
    "degraded": "degraded",
    "unhealthy": "unhealthy",
    "error": "unhealthy",
}


class Health(Struct, frozen=True, kw_only=True):
    """How an AI service is."""

    health: ServiceHealth
    """healthy; degraded or unhealthy by its own word, or because of what it answers; unreachable
    when nothing answers in time."""
    reason: str = ""
    """Why, for a person to read; empty when it is healthy."""


class Yolo26(Health, frozen=True, kw_only=True):
    """The object detector, and what it says of its GPU. What it does not say is None."""

    model: str | None = None
    device: str | None = None
    """E.g. `cuda:0`."""
    vram_used: int | None = None
    """Bytes."""
    gpu_utilization: float | None = None
    """Percent."""
    temperature: float | None = None
    """Degrees Celsius."""
    power: float | None = None
    """Watts."""


class Nemotron(Health, frozen=True, kw_only=True):
    """The language model. What it does not say is None."""

    slots_active: int | None = None
    slots_total: int | None = None
    context_size: int | None = None
    """Tokens."""


class AiServices:
    """Asks both; its connections stay open. Its methods never raise."""

    def __init__(self, *, yolo26_url: str, nemotron_url: str) -> None:
        """Set it up; nothing is asked yet.

        Args:
            yolo26_url: Where yolo26 is; empty: there is none.
            nemotron_url: Where nemotron is; empty: there is none.

        """
        self._yolo26_url = yolo26_url.rstrip("/")
        self._nemotron_url = nemotron_url.rstrip("/")
        self._http = Http()

    async def yolo26(self) -> Yolo26 | None:
        """Ask yolo26; None if there is none."""
        if not self._yolo26_url:
            return None
        return yolo26_of(await self._http.get(self._yolo26_url + "/health"))

    async def nemotron(self) -> Nemotron | None:
        """Ask nemotron; None if there is none."""
        if not self._nemotron_url:
            return None
        health, slots = await asyncio.gather(
            self._http.get(self._nemotron_url + "/health"),
            self._http.get(self._nemotron_url + "/slots"),
        )
        return nemotron_of(health, slots)

    async def aclose(self) -> None:
        """Close the connections."""
        await self._http.aclose()

    async def __aenter__(self) -> Self:
        return self

    async def __aexit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        await self.aclose()


def health_of(answer: HttpResult) -> tuple[ServiceHealth, str]:
    """Return how a service is by its `/health`, and why."""
    if answer.trouble:
        return ("unhealthy" if answer.reached else "unreachable"), answer.trouble
    if not isinstance(answer.body, dict):
        return "unhealthy", "answers something that is not a JSON object"
    status = answer.body.get("status")
    if isinstance(status, str) and (health := _UNWELL.get(status.lower())):
        return health, f"says that it is {status.lower()}"
    return "healthy", ""


def yolo26_of(answer: HttpResult) -> Yolo26:
    """Read yolo26's `/health`."""
    health, reason = health_of(answer)
    said: dict[str, Any] = answer.body if isinstance(answer.body, dict) else {}
    vram = number(said.get("vram_used_gb"), most=_MAX_GIB)
    least, most = _TEMPERATURES
    return Yolo26(
        health=health,
        reason=reason,
        model=word(said.get("model_name")),
        device=word(said.get("device")),
        vram_used=None if vram is None else math.floor(vram * GIB),
        gpu_utilization=number(said.get("gpu_utilization"), most=100),
        temperature=number(said.get("temperature"), least=least, most=most),
        power=number(said.get("power_watts"), most=_MAX_WATTS),
    )


def nemotron_of(health: HttpResult, slots: HttpResult) -> Nemotron:
    """Read nemotron's `/health` and `/slots`."""
    how, reason = health_of(health)
    busy = slots_of(slots.body)
    return Nemotron(
        health=how,
        reason=reason,
        slots_active=None if busy is None else sum(busy),
        slots_total=None if busy is None else len(busy),
        context_size=count(slots.body[0].get("n_ctx")) if busy else None,
    )


def slots_of(body: Any) -> Sequence[bool] | None:
    """Tell of each of llama.cpp's slots whether it is busy; None if that cannot be told.

    Newer versions say `is_processing`, older ones `state`, which is 0 while idle.
    """
    if not isinstance(body, list) or not body:
        return None
    found = [_is_busy(slot) for slot in body]
    return None if None in found else [bool(busy) for busy in found]


def _is_busy(slot: Any) -> bool | None:
    if not isinstance(slot, dict):
        return None
    processing = slot.get("is_processing")
    if isinstance(processing, bool):
        return processing
    state = count(slot.get("state"))
    return None if state is None else state != 0
