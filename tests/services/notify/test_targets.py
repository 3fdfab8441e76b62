"""What a target says when it does not take a message."""

from services.notify.targets import DeliveryError


def test_a_failed_delivery_says_why_and_what_to_do_next() -> None:
    plain = DeliveryError("HTTP 503")
    assert (plain.reason, plain.retry_after, plain.gone, plain.refused) == (
        "HTTP 503",
        None,
        False,
        False,
    )
    assert DeliveryError("HTTP 429", 30).retry_after == 30
    assert DeliveryError("HTTP 410", gone=True).gone
    assert DeliveryError("HTTP 413", refused=True).refused
