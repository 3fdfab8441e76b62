import pytest

from services.mqtt.messages import check_topic, describe_topic


def test_a_topic_is_any_text_without_wildcards() -> None:
    assert check_topic("hsi/küche") == "hsi/küche".encode()
    for topic in ("", "a/+", "#", "a\0", "\udfff", "é" * 40_000):
        with pytest.raises(ValueError, match="topic"):
            check_topic(topic)


def test_a_topic_that_is_no_text_is_described_shortly() -> None:
    assert describe_topic(b"\xff" * 1000).startswith("b'\\xff")
    assert len(describe_topic(b"\xff" * 1000)) < 400
