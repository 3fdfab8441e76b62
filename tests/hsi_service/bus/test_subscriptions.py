"""A channel counts as heard exactly when Redis would deliver to us."""

from collections import deque

from hypothesis import strategies as st
from hypothesis.stateful import RuleBasedStateMachine, invariant, rule

from hsi_service.bus.subscriptions import Subscriptions

NAMES = st.sampled_from([b"a", b"b", b"c"])


class Conversation(RuleBasedStateMachine):
    """We send commands; Redis executes and answers them later, in order."""

    def __init__(self) -> None:
        super().__init__()
        self.ours = Subscriptions()
        self.sent: deque[tuple[str, bytes]] = deque()
        self.heard: set[bytes] = set()

    @rule(name=NAMES)
    def join(self, name: bytes) -> None:
        if name not in self.ours.names:
            self.ours.subscribing([name])
            self.sent.append(("SUBSCRIBE", name))

    @rule(name=NAMES)
    def leave(self, name: bytes) -> None:
        if name in self.ours.names:
            self.ours.unsubscribing([name])
            self.sent.append(("UNSUBSCRIBE", name))

    @rule()
    def redis_executes_one(self) -> None:
        if not self.sent:
            return
        command, name = self.sent.popleft()
        if command == "SUBSCRIBE":
            self.heard.add(name)
            self.ours.answered(name)
        else:
            self.heard.discard(name)

    @invariant()
    def confirmed_means_heard_from_now_on(self) -> None:
        leaving = {name for command, name in self.sent if command == "UNSUBSCRIBE"}
        for name in (b"a", b"b", b"c"):
            confirmed = self.ours.confirmed(name)
            assert confirmed == (
                name in self.ours.names and name in self.heard and name not in leaving
            )

    @invariant()
    def complete_means_all_of_them(self) -> None:
        assert self.ours.complete(self.ours.names) == all(
            self.ours.confirmed(name) for name in self.ours.names
        )


TestConversation = Conversation.TestCase
