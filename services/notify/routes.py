"""The notify service's routes."""

from datetime import UTC, datetime

from litestar import get, post
from litestar.di import NamedDependency
from litestar.exceptions import ServiceUnavailableException
from litestar.params import FromQuery
from msgspec import Struct
from redis.exceptions import RedisError

from hsi.redis_client import reason_of
from hsi.schemas import RiskLevel
from hsi_service.door.http import needs
from services.notify.messages import Kind, Message
from services.notify.notifier import Notifier, Tried
from services.notify.settings import NotifySettings
from services.notify.store import DeadLetter, Store


class TriedTargets(Struct):
    """What each target answered."""

    targets: list[Tried]


class GivenUp(Struct):
    """A message that could not be delivered."""

    id: str
    target: str
    at: datetime
    """When it was given up."""
    tries: int
    reason: str
    kind: Kind
    title: str
    body: str
    level: RiskLevel | None
    happened: datetime
    url: str


class DeadLetters(Struct):
    """What could not be delivered, the latest first."""

    messages: list[GivenUp]


@post("/api/notify/test", tags=["notify"], opt=needs("admin"), status_code=200)
async def try_targets(
    notifier: NamedDependency[Notifier], settings: NamedDependency[NotifySettings]
) -> TriedTargets:
    """Tell every target that it is only tried; return what each answered.

    Whatever their rules and quiet hours are. Web Push and webhooks are among them.
    """
    now = datetime.now(UTC)
    message = Message(
        kind="test",
        title="This is a test",
        body="If you can read this, you are told of what happens at home.",
        level=None,
        url=settings.dashboard_url,
        image_url=None,
        tag="test",
        camera_id=None,
        at=now,
        cursor=f"{now.timestamp() * 1000:.0f}-0",
        source=None,
    )
    await notifier.ask_once()
    return TriedTargets(await notifier.try_all(message))


@get("/api/notify/dead", tags=["notify"], opt=needs("admin"))
async def dead_letters(store: NamedDependency[Store], limit: FromQuery[int] = 50) -> DeadLetters:
    """Return what could not be delivered, the latest first; 503 without Redis, which has it."""
    try:
        found = await store.dead_letters(min(max(limit, 1), 1000))
    except (RedisError, OSError) as error:
        raise ServiceUnavailableException(reason_of(error)) from error
    return DeadLetters([_given_up(*one) for one in found])


def _given_up(identifier: str, letter: DeadLetter) -> GivenUp:
    message = letter.message
    return GivenUp(
        id=identifier,
        target=letter.target,
        at=letter.at,
        tries=letter.tries,
        reason=letter.reason,
        kind=message.kind,
        title=message.title,
        body=message.body,
        level=message.level,
        happened=message.at,
        url=message.url,
    )
