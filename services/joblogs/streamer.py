"""JobLogStreamer: job logs, from their Redis channels to whoever watches them."""

import asyncio
import logging
from collections import defaultdict
from collections.abc import Coroutine
from typing import Any

from redis.exceptions import RedisError

from hsi.joblogs.job_state import ENDED
from hsi.schemas import channels, job_ids
from hsi.schemas.close_codes import CloseCode
from hsi_service.fanout.peer import Peer
from hsi_service.skeleton.service import Service
from hsi_service.skeleton.session import OrderedSession, Socket, serve_client
from services.joblogs.jobs import Jobs
from services.joblogs.messages import AtLeast
from services.joblogs.topic import JobTopic, let_go

logger = logging.getLogger(__name__)

SWEEP_INTERVAL = 1.0
"""Seconds between looks at the states of all watched jobs."""
BACKLOG = 1000
"""Lines that a client begins with which asks for nothing else."""


class JobLogStreamer:
    """Streams job logs to this replica's clients (R3, R6).

    However many clients watch however many jobs: one pub/sub connection, and one question a second
    about the states of all of them.
    """

    def __init__(self, service: Service, jobs: Jobs, *, idle_timeout: float) -> None:
        """Set it up; nothing is asked yet.

        Args:
            service: The replica.
            jobs: How jobs are.
            idle_timeout: Seconds after which a client is let go, if neither the job nor the client
                has said anything.

        """
        self._service = service
        self._jobs = jobs
        self._idle_timeout = idle_timeout
        self._topics: dict[str, set[JobTopic]] = defaultdict(set)
        """The topics of each watched job: one for each level that is asked for."""

    async def connect(
        self, socket: Socket, job_id: str, *, since: str | None, tail: str | None, level: str | None
    ) -> None:
        """Send a client a job's log until it ends.

        Args:
            socket: The client, before its handshake is answered.
            job_id: The job.
            since: Go on after the line with this cursor.
            tail: Begin with this many of the last lines; by default with `BACKLOG`.
            level: Send lines of this level and above.

        """
        await serve_client(socket, self.session(job_id=job_id, since=since, tail=tail, level=level))

    def session(
        self, *, job_id: str, since: str | None, tail: str | None, level: str | None
    ) -> "JobSession":
        """Return what serves one client; its arguments are `connect`'s."""
        return JobSession(self, self._service, job_id, since=since, tail=tail, level=level)

    def topic_for(self, peer: Peer, job_id: str, only: AtLeast | None) -> JobTopic:
        """Return a job's topic, with one more client.

        Raises:
            InvalidJobIdError: It is not a job id.

        """
        channel = channels.job_logs(job_ids.check(job_id))
        topic = self._service.hub.enter(peer, channel, JobTopic, only)
        self._topics[job_id].add(topic)
        return topic

    async def sweep(self) -> None:
        """Let go, for ever, clients of jobs that ended without saying so, and idle ones."""
        over: set[str] = set()
        while True:
            await asyncio.sleep(SWEEP_INTERVAL)
            self._forget_unwatched()
            self._close_idle()
            over = await self._end_what_ended(over)

    def _forget_unwatched(self) -> None:
        for job_id, topics in list(self._topics.items()):
            topics -= {topic for topic in topics if not topic.clients}
            if not topics:
                del self._topics[job_id]

    def _close_idle(self) -> None:
        now = asyncio.get_running_loop().time()
        for topics in self._topics.values():
            for topic in topics:
                for peer in tuple(topic.clients):
                    if now - max(topic.heard_at, peer.heard_at) < self._idle_timeout:
                        continue
                    try:
                        peer.close(CloseCode.NORMAL, "Idle timeout")
                    except Exception as error:  # noqa: BLE001 (one client's fault is no other's)
                        self._service.supervisor.went_on(error)

    async def _end_what_ended(self, over: set[str]) -> set[str]:
        """End the logs of jobs that were over at the last look already, and say which are now.

        Not at the first look: the end that the job itself sends may be on its way.
        """
        try:
            # A copy: clients come and go while Redis is asked.
            states = await self._jobs.states(tuple(self._topics))
        except (RedisError, OSError) as error:
            logger.debug("cannot ask how jobs are: %s", error)
            return set()
        now_over: set[str] = set()
        for job_id, state in states.items():
            if state.status is None or state.status not in ENDED:
                continue
            now_over.add(job_id)
            if job_id in over:
                for topic in self._topics.get(job_id, ()):
                    self._service.supervisor.spawn(
                        "end of a job",
                        topic.end_with(job_id, state.status),  # type: ignore[arg-type]  # just checked
                    )
        return now_over - over


class JobSession(OrderedSession):
    """A client that follows a job's log."""

    __slots__ = ("_job_id", "_level", "_streamer")

    def __init__(
        self,
        streamer: JobLogStreamer,
        service: Service,
        job_id: str,
        *,
        since: str | None,
        tail: str | None,
        level: str | None,
    ) -> None:
        begins_with_backlog = since is None and tail is None
        super().__init__(service, since=since, tail=str(BACKLOG) if begins_with_backlog else tail)
        self._streamer = streamer
        self._job_id = job_id
        self._level = level

    def listen(self, peer: Peer) -> JobTopic:
        """Return the topic of the job, with the client in it."""
        only = AtLeast.parse(self._level) if self._level else None
        return self._streamer.topic_for(peer, self._job_id, only)

    def begin(self, peer: Peer) -> Coroutine[Any, Any, None]:
        """Bring the client to where the log is, or to its end."""
        return self._follow(peer, super().begin(peer))

    async def _follow(self, peer: Peer, beginning: Coroutine[Any, Any, None] | None) -> None:
        if beginning:
            await beginning
        topic = self.topic
        if isinstance(topic, JobTopic) and await topic.has_ended():
            let_go(peer)
