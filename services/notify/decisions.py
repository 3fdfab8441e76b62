"""What a target is told, and when: a machine of its rules, of news and of time. Pure.

The same news at the same times make the same messages, on any replica: all that it knows is its
`State`, which is kept in Redis together with how far the target came.

Of events: each is told once, and again only at a higher level. The first of a burst is told at
once, what follows waits and is told together, and what is graver does not wait. Troubles (alerts,
services, cameras) begin and end: one that began in quiet hours is told when these are over, if it
has not ended by then, and the end is told to those who heard of the begin.
"""

from collections.abc import Iterable
from datetime import UTC, datetime

import msgspec

from hsi.schemas import RiskLevel
from services.notify.messages import MAX_BODY, Message, rank, shortened
from services.notify.news import News, time_of_day, worded
from services.notify.rules import Rules
from services.notify.state import Cooldown, State, Tally, Told, Trouble, tallied

SETTLED = 3.0
"""Seconds without another late event before they are told together."""
REMEMBERED = 86400.0
"""Seconds for which it is known what was told of an event; an event that lasts longer is rare."""
MAX_REMEMBERED = 1000
"""Events, at most."""
MAX_TROUBLES = 1000
MAX_WAITING = 50
"""Messages of a burst that are kept in words; of the others the number is told."""
LINES = 5
"""Messages of a burst, or of a camera's cooldown, that are told in words."""
LONGEST_WISH = 86400.0
"""Seconds that another side may have a message wait, in all."""
STALE_TROUBLE = 7 * 86400.0
"""Seconds after which a trouble is forgotten whose end nobody told."""


class Decisions:
    """Decides for one target. Times are seconds since 1970, by Redis' clock."""

    def __init__(self, rules: Rules, state: State | None = None, *, dashboard: str = "") -> None:
        """Go on from what is known.

        Args:
            rules: The target's.
            state: What was known; None: nothing.
            dashboard: `DASHBOARD_URL`, for links; may be empty.

        """
        self.rules = rules
        self.state = state or State()
        self._dashboard = dashboard.rstrip("/")

    def take(self, news: News, now: float, *, is_seen: bool = False, home: str = "") -> None:
        """Take what was published next.

        Args:
            news: In the order of its history.
            now: The time.
            is_seen: Whether somebody of the household has seen the event.
            home: How the home is, for templates.

        """
        message = worded(news.message, news.values, self.rules, home=home)
        if news.change != "happened":
            self._take_trouble(news, message, now)
        elif not is_seen:
            self._take_event(news, message, now)
        self.pass_time(now)

    def take_gap(self, cursor: str, what: str, now: float) -> None:
        """Take it that messages are missing, in the history or by its end.

        Args:
            cursor: Where it goes on.
            what: Of what messages are missing, as in "events".
            now: The time.

        """
        self.state.gap = self._message(
            title=f"Some {what} are not known",
            body=f"Their history was cut off or lost before you could be told of all {what}.",
            cursor=cursor,
            tag=f"gap {what}",
            at=now,
        )
        self.pass_time(now)

    def pass_time(self, now: float) -> None:
        """Decide what the time alone decides: the end of a burst, of a cooldown, of quiet hours."""
        state = self.state
        for cooldown in state.cooldowns.values():
            self._end(cooldown, now)
        if state.waiting and now >= state.burst_until:
            self._tell_burst(now)
        for about, trouble in tuple(state.troubles.items()):
            self._follow(about, trouble, now)
        if state.gap and not self._is_quiet(now, None):
            self._tell(state.gap)
            state.gap = None
        if (
            state.late
            and now >= state.late.due
            and not self._is_quiet(now, state.late.gravest.level)
        ):
            self._tell(self._summary(state.late, "while nobody could tell you", now))
            state.late = None
        if state.quiet and not self._is_quiet(now, None):
            self._tell(self._summary(state.quiet, "in quiet hours", now))
            state.quiet = None
        self._forget(now)

    def due(self, now: float) -> float | None:
        """Return when time decides something next; None: but for quiet hours, nothing waits."""
        state = self.state
        moments = [state.burst_until] if state.waiting else []
        moments += [trouble.due for trouble in state.troubles.values() if trouble.told is None]
        moments += [one.until for one in state.cooldowns.values() if one.held]
        moments += [state.late.due] if state.late else []
        return min((moment for moment in moments if moment > now), default=None)

    @property
    def waiting(self) -> list[Message]:
        """What is to be delivered, or waits for the end of a burst or of a cooldown."""
        held = [one for cooldown in self.state.cooldowns.values() for one in cooldown.held]
        return [*self.state.outbox, *self.state.waiting, *held]

    def release(self) -> None:
        """Have all that waits be delivered now, each by itself."""
        self.state.outbox, self.state.waiting = self.waiting, []
        self.state.cooldowns.clear()

    def drop_seen(self, seen: Iterable[Message]) -> None:
        """Take back what somebody has seen before it was told."""
        tags = {message.tag for message in seen if message.kind == "event"}
        state = self.state
        state.waiting = [one for one in state.waiting if one.tag not in tags]
        for cooldown in state.cooldowns.values():
            cooldown.held = [one for one in cooldown.held if one.tag not in tags]
        if state.outbox and state.outbox[0].tag in tags:
            self._begin_again()
        state.outbox = [one for one in state.outbox if one.tag not in tags]

    def settle(self) -> None:
        """Take it that the first message of the outbox is dealt with: delivered, or given up."""
        self.state.outbox.pop(0)
        self._begin_again()

    def failed(self, now: float, retry_after: float | None = None) -> None:
        """Take it that the first message of the outbox was tried in vain.

        Args:
            now: The time.
            retry_after: Seconds for which the other side wants to be left alone, with any message.

        """
        state = self.state
        state.tries += 1
        if state.first_tried is None:
            state.first_tried = now
        if retry_after is not None:
            state.not_before = now + retry_after
            state.asked_for += retry_after

    def tried_for(self, now: float) -> float:
        """Return for how many seconds the first message has been tried.

        Waiting that the other side asked for does not count: a message is not given up because it
        did as it was told. Of that, a day at most: what always says "later" never takes it.
        """
        state = self.state
        since = now if state.first_tried is None else state.first_tried
        return now - since - min(state.asked_for, LONGEST_WISH)

    def _begin_again(self) -> None:
        self.state.tries, self.state.first_tried, self.state.asked_for = 0, None, 0.0

    def _take_event(self, news: News, message: Message, now: float) -> None:
        state, rules, level = self.state, self.rules, message.level
        if not rules.wants("event", level, message.camera_id):
            return
        before = state.told.get(news.about)
        if before is not None and rank(level) <= rank(before.level):
            return
        if now - message.at.timestamp() > rules.too_old:
            if rules.is_quiet(message.at, level):
                self._count_quiet(message)
            else:
                state.late = tallied(state.late, message, due=now + SETTLED)
        elif self._is_quiet(now, level):
            self._count_quiet(message)
        elif (held := self._cool_down(message, now)) is not None:
            if held:
                body = f"{message.body}\n{held} more at this camera since the last message."
                message = msgspec.structs.replace(message, body=shortened(body, MAX_BODY))
            self._tell_event(message, now)
        # Told, or counted, or left out by the rules: the same level is no news of it.
        state.told.pop(news.about, None)  # So that the order stays that of time.
        state.told[news.about] = Told(level, now)

    def _cool_down(self, message: Message, now: float) -> int | None:
        """Return how many events were held back before this one; None: this one is, too."""
        if message.camera_id is None:
            return 0
        about = f"events {message.camera_id}"
        known = self.state.cooldowns.get(about)
        if known is not None and now < known.until and rank(message.level) <= rank(known.level):
            self._hold(known, message)
            return None
        self.state.cooldowns[about] = Cooldown(message.level, now + self.rules.cooldown)
        if known is None:
            return 0
        return known.more + sum(one.tag != message.tag for one in known.held)

    def _hold(self, cooldown: Cooldown, message: Message) -> None:
        # What is told again of an event that is held takes its place.
        held = [one for one in cooldown.held if one.tag != message.tag]
        held.append(message)
        if len(held) > LINES:
            held.remove(min(held, key=lambda one: rank(one.level)))
            cooldown.more += 1
        cooldown.held = held

    def _end(self, cooldown: Cooldown, now: float) -> None:
        """Tell what a cooldown held back, if it is over; the next one begins with that."""
        if now < cooldown.until or not cooldown.held:
            return
        held, more = cooldown.held, cooldown.more
        cooldown.held, cooldown.more = [], 0
        gravest = max(held, key=lambda one: rank(one.level))
        if self._is_quiet(now, gravest.level):
            self._count_quiet(*held, more=more)
            return
        cooldown.level, cooldown.until = gravest.level, now + self.rules.cooldown
        self._tell(held[0] if len(held) + more == 1 else self._together(held, more, gravest))

    def _tell_event(self, message: Message, now: float) -> None:
        state = self.state
        in_burst = now < state.burst_until
        if in_burst and rank(message.level) <= rank(state.burst_level):
            # What is told again of an event that waits takes its place.
            state.waiting = [one for one in state.waiting if one.tag != message.tag]
            if len(state.waiting) < MAX_WAITING:
                state.waiting.append(message)
            else:
                state.more += 1
            return
        state.waiting = [one for one in state.waiting if one.tag != message.tag]
        self._tell(message)
        if not state.waiting:
            state.burst_until = now + self.rules.group
        state.burst_level = message.level

    def _tell_burst(self, now: float) -> None:
        state = self.state
        told = [one for one in state.waiting if not self._is_quiet(now, one.level)]
        quiet = [one for one in state.waiting if self._is_quiet(now, one.level)]
        more, state.waiting, state.more = state.more, [], 0
        self._count_quiet(*quiet, more=0 if told else more)
        if not told:
            return
        gravest = max(told, key=lambda one: rank(one.level))
        self._tell(told[0] if len(told) + more == 1 else self._together(told, more, gravest))
        state.burst_until, state.burst_level = now + self.rules.group, gravest.level

    def _together(self, told: list[Message], more: int, gravest: Message) -> Message:
        count = len(told) + more
        cameras = len({one.camera_id for one in told})
        lines = [f"{time_of_day(one.at, self.rules)} {one.title}. {one.body}" for one in told]
        left = count - len(lines[:LINES])
        shown = [shortened(line, MAX_BODY // (LINES + 1)) for line in lines[:LINES]]
        where = "one camera" if cameras == 1 else f"{cameras} cameras"
        message = msgspec.structs.replace(
            gravest,
            kind="summary",
            title=f"{count} events at {where}",
            body="\n".join([*shown, *([f"and {left} more"] if left else [])]),
            url=f"{self._dashboard}/events" if self._dashboard else "",
            tag=f"events {told[-1].cursor}",
            camera_id=gravest.camera_id if cameras == 1 else None,
            at=told[-1].at,
            cursor=told[-1].cursor,
            source=None,
        )
        return worded(message, {}, self.rules, count=count)

    def _summary(self, tally: Tally, why: str, now: float) -> Message:
        events = "1 event" if tally.count == 1 else f"{tally.count} events"
        since, until = (time_of_day(at, self.rules) for at in (tally.since, tally.latest.at))
        when = f"At {since}" if since == until else f"From {since} to {until}"
        gravest = tally.gravest
        which = "It was" if tally.count == 1 else "The gravest:"
        message = self._message(
            title=f"{events} {why}",
            body=shortened(f"{when}. {which} {gravest.title}. {gravest.body}", MAX_BODY),
            cursor=tally.latest.cursor,
            tag=f"summary {tally.latest.cursor}",
            at=now,
            level=gravest.level,
        )
        return worded(message, {}, self.rules, count=tally.count)

    def _message(
        self,
        *,
        title: str,
        body: str,
        cursor: str,
        tag: str,
        at: float,
        level: RiskLevel | None = None,
    ) -> Message:
        return Message(
            kind="summary",
            title=title,
            body=body,
            level=level,
            url=f"{self._dashboard}/events" if self._dashboard else "",
            image_url=None,
            tag=tag,
            camera_id=None,
            at=datetime.fromtimestamp(at, UTC),
            cursor=cursor,
            source=None,
        )

    def _take_trouble(self, news: News, message: Message, now: float) -> None:
        troubles, known = self.state.troubles, self.state.troubles.get(news.about)
        wanted = self.rules.wants(news.subject, message.level, message.camera_id)
        if news.change == "ended" or not wanted:
            if known is None:
                return
            if known.told is None:
                del troubles[news.about]
            else:
                known.over = message
        elif known is None:
            if len(troubles) < MAX_TROUBLES:
                # One that began long ago may have ended since: its end is about to be read.
                is_late = now - message.at.timestamp() > self.rules.too_old
                cooldown = self.state.cooldowns.get(news.about)
                due = max(now + SETTLED if is_late else now, cooldown.until if cooldown else 0)
                troubles[news.about] = Trouble(message, due)
        else:
            known.message, known.over = message, None
            if known.told is not None and rank(message.level) > rank(known.told.level):
                known.told = None  # It is told again.

    def _follow(self, about: str, trouble: Trouble, now: float) -> None:
        """Tell a trouble's begin or end, if it is time."""
        level = trouble.message.level
        if trouble.over is not None:
            if not self._is_quiet(now, level):
                if self.rules.all_clear:
                    self._tell(trouble.over)
                del self.state.troubles[about]
        elif trouble.told is None:
            if now >= trouble.due and not self._is_quiet(now, level):
                self._tell(trouble.message)
                trouble.told = trouble.message
                self.state.cooldowns[about] = Cooldown(level, now + self.rules.cooldown)
        elif now - trouble.message.at.timestamp() > STALE_TROUBLE:
            del self.state.troubles[about]

    def _count_quiet(self, *messages: Message, more: int = 0) -> None:
        if not self.rules.sums_up:
            return
        for message in messages:
            self.state.quiet = tallied(self.state.quiet, message)
        if self.state.quiet:
            self.state.quiet.count += more

    def _tell(self, message: Message) -> None:
        self.state.outbox.append(message)

    def _is_quiet(self, now: float, level: RiskLevel | None) -> bool:
        return self.rules.is_quiet(datetime.fromtimestamp(now, UTC), level)

    def _forget(self, now: float) -> None:
        told, cooldowns = self.state.told, self.state.cooldowns
        for about, one in tuple(told.items()):
            if now - one.at <= REMEMBERED and len(told) <= MAX_REMEMBERED:
                break
            del told[about]
        for about, cooldown in tuple(cooldowns.items()):
            if now >= cooldown.until:
                del cooldowns[about]
