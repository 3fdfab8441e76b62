"""Settings of the sources."""

import httpx
import pytest
from hypothesis import given
from hypothesis import strategies as st

from hsi.settings import SettingsError, load
from hsi_service.sources import SourceSettings
from hsi_service.sources.settings import is_address


def test_without_an_environment_there_is_no_ai_and_no_database() -> None:
    settings = load(SourceSettings, {})
    assert (settings.yolo26_url, settings.nemotron_url, settings.database_url) == ("", "", "")
    assert settings.detection_queue == "detection_queue"
    assert settings.analysis_queue == "analysis_queue"
    assert settings.dead_letters() == ["dlq:detection_queue", "dlq:analysis_queue"]


def test_queues_may_be_called_anything() -> None:
    settings = load(
        SourceSettings,
        {"DETECTION_QUEUE": "hsi:queue:detection", "DEAD_LETTER_QUEUES": " a , b,, "},
    )
    assert settings.detection_queue == "hsi:queue:detection"
    assert settings.dead_letters() == ["a", "b"]


@pytest.mark.parametrize("url", ["postgresql", "postgres", "postgresql+asyncpg"])
def test_a_database_is_addressed_in_many_ways(url: str) -> None:
    assert load(SourceSettings, {"DATABASE_URL": f"{url}://h/d"}).database_url


@pytest.mark.parametrize("name", ["YOLO26_URL", "NEMOTRON_URL", "DATABASE_URL"])
def test_an_address_that_cannot_be_used_is_one_line_that_does_not_quote_it(name: str) -> None:
    with pytest.raises(SettingsError) as caught:
        load(SourceSettings, {name: "ftp://user:hunter2@host"})
    assert str(caught.value).startswith(f"{name}: expected one of ")
    assert "hunter2" not in str(caught.value)


@pytest.mark.parametrize("name", ["YOLO26_URL", "NEMOTRON_URL"])
@pytest.mark.parametrize(
    "url",
    [
        "http://",
        "http://me:hunter2/x@h",
        "http://me:hunter2#x@h",
        "http://me:hunter2?x@h",
        "http://h:hunter2",
        "http://h:99999",
        "http://h:0",
        "http://h?key=hunter2",
        "http://[::1",
    ],
)
def test_an_ai_service_that_cannot_be_asked_is_known_at_start(name: str, url: str) -> None:
    with pytest.raises(SettingsError) as caught:
        load(SourceSettings, {name: url})
    assert str(caught.value).startswith(f"{name}: expected http://host:port")
    assert "hunter2" not in str(caught.value)


def test_what_every_service_checks_is_checked_here_too() -> None:
    with pytest.raises(SettingsError, match="HOST="):
        load(SourceSettings, {"HOST": "0.0.0.0"})


def httpx_takes(url: str) -> bool:
    try:
        parsed = httpx.URL(url)
    except httpx.InvalidURL:
        return False
    is_port = parsed.port is None or 0 < parsed.port <= 65535
    return bool(parsed.host) and is_port and "?" not in url and "#" not in url


@given(
    st.builds(
        "http{}://{}{}{}".format,
        st.sampled_from(["", "s"]),
        st.text("ab.-_0123456789:[]@%\u00fc", max_size=12) | st.ip_addresses(v=4).map(str),
        st.just("") | st.integers(0, 99999).map(":{}".format),
        st.text("/a.%?# ", max_size=4),
    )
)
def test_what_is_plain_is_judged_without_httpx_as_httpx_would(url: str) -> None:
    assert is_address(url) == httpx_takes(url)
