"""The breaker and degraded mode on a listener, driven by what the subscriber reports."""

from redis.asyncio import Redis

from hsi.schemas import ServiceStatus, WebSocketCircuitState
from hsi_service.bus.subscriber import Subscriber
from services.system.connect_policy import ATTEMPT_TIME, BreakerPolicy
from services.system.degraded import DegradedReason
from tests.clients import until
from tests.hsi_service.bus.test_subscriber import Ear, kept_running
from tests.servers import RedisServer


class Told:
    """A guard with a clock that stands still until it is moved, and what clients were told."""

    def __init__(self) -> None:
        self.now = 0.0
        self.told: list[ServiceStatus] = []
        self.policy = BreakerPolicy(
            recovery_timeout=30, announce=self.told.append, clock=lambda: self.now
        )

    @property
    def words(self) -> list[str]:
        return [message.data.status for message in self.told]

    def fail(self, times: int) -> None:
        """Fail as often as the pace of attempts allows."""
        for _ in range(times):
            assert self.policy.may_connect()
            self.policy.failed(refused=False)
            self.now += ATTEMPT_TIME

    def is_without_redis(self, seconds: float) -> None:
        """Lose Redis, and try again every 0.1 s."""
        end = self.now + seconds
        self.policy.failed(refused=False)
        while self.now < end - 1e-6:
            self.now += 0.1
            if self.policy.may_connect():
                self.policy.failed(refused=False)


def test_five_failures_open_the_circuit_and_clients_are_told_once() -> None:
    home = Told()
    home.fail(4)
    assert home.told == []
    home.fail(1)
    assert not home.policy.may_connect()
    assert home.words == ["degraded"]
    assert home.told[0].data.circuit_state is WebSocketCircuitState.OPEN
    assert home.policy.announcement is home.told[0]


def test_a_loss_of_what_was_heard_counts_as_a_failure() -> None:
    home = Told()
    assert home.policy.may_connect()
    home.policy.heard()
    home.policy.failed(refused=False)  # lost
    home.now += ATTEMPT_TIME
    home.fail(4)
    assert home.words == ["degraded"]


def test_what_fails_within_a_second_is_one_attempt_however_often_it_is_tried() -> None:
    home = Told()
    assert home.policy.may_connect()
    home.policy.heard()
    home.is_without_redis(3.5)
    assert home.told == []
    assert home.policy.degraded.attempts == 4
    assert home.policy.breaker.get_status()["failure_count"] == 4
    home.is_without_redis(1.0)
    assert home.words == ["degraded"]
    assert home.policy.degraded.reason is DegradedReason.CIRCUIT_OPEN


def test_five_restarts_of_an_instant_are_five_times_nothing() -> None:
    home = Told()
    for _ in range(5):
        assert home.policy.may_connect()
        home.policy.heard()
        home.is_without_redis(0.1)
        home.now += 1
    assert home.told == []


def test_a_loss_just_after_it_was_heard_is_the_first_attempt_of_its_own_outage() -> None:
    home = Told()
    assert home.policy.may_connect()
    home.policy.failed(refused=False)
    assert home.policy.may_connect()
    home.policy.heard()
    home.policy.failed(refused=False)
    assert home.policy.degraded.attempts == 1


def test_when_the_count_of_the_circuit_was_reset_by_hand_the_attempts_run_out_before_it() -> None:
    home = Told()
    home.fail(4)
    home.policy.breaker.reset()
    home.fail(1)
    assert home.words == ["degraded"]
    assert home.policy.degraded.reason is DegradedReason.ATTEMPTS_EXHAUSTED
    assert home.told[0].data.circuit_state is WebSocketCircuitState.CLOSED
    assert home.policy.may_connect()  # it goes on trying
    home.policy.heard()
    assert home.words == ["degraded", "healthy"]


def test_a_circuit_that_is_reset_by_hand_lets_it_try_and_it_is_over_when_heard() -> None:
    home = Told()
    home.fail(5)
    assert not home.policy.may_connect()
    home.policy.breaker.reset()
    assert home.words == ["degraded"]
    assert home.policy.may_connect()
    home.policy.heard()
    assert home.words == ["degraded", "healthy"]


def test_a_trial_that_fails_tells_nothing_and_one_that_hears_ends_it() -> None:
    home = Told()
    home.fail(5)
    for _ in range(3):
        home.now += 30
        assert home.policy.may_connect()
        assert not home.policy.may_connect()  # the one trial is under way
        home.policy.failed(refused=False)
    home.now += 30
    assert home.policy.may_connect()
    home.policy.heard()
    assert home.words == ["degraded", "healthy"]
    assert home.told[1].data.circuit_state is WebSocketCircuitState.CLOSED
    assert home.policy.announcement is None


def test_a_subscription_that_redis_refuses_is_told_at_once() -> None:
    home = Told()
    assert home.policy.may_connect()
    home.policy.failed(refused=True)
    assert home.words == ["degraded"]
    assert home.policy.degraded.reason is DegradedReason.NOT_RESUBSCRIBED


def test_when_everybody_has_left_another_may_try_in_its_place() -> None:
    home = Told()
    home.fail(5)
    home.now += 30
    assert home.policy.may_connect()
    home.policy.left()
    assert home.policy.may_connect()


async def test_the_subscriber_asks_before_it_connects_and_says_how_it_went(
    own_redis: RedisServer, channel: str
) -> None:
    told: list[str] = []

    class Noting:
        allowed = False

        def may_connect(self) -> bool:
            return self.allowed

        def heard(self) -> None:
            told.append("heard")

        def failed(self, *, refused: bool) -> None:
            told.append("refused" if refused else "failed")

        def left(self) -> None:
            told.append("left")

    guard = Noting()

    async def has_told(word: str) -> bool:
        return told[-1:] == [word]

    subscriber = Subscriber(own_redis.url, name="test", on_outage=lambda: None)
    subscriber.connect_policy = guard
    async with kept_running(subscriber), Redis.from_url(own_redis.url) as redis:
        subscription = subscriber.subscribe(channel, Ear())
        assert not await subscription.established(0.3)
        assert not await redis.client_list(_type="pubsub")
        guard.allowed = True
        await until(lambda: has_told("heard"))
        await redis.acl_setuser("default", commands=["-subscribe"], enabled=True)
        await redis.client_kill_filter(_type="pubsub")
        await until(lambda: has_told("refused"))
        assert told[:2] == ["heard", "failed"]
        await redis.acl_setuser("default", commands=["+subscribe"], enabled=True)
        await until(lambda: has_told("heard"))
        subscription.close()
        await until(lambda: has_told("left"))
        own_redis.kill()
        subscription = subscriber.subscribe(channel, Ear())
        await until(lambda: has_told("failed"))
        subscription.close()
