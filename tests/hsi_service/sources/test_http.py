"""The HTTP client, which is loaded when it is first needed (its answers: test_ai.py)."""

import asyncio
import logging
import ssl
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from hsi_service.sources.http import Http, HttpResult
from tests.certificates import private_server
from tests.servers import AiServer, says


async def test_it_is_loaded_once_for_the_first_questions_that_come_together(
    ai_server: AiServer,
) -> None:
    ai_server.behaviours["/health"] = says({"status": "ok"})
    http = Http()
    answers = await asyncio.gather(*(http.get(ai_server.url + "/health") for _ in range(3)))
    assert [answer.body for answer in answers] == [{"status": "ok"}] * 3
    await http.aclose()


async def test_what_asked_nothing_has_nothing_to_close() -> None:
    await Http().aclose()


@pytest.fixture
def private_ai(tmp_path: Path) -> Iterator[AiServer]:
    """An AI service with TLS, signed by the authority of `ca.crt`."""
    server = AiServer(private_server(tmp_path / "ca.crt"))
    server.behaviours["/health"] = says({"status": "ok"})
    server.start()
    yield server
    server.stop()


async def health_of(server: AiServer) -> HttpResult:
    http = Http()
    try:
        return await http.get(f"{server.url}/health")
    finally:
        await http.aclose()


async def test_a_private_authority_is_trusted_that_ssl_cert_file_names(
    private_ai: AiServer, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    as_here = ssl.create_default_context

    def as_since_3_13(*arguments: Any, **options: Any) -> ssl.SSLContext:
        context = as_here(*arguments, **options)
        context.verify_flags |= ssl.VERIFY_X509_STRICT
        return context

    monkeypatch.setattr(ssl, "create_default_context", as_since_3_13)
    monkeypatch.delenv("SSL_CERT_FILE", raising=False)
    assert (await health_of(private_ai)).trouble.startswith("its certificate is not trusted: ")
    monkeypatch.setenv("SSL_CERT_FILE", str(tmp_path / "ca.crt"))
    assert (await health_of(private_ai)).body == {"status": "ok"}


@pytest.mark.parametrize("content", [None, "not a certificate"])
async def test_a_file_that_holds_no_authority_is_named_and_costs_nothing_without_tls(
    ai_server: AiServer,
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
    caplog: pytest.LogCaptureFixture,
    content: str | None,
) -> None:
    file = tmp_path / "other.crt"
    if content is not None:
        file.write_text(content)
    monkeypatch.setenv("SSL_CERT_FILE", str(file))
    ai_server.behaviours["/health"] = says({"status": "ok"})
    with caplog.at_level(logging.WARNING):
        assert (await health_of(ai_server)).body == {"status": "ok"}
    assert "SSL_CERT_FILE or SSL_CERT_DIR cannot be used" in caplog.text
