"""What all job logs together take of Redis: the limit that is set, and the figures for Prometheus.

The function that publishes keeps the logs within it (hsi/publish_v2.lua), in whatever language they
are written. This service tells it the limit, and tells people how it goes.
"""

import asyncio
import logging
from collections.abc import Iterator

from prometheus_client.core import CounterMetricFamily, GaugeMetricFamily, Metric
from prometheus_client.registry import Collector
from redis.exceptions import RedisError, ResponseError

from hsi.logs import Throttled
from hsi.redis_client import async_client
from hsi.schemas import channels
from hsi_service.metrics import Metrics

logger = logging.getLogger(__name__)

INTERVAL = 5.0
"""Seconds between two looks: a Redis that was wiped has forgotten the limit."""
TIMEOUT = 1.0
"""Seconds for an answer."""


class JobLogBudget(Collector):
    """Sets the limit, and reads how it goes."""

    def __init__(self, redis_url: str, limit: int, metrics: Metrics, *, name: str) -> None:
        """Connect on first use.

        Args:
            redis_url: As `hsi.redis_url.parse` takes it.
            limit: Bytes that all job logs may take together.
            metrics: The service's.
            name: Of the service, for people who look at Redis.

        """
        self._redis = async_client(redis_url, name=f"{name}-budget", timeout=TIMEOUT)
        self._limit = limit
        self._trouble = Throttled(logger)
        self.taken: int | None = None
        """Bytes that they take, at most; None: not known."""
        self.dropped: int | None = None
        """Logs that went before their hour, ever; None: not known."""
        metrics.registry.register(self)

    async def run(self) -> None:
        """Look after it until cancelled."""
        while True:
            await self.look()
            await asyncio.sleep(INTERVAL)

    async def look(self) -> None:
        """Say the limit, and ask how much is taken."""
        try:
            async with self._redis.pipeline(transaction=False) as commands:
                commands.hset(channels.JOB_LOGS, "limit", str(self._limit))
                commands.hmget(channels.JOB_LOGS, "bytes", "dropped")
                _, (taken, dropped) = await commands.execute()
        except ResponseError as error:  # Of a wrong type, which the next line of a log replaces.
            self.taken = self.dropped = None
            self._trouble.warning("the budget of job logs cannot be kept", reason=str(error))
        except (RedisError, OSError) as error:
            self.taken = self.dropped = None
            logger.debug("cannot look after the budget of job logs: %s", error)
        else:
            self.taken, self.dropped = _number(taken), _number(dropped)

    def collect(self) -> Iterator[Metric]:
        """Yield the figures for Prometheus; what is not known has no sample."""
        limit = GaugeMetricFamily(
            "hsi_job_logs_limit_bytes", "What all job logs may take in Redis."
        )
        limit.add_metric([], self._limit)
        taken = GaugeMetricFamily("hsi_job_logs_bytes", "What all job logs take in Redis, at most.")
        dropped = CounterMetricFamily(
            "hsi_job_logs_dropped", "Job logs that made room for others before their hour."
        )
        for family, value in ((taken, self.taken), (dropped, self.dropped)):
            if value is not None:
                family.add_metric([], value)
        yield from (limit, taken, dropped)

    async def aclose(self) -> None:
        """Close the connections."""
        await self._redis.aclose()


def _number(value: bytes | None) -> int | None:
    """Return what a field says: nothing, where nothing was written yet, is 0."""
    try:
        return int(value or 0)
    except ValueError:
        return None
