"""Who asks nobody connects whenever it likes."""

from hsi_service.bus.connect_policy import AlwaysConnect, ConnectPolicy


def test_without_a_policy_of_its_own_a_subscriber_may_always_connect() -> None:
    policy: ConnectPolicy = AlwaysConnect()
    for event in (policy.heard, policy.left):
        assert policy.may_connect()
        event()
    for refused in (True, False):
        policy.failed(refused=refused)
        assert policy.may_connect()
