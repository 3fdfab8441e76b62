"""The targets, each with its follower while this replica leads.

Every replica knows the targets, by asking for them every few seconds: the one that leads tells
them, and any of them can try them.
"""

import asyncio
import contextlib
import logging
from collections.abc import Callable, Mapping, Sequence
from datetime import UTC, datetime
from functools import partial

from msgspec import Struct
from prometheus_client.core import CounterMetricFamily, GaugeMetricFamily
from prometheus_client.metrics_core import Metric
from prometheus_client.registry import Collector
from redis.exceptions import RedisError

from hsi.logs import Throttled
from hsi.tasks import cancel_and_wait
from hsi_service.supervision import Supervisor
from services.notify.deliveries import Deliveries
from services.notify.follower import Counts, Follower
from services.notify.messages import Message
from services.notify.store import Store
from services.notify.targets import DeliveryError, Target, Targets

logger = logging.getLogger(__name__)

ASK_AGAIN = 5.0
"""Seconds between two questions for the targets."""
REST = 10.0
"""Seconds that a delivery may still take when another replica is about to lead."""
TRIED = 35.0
"""Seconds for which a target is waited for that is tried; an earlier message may hang there."""
_DISABLED = (
    "disabled, because it answered {}; another address, or `hsi webhook replay`, enables it again"
)
MakeFollower = Callable[[Target, Counts], Follower]


class TargetStatus(Struct):
    """How a target is told."""

    name: str
    waiting: int
    """Messages that are decided on and not delivered; what came after them waits in the histories,
    and is not counted."""
    oldest_waiting_s: float | None
    delivered: int
    failed: int
    """Tries."""
    dead_lettered: int
    trouble: str | None
    """Why the last try failed."""
    disabled: int | None = None
    """The HTTP status by which it said that it wants no more; it is told nothing. None: it is."""


class TargetsStatus(Struct):
    """All targets, as this replica knows them; what waits is known where it leads."""

    targets: list[TargetStatus]


class Tried(Struct):
    """What a target answered to a message that only tries it."""

    name: str
    delivered: bool
    answer: str


class Notifier:
    """All targets of a replica."""

    def __init__(
        self,
        sources: Sequence[Targets],
        *,
        make: MakeFollower,
        store: Store,
        deliveries: Deliveries,
        supervisor: Supervisor,
        channels: Sequence[str],
        clock: Callable[[], float],
    ) -> None:
        """Know no target yet.

        Args:
            sources: Where they come from.
            make: Makes a follower.
            store: Forgets those that are gone.
            deliveries: Of this replica.
            supervisor: Runs the followers.
            channels: That are followed.
            clock: Seconds since 1970, by Redis' clock.

        """
        self.targets: dict[str, Target] = {}
        """By name."""
        self.sources = list(sources)
        self._make = make
        self._store = store
        self._deliveries = deliveries
        self._supervisor = supervisor
        self._channels = channels
        self._clock = clock
        self._of: dict[str, Targets] = {}
        self._counts: dict[str, Counts] = {}
        self._followers: dict[str, Follower] = {}
        self._tasks: dict[str, asyncio.Task[None]] = {}
        self._changed = asyncio.Event()
        self._trouble = Throttled(logger)

    async def ask(self) -> None:
        """Ask for the targets, again and again; ends only when cancelled."""
        while True:
            await self.ask_once()
            await asyncio.sleep(ASK_AGAIN)

    async def ask_once(self) -> None:
        """Ask for the targets; those of a source that does not answer stay."""
        known: dict[str, Target] = {}
        for source in tuple(self.sources):
            try:
                found = await source.targets()
            except (RedisError, OSError) as error:
                self._trouble.warning("targets cannot be read", trouble=type(error).__name__)
                found = [one for name, one in self.targets.items() if self._of.get(name) is source]
            for target in found:
                known[target.name] = target
                self._of[target.name] = source
        if known != self.targets:
            logger.info("targets", extra={"names": sorted(known)})
            self.targets = known
            self._changed.set()
        elif not known:
            self._trouble.warning("there is no target: nobody is told anything")

    async def lead(self) -> None:
        """Tell all targets, for as long as this replica leads."""
        try:
            while True:
                self._changed.clear()
                await self._follow()
                await self._changed.wait()
        finally:
            await cancel_and_wait(*self._tasks.values())
            self._tasks.clear()
            self._followers.clear()

    async def rest(self) -> None:
        """Begin no delivery, and wait for those under way: another replica is about to lead."""
        for follower in tuple(self._followers.values()):
            follower.may_deliver.clear()
        await self._deliveries.rest(REST)
        with contextlib.suppress(TimeoutError):
            async with asyncio.timeout(REST):
                await asyncio.gather(*(one.idle() for one in tuple(self._followers.values())))

    async def try_all(self, message: Message) -> list[Tried]:
        """Tell every target that it is tried, at once; return what each answered."""
        return list(
            await asyncio.gather(*(self._try(one, message) for one in self.targets.values()))
        ) + [
            Tried(name, delivered=False, answer=_DISABLED.format(status))
            for name, status in self._disabled().items()
        ]

    async def _try(self, target: Target, message: Message) -> Tried:
        try:
            async with asyncio.timeout(TRIED):
                await self._deliveries.deliver(target, message)
        except TimeoutError:
            return Tried(target.name, delivered=False, answer="it hangs")
        except DeliveryError as error:
            return Tried(target.name, delivered=False, answer=error.reason)
        return Tried(target.name, delivered=True, answer="delivered")

    async def _follow(self) -> None:
        """Begin and end followers, as the targets are."""
        for name, follower in tuple(self._followers.items()):
            if self.targets.get(name) != follower.target:
                await cancel_and_wait(self._tasks.pop(name))
                del self._followers[name]
        for name, target in tuple(self.targets.items()):
            if name not in self._followers:
                counts = self._counts.setdefault(name, Counts())
                follower = self._followers[name] = self._make(target, counts)
                self._tasks[name] = self._supervisor.spawn_until_done(
                    "follower", partial(self._run, follower)
                )

    async def _run(self, follower: Follower) -> None:
        await follower.run()
        target = follower.target
        await self._of[target.name].gone(target)
        await self._store.forget(target.name, self._channels)
        self.targets.pop(target.name, None)
        self._changed.set()

    def _disabled(self) -> dict[str, int]:
        """Return those that want no more, each with the status that it answered."""
        return {
            name: status
            for source in tuple(self.sources)
            for name, status in source.disabled.items()
            if name not in self.targets
        }

    def reaches_somebody(self) -> bool:
        """Return whether some target took what it was told last, or none was told anything."""
        followers = self._followers.values()
        if not followers:
            return not self._disabled()
        return any(one.trouble is None for one in followers)

    def report(self) -> TargetsStatus:
        """Return how the targets are told, for `GET /status`."""
        disabled = self._disabled()
        return TargetsStatus(
            [self._status(name, disabled.get(name)) for name in (*self.targets, *disabled)]
        )

    def _status(self, name: str, disabled: int | None) -> TargetStatus:
        follower, counts = self._followers.get(name), self._counts.get(name, Counts())
        waiting = follower.waiting if follower else []
        return TargetStatus(
            name=name,
            waiting=len(waiting),
            oldest_waiting_s=self._age(follower.oldest if follower else None),
            delivered=counts.delivered,
            failed=counts.failed,
            dead_lettered=counts.dead_lettered,
            trouble=follower.trouble if follower else None,
            disabled=disabled,
        )

    def _age(self, message: Message | None) -> float | None:
        if message is None:
            return None
        now = datetime.fromtimestamp(self._clock(), UTC)
        return round(max(0.0, (now - message.at).total_seconds()), 3)


_COUNTERS: Mapping[str, str] = {
    "delivered": "Messages that targets took.",
    "failed": "Tries that a target did not take.",
    "dead_lettered": "Messages that were given up.",
}
_GAUGES: Mapping[str, str] = {
    "waiting": "Messages decided on and not delivered; what came later, in the histories, is not "
    "counted.",
    "oldest_waiting_s": "Age of the first that is to be delivered now; no burst, cooldown or quiet "
    "hour holds it back.",
    "disabled": "Whether the target answered that it wants no more (HTTP 410).",
}


class NotifierMetrics(Collector):
    """The figures of all targets, read when somebody scrapes."""

    def __init__(self, notifier: Notifier) -> None:
        """Tell of a notifier."""
        self._notifier = notifier

    def collect(self) -> list[Metric]:
        """Return them: `hsi_notify_<what>` by target."""
        targets = self._notifier.report().targets
        metrics: list[Metric] = []
        for name, text in _COUNTERS.items():
            counter = CounterMetricFamily(f"hsi_notify_{name}", text, labels=["target"])
            for one in targets:
                counter.add_metric([one.name], getattr(one, name))
            metrics.append(counter)
        for name, text in _GAUGES.items():
            metric = f"hsi_notify_{name.removesuffix('_s')}"
            metric += "_seconds" if name.endswith("_s") else ""
            gauge = GaugeMetricFamily(metric, text, labels=["target"])
            for one in targets:
                figure = getattr(one, name) or 0
                gauge.add_metric([one.name], bool(figure) if name == "disabled" else figure)
            metrics.append(gauge)
        return metrics
