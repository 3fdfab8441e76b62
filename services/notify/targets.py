"""What a message goes to: the interface of every target, and of where targets come from. Pure."""

from collections.abc import Mapping, Sequence
from typing import Protocol

from services.notify.messages import Message
from services.notify.rules import Rules


class DeliveryError(Exception):
    """The other side did not take a message. Its text holds no secret, nor an address."""

    def __init__(
        self,
        reason: str,
        retry_after: float | None = None,
        *,
        gone: bool = False,
        refused: bool = False,
    ) -> None:
        """Say why.

        Args:
            reason: In a few plain words; it is logged, kept and shown.
            retry_after: Seconds after which the other side wants to be asked again; None: it does
                not say.
            gone: The target is no more, and has to be removed.
            refused: The other side will never take this message, which is a dead letter; the next
                one may be taken. Of a target that is gone: what was to be told is missed there.

        """
        super().__init__(reason)
        self.reason = reason
        self.retry_after = retry_after
        self.gone = gone
        self.refused = refused


class Target(Protocol):
    """Where messages go: an address of Apprise, a browser's subscription, a webhook."""

    @property
    def name(self) -> str:
        """What it is called in logs, metrics and Redis: stable, and without any secret."""

    @property
    def rules(self) -> Rules:
        """Which messages it wants."""

    async def deliver(self, message: Message) -> None:
        """Hand a message over; return once the other side has taken it.

        Its caller limits its time, too, and never calls it twice at once.

        Raises:
            DeliveryError: It was not taken, or nobody can tell.

        """


class Targets(Protocol):
    """Where targets come from; asked again every few seconds.

    A target is the same as before if its name, its rules and it itself are equal (`==`); one that
    is not begins again from where its name came.
    """

    @property
    def disabled(self) -> Mapping[str, int]:
        """Those that are told nothing until somebody mends them: the status that each answered.

        By name, as it was when they were last asked for.
        """

    async def targets(self) -> Sequence[Target]:
        """Return all that are told now.

        Raises:
            RedisError, OSError: They cannot be read now; those that are known stay.

        """

    async def gone(self, target: Target) -> None:
        """Remove a target that said that it is gone."""
