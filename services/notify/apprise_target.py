"""A target of Apprise: any of its addresses, from ntfy and Telegram to mail.

Apprise waits while it sends, so it runs in a thread, within a time and once at a time for each
target: one that hangs takes one thread, and holds up no other. Its addresses are secrets: its own
log says nothing at all, nor do those of the libraries that it sends by, and what went wrong is told
by the other side's HTTP status, or not in detail.
"""

import asyncio
import contextlib
import logging
import threading
import warnings
from collections.abc import Iterator
from datetime import UTC, datetime
from email.utils import parsedate_to_datetime
from http import HTTPStatus
from typing import Any, NamedTuple

import requests
from apprise import Apprise, AppriseAsset, AppriseAttachment, NotifyFormat, NotifyType
from apprise.attachment.memory import AttachMemory

from hsi.schemas import RiskLevel
from hsi_service.sources.thread import in_thread
from services.notify.messages import Message
from services.notify.pictures import Picture, Pictures
from services.notify.rules import Rules
from services.notify.targets import DeliveryError

TIMEOUT = 20.0
"""Seconds that a message may take; some targets rest 5 s between two requests."""
_LOUD = ("apprise", "requests", "urllib3", "smtplib", "paho", "slixmpp", "gntp")
"""Loggers that name addresses."""
_TYPES: dict[RiskLevel | None, NotifyType] = {
    "medium": NotifyType.WARNING,
    "high": NotifyType.WARNING,
    "critical": NotifyType.FAILURE,
}
_REFUSED = frozenset({HTTPStatus.BAD_REQUEST, HTTPStatus.REQUEST_ENTITY_TOO_LARGE})
"""Answers that mean this message, and not the target."""


class _LastAnswer(NamedTuple):
    """What the other side answered."""

    status: int
    retry_after: float | None


class _Answers(threading.local):
    """The last answer over HTTP in each thread that sends."""

    last: _LastAnswer | None = None
    listening: bool = False


_answers = _Answers()


def keep_addresses_out() -> None:
    """Keep addresses out of logs, whatever their level is; once more does nothing."""
    for name in _LOUD:
        log = logging.getLogger(name)
        log.setLevel(logging.CRITICAL + 10)
        log.propagate = False


def _listen() -> None:
    """Have answers over HTTP noted in the thread that gets them.

    Apprise tells only whether a message was taken, and not that the other side asks for a pause.
    """
    send = requests.Session.send
    if getattr(send, "notes_answers", False):
        return

    def noted(self: requests.Session, request: Any, **options: Any) -> Any:
        answer = send(self, request, **options)
        if _answers.listening:
            wait = _seconds(answer.headers.get("Retry-After", ""))
            _answers.last = _LastAnswer(answer.status_code, wait)
        return answer

    noted.notes_answers = True  # type: ignore[attr-defined]  # a mark of our own
    requests.Session.send = noted  # type: ignore[method-assign]  # so does each session, then


@contextlib.contextmanager
def _listening() -> Iterator[_Answers]:
    _answers.last, _answers.listening = None, True
    try:
        yield _answers
    finally:
        _answers.listening = False


class AppriseTarget:
    """One address of Apprise."""

    def __init__(self, name: str, rules: Rules, url: str, pictures: Pictures) -> None:
        """Take the address.

        Args:
            name: Of the target.
            rules: Of the target.
            url: Any that Apprise knows.
            pictures: Where pictures are fetched.

        Raises:
            ValueError: Apprise knows no such address. The text does not quote it.

        """
        keep_addresses_out()
        _listen()
        self.name = name
        self.rules = rules
        self._url = url
        self._pictures = pictures
        self._sends = threading.Lock()
        """Held by the one thread that sends; one that hangs holds it until it ends."""
        asset = AppriseAsset(
            app_id="Home Security",
            app_desc="Home Security",
            app_url="",
            image_url_mask="",
            image_url_logo="",
            # An address may name a host of the house; what answers there does not choose another.
            http_redirects=False,
            storage_mode="memory",
        )
        try:
            with warnings.catch_warnings():  # Its plugins use what is to go from Python.
                warnings.simplefilter("ignore", DeprecationWarning)
                found = Apprise.instantiate(url, asset=asset)
        except Exception:  # noqa: BLE001 (a plugin's; its text may quote the address)
            found = None
        if found is None:
            raise ValueError("Apprise knows no such address, or something is missing in it")
        self._plugin: Any = found

    def __eq__(self, other: object) -> bool:
        """Return whether another is the same target, with the same rules."""
        if not isinstance(other, AppriseTarget):
            return NotImplemented
        return (self.name, self.rules, self._url) == (other.name, other.rules, other._url)

    def __hash__(self) -> int:
        """Return what equal targets have in common."""
        return hash(self.name)

    async def deliver(self, message: Message) -> None:
        """Send a message, with its picture where the target takes one.

        Raises:
            DeliveryError: It was not taken.

        """
        picture = None
        if self.rules.picture and getattr(self._plugin, "attachment_support", False):
            picture = await self._pictures.fetch(message.image_url)
        if self._sends.locked():
            raise DeliveryError("it still hangs on an earlier message")

        def send() -> None:
            with self._sends:
                self._send(message, picture)

        try:
            async with asyncio.timeout(TIMEOUT):
                await in_thread(send, name="apprise")
        except TimeoutError:
            raise DeliveryError(f"no answer within {TIMEOUT:g} s") from None

    def _send(self, message: Message, picture: Picture | None) -> None:
        attach = None
        if picture is not None:
            attach = AppriseAttachment()
            attach.add(
                AttachMemory(  # type: ignore[no-untyped-call]  # so it is
                    content=picture.content, name=picture.name, mimetype=picture.kind
                )
            )
        body = f"{message.body}\n{message.url}" if message.url else message.body
        with _listening() as answers:
            is_taken = self._plugin.notify(
                body=body,
                title=message.title,
                notify_type=NotifyType.SUCCESS
                if message.kind == "all_clear"
                else _TYPES.get(message.level, NotifyType.INFO),
                body_format=NotifyFormat.TEXT,
                attach=attach,
            )
            last = answers.last
        if is_taken:
            return
        if last is None:
            raise DeliveryError("it cannot be reached, or did not take the message")
        raise DeliveryError(
            f"HTTP {last.status}",
            last.retry_after,
            refused=last.status in _REFUSED,
        )


def _seconds(retry_after: str) -> float | None:
    """Return the seconds that a Retry-After says, as a number or as a date; None: it says none."""
    text = retry_after.strip()
    if text.isdecimal():
        return float(text[:9])
    try:
        at = parsedate_to_datetime(text)
    except ValueError:
        return None
    at = at if at.tzinfo else at.replace(tzinfo=UTC)
    return max(0.0, (at - datetime.now(UTC)).total_seconds())
