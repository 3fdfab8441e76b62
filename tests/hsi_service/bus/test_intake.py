"""Subscribers are lenient: what is a message goes on, however odd."""

import json
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from hsi.schemas import Event
from hsi.schemas.validation import KNOWN_TYPES, MAX_MESSAGE_BYTES
from hsi_service.bus.intake import DROPPED, Classification, Finding, Message, examine, examined
from tests.clients import golden

EVENT = golden("event")
json_values = st.recursive(
    st.none()
    | st.booleans()
    | st.integers()
    | st.floats(allow_nan=False, allow_infinity=False)
    | st.text(),
    lambda inner: st.lists(inner) | st.dictionaries(st.text(), inner),
    max_leaves=10,
)


def event_with(**data: Any) -> bytes:
    return json.dumps({"type": "event", "data": json.loads(EVENT)["data"] | data}).encode()


def text_of(finding: Finding) -> str | None:
    return finding.message.text if finding.message else None


def test_a_message_knows_its_type_and_its_body_once_it_was_examined() -> None:
    heard = examine(EVENT).message
    assert heard is not None
    assert isinstance(heard.body, Event)
    assert examined(heard) is heard
    assert examined(Message(EVENT.decode())) == heard
    assert examined(Message('{"type":"scene_change","data":{}}')).type == "scene_change"
    assert examined(Message("\ud83d")).type == ""


@pytest.mark.parametrize(
    ("payload", "expected"),
    [
        (EVENT, Classification.VALID),
        (event_with(risk_score="75"), Classification.SCHEMA_BREAK),
        (event_with(risk_score=101), Classification.SCHEMA_BREAK),
        (event_with(image_url="/media/7.jpg", clip_url=None), Classification.VALID),
        (event_with(image_url="javascript:alert(1)"), Classification.SCHEMA_BREAK),
        (b'{"type":"event","data":{}}', Classification.SCHEMA_BREAK),
        (b'{"type":"scene_change","data":{"camera":"a"}}', Classification.UNKNOWN_TYPE),
        # A summary cut in the middle of an emoji: odd, but JSON, and browsers read it.
        (b'{"type":"event","data":{"summary":"\\ud83d"}}', Classification.SCHEMA_BREAK),
        (b'{"type":"x","data":' + b'{"a":' * 200 + b"1" + b"}" * 201, Classification.UNKNOWN_TYPE),
        (b"", Classification.NOT_JSON),
        (b"hello", Classification.NOT_JSON),
        (b'{"type":"event","data":{', Classification.NOT_JSON),
        (b'{"type":"x","data":{"a":NaN}}', Classification.NOT_JSON),
        (b'{"type":"x","data":{}} {}', Classification.NOT_JSON),
        (b'{"type":"x","data":{"a":"\xff"}}', Classification.NOT_TEXT),
        (b"\x00\x01\x02\xff", Classification.NOT_TEXT),
        (b'{"type":"x","data":' + b"[" * 100_000 + b"]" * 100_000 + b"}", Classification.TOO_DEEP),
        (b'{"type":1,"data":{}}', Classification.NOT_A_MESSAGE),
        (b'{"type":"x","data":[]}', Classification.NOT_A_MESSAGE),
        (b'{"type":"x","data":null}', Classification.NOT_A_MESSAGE),
        (b'{"type":"x"}', Classification.NOT_A_MESSAGE),
        (b'{"data":{}}', Classification.NOT_A_MESSAGE),
        (b"[]", Classification.NOT_A_MESSAGE),
        (b'"event"', Classification.NOT_A_MESSAGE),
        (b'{"type":"x","data":{"a":"' + b"a" * MAX_MESSAGE_BYTES + b'"}}', Classification.TOO_BIG),
        # What would mislead a client about its connection.
        (b'{"type":"ping","cursor":"1-1"}', Classification.NOT_A_MESSAGE),
        (b'{"type":"ping","data":{}}', Classification.RESERVED_TYPE),
        (b'{"type":"pong","data":{"a":"\\ud83d"}}', Classification.RESERVED_TYPE),
        (b'{"data":{"recovered":true},"type":"resumed"}', Classification.RESERVED_TYPE),
        (b'{"type":"\\u0065rror","data":{}}', Classification.RESERVED_TYPE),
        (b'{"type":"x","data":{},"cursor":"1-1"}', Classification.FOREIGN_CURSOR),
        (b'{ "cursor":"1-1","type":"x","data":{}}', Classification.FOREIGN_CURSOR),
        (b'{"\\u0063ursor":"1-1","type":"x","data":{}}', Classification.FOREIGN_CURSOR),
        (b'{"cursor":"1-1","type":"x","data":{},"cursor":"2-2"}', Classification.FOREIGN_CURSOR),
        (b'{"cursor":7,"type":"x","data":{"a":"\\ud83d"}}', Classification.FOREIGN_CURSOR),
        (b'{"cursor":"1-%d","type":"x","data":{}}' % 10**14, Classification.FOREIGN_CURSOR),
        (b'{"cursor":"01-1","type":"x","data":{}}', Classification.FOREIGN_CURSOR),
        (EVENT.replace(b"{", b'{"cursor":"x",', 1), Classification.FOREIGN_CURSOR),
        (b'{"cursor":null,"type":"x","data":{"cursor":"1-1"}}', Classification.UNKNOWN_TYPE),
        (b'{"cursor":"1-1","type":"x","data":{}}', Classification.UNKNOWN_TYPE),
        (EVENT.replace(b"{", b'{"cursor":"1-1",', 1), Classification.VALID),
    ],
    ids=lambda value: repr(value)[:40],
)
def test_a_payload_is_forwarded_unchanged_or_dropped(
    payload: bytes, expected: Classification
) -> None:
    finding = examine(payload)
    assert finding.classification is expected
    assert text_of(finding) == (None if expected in DROPPED else payload.decode())


def test_where_there_is_no_history_every_cursor_is_foreign() -> None:
    finding = examine(EVENT.replace(b"{", b'{"cursor":"1-1",', 1), may_be_stamped=False)
    assert finding.classification is Classification.FOREIGN_CURSOR
    assert examine(EVENT, may_be_stamped=False).classification is Classification.VALID


@pytest.mark.parametrize("more", [0, 1])
def test_the_cursor_that_a_message_is_given_does_not_make_it_too_big(more: int) -> None:
    size = MAX_MESSAGE_BYTES - len(b'{"type":"x","data":{"a":""}}') + more
    payload = b'{"type":"x","data":{"a":"' + b"x" * size + b'"}}'
    stamp = b'{"cursor":"1700000000000-12345",'
    for published in (payload, stamp + payload[1:]):
        assert (examine(published).classification is Classification.TOO_BIG) == bool(more)


@given(st.binary(max_size=400))
def test_any_bytes_get_a_classification(payload: bytes) -> None:
    finding = examine(payload)
    text = text_of(finding)
    assert (text is None) == (finding.classification in DROPPED)
    assert text is None or text.encode() == payload


@given(json_values, st.booleans())
def test_whatever_is_an_object_with_a_string_type_and_object_data_goes_on(
    value: Any, ascii_only: bool
) -> None:
    payload = json.dumps(value, ensure_ascii=ascii_only).encode(errors="surrogatepass")
    finding = examine(payload)
    is_message = (
        isinstance(value, dict)
        and isinstance(value.get("type"), str)
        and isinstance(value.get("data"), dict)
    )
    if finding.classification is not Classification.NOT_TEXT:
        assert (finding.message is not None) == is_message


@given(st.sampled_from(sorted(KNOWN_TYPES)) | st.text(), st.dictionaries(st.text(), json_values))
def test_no_message_is_lost_to_its_type_or_its_fields(kind: str, data: dict[str, Any]) -> None:
    payload = json.dumps({"type": kind, "data": data}).encode()
    finding = examine(payload)
    assert text_of(finding) == payload.decode()
    assert (finding.classification is Classification.UNKNOWN_TYPE) == (kind not in KNOWN_TYPES)
