"""Hands messages over: within a time, one at once for each target, and not twice.

A delivery outlives who asked for it. A replica that loses the lease in the middle of one, because
Redis is away, and has it again later, waits for what came of it; and what was delivered but could
not be written down is not delivered again.
"""

import asyncio
import logging
from collections import defaultdict

from hsi.logs import Throttled
from hsi_service.supervision import Supervisor
from services.notify.messages import Message
from services.notify.targets import DeliveryError, Target

logger = logging.getLogger(__name__)

TIMEOUT = 30.0
"""Seconds that the other side may take."""


class Deliveries:
    """All of a replica's."""

    def __init__(self, supervisor: Supervisor, *, timeout: float = TIMEOUT) -> None:
        """Have none yet.

        Args:
            supervisor: Runs them.
            timeout: Seconds that each may take.

        """
        self._supervisor = supervisor
        self._timeout = timeout
        self._running: dict[str, asyncio.Task[None]] = {}
        self._done: defaultdict[str, set[str]] = defaultdict(set)
        """Keys of what was delivered to a target and not yet written down."""
        self._why: dict[str, DeliveryError] = {}
        self._trouble = Throttled(logger)

    async def deliver(self, target: Target, message: Message) -> None:
        """Deliver a message, unless it was already.

        Raises:
            DeliveryError: It was not taken.

        """
        name = target.name
        while (running := self._running.get(name)) is not None:
            await asyncio.wait({running})
        if message.key in self._done[name]:
            return
        self._why.pop(name, None)
        task = self._supervisor.spawn("delivery", self._attempt(target, message))
        self._running[name] = task
        task.add_done_callback(lambda _: self._running.pop(name, None))
        await asyncio.wait({task})
        if message.key not in self._done[name]:
            raise self._why.pop(name, None) or DeliveryError("it was broken off")

    def written(self, name: str) -> None:
        """Take it that what was delivered to a target is written down."""
        self._done.pop(name, None)

    async def rest(self, seconds: float) -> None:
        """Wait until none is under way, for so long at most."""
        if running := set(self._running.values()):
            await asyncio.wait(running, timeout=seconds)

    async def _attempt(self, target: Target, message: Message) -> None:
        name = target.name
        try:
            async with asyncio.timeout(self._timeout):
                await target.deliver(message)
        except DeliveryError as error:
            self._why[name] = error
        except TimeoutError:
            self._why[name] = DeliveryError(f"no answer within {self._timeout:g} s")
        except Exception as error:  # noqa: BLE001 (any library's; a text of theirs may hold secrets)
            self._why[name] = DeliveryError(f"it failed: {type(error).__name__}")
            self._trouble.warning(
                "a target failed in an unexpected way", target=name, trouble=type(error).__name__
            )
        else:
            self._done[name].add(message.key)
