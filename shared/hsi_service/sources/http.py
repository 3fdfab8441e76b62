"""What answers over HTTP: asked within a limit of time and size, whatever it does.

httpx, and the authorities that it trusts, would be a fifth of a service's start, and nobody needs
them so soon. They are loaded for the first question, in a thread, so that clients do not wait.
"""

import asyncio
import logging
import os
import ssl
from collections.abc import Mapping
from http import HTTPStatus
from typing import TYPE_CHECKING, Any

import msgspec
from msgspec import Struct

from hsi_service.sources.thread import in_thread

if TYPE_CHECKING:
    import httpx

logger = logging.getLogger(__name__)

ANSWER_TIMEOUT = 1.0
"""Seconds for an answer, all of it."""
MAX_ANSWER = 1024 * 1024
"""Bytes of an answer: llama.cpp's slots may hold their prompts, and a stranger's has no end."""
KEEPALIVE = 2.0
"""Seconds that an idle connection is kept. uvicorn, for one, closes it after five: asked every five
seconds, it would now and then close what we are about to use, and look dead."""


class HttpResult(Struct, frozen=True, kw_only=True):
    """What came back from one URL."""

    reached: bool
    """Whether anything answered."""
    refused: bool = False
    """Whether nobody even took the connection."""
    trouble: str = ""
    """What was wrong; empty for a 200 with JSON."""
    status: int | None = None
    """HTTP status, if there was one."""
    body: Any = None


class Http:
    """Asks by GET; its connections stay open. `get` never raises."""

    def __init__(
        self, *, max_answer: int = MAX_ANSWER, trust: ssl.SSLContext | None = None
    ) -> None:
        """Set it up; nothing is asked yet.

        Args:
            max_answer: Bytes of an answer.
            trust: Whom to trust with https; None: the authorities of `SSL_CERT_FILE` or
                `SSL_CERT_DIR`, or else those that everybody trusts.

        """
        self._max_answer = max_answer
        self._trust = trust
        self._opening = asyncio.Lock()
        self._http: httpx.AsyncClient | None = None

    async def _client(self) -> "httpx.AsyncClient":
        async with self._opening:
            if self._http is None:
                self._http = await in_thread(self._load, name="httpx")
            return self._http

    def _load(self) -> "httpx.AsyncClient":
        import httpx  # noqa: PLC0415 (see above)

        # No proxy of the environment: these are neighbours.
        return httpx.AsyncClient(
            timeout=ANSWER_TIMEOUT,
            trust_env=False,
            verify=self._trust or trust_by_default(),
            limits=httpx.Limits(keepalive_expiry=KEEPALIVE),
        )

    async def get(
        self, url: str, *, headers: Mapping[str, str] | None = None, json: bool = True
    ) -> HttpResult:
        """Ask one URL.

        Args:
            url: http:// or https://.
            headers: Sent along.
            json: Whether the answer's body counts; else its status alone does.

        """
        client = await self._client()
        import httpx  # noqa: PLC0415 (loaded by now)

        try:
            async with asyncio.timeout(ANSWER_TIMEOUT):
                return await self._fetch(client, url, headers, json=json)
        except httpx.ConnectError as error:
            if why := _distrust(error):
                return HttpResult(reached=False, trouble=f"its certificate is not trusted: {why}")
            return HttpResult(reached=False, refused=True, trouble="cannot connect")
        except (TimeoutError, httpx.TimeoutException):
            return HttpResult(reached=False, trouble=f"no answer within {ANSWER_TIMEOUT:g} s")
        except httpx.DecodingError:
            return HttpResult(reached=True, trouble="answers rubbish")
        except (httpx.HTTPError, httpx.InvalidURL, OSError) as error:
            # Their texts may hold the address, which may hold a password.
            return HttpResult(reached=False, trouble=type(error).__name__)

    async def _fetch(
        self,
        client: "httpx.AsyncClient",
        url: str,
        headers: Mapping[str, str] | None,
        *,
        json: bool,
    ) -> HttpResult:
        async with client.stream("GET", url, headers=headers) as response:
            status = response.status_code
            if status != HTTPStatus.OK:
                return HttpResult(reached=True, status=status, trouble=f"HTTP {status}")
            if not json:
                return HttpResult(reached=True, status=status)
            content = bytearray()
            async for chunk in response.aiter_bytes():
                content += chunk
                if len(content) > self._max_answer:
                    return HttpResult(
                        reached=True,
                        status=status,
                        trouble=f"answers over {self._max_answer} bytes",
                    )
        try:
            return HttpResult(reached=True, status=status, body=msgspec.json.decode(content))
        except (msgspec.DecodeError, RecursionError):
            return HttpResult(
                reached=True, status=status, trouble="answers something that is not JSON"
            )

    async def aclose(self) -> None:
        """Close the connections."""
        if self._http is not None:
            await self._http.aclose()


def trust_in(*, file: str | None = None, folder: str | None = None) -> ssl.SSLContext:
    """Return the trust in authorities, and in no others.

    Authorities of homes and of many clusters (MicroK8s, EKS, those of years ago) say too little of
    themselves for the strictness that is Python's default since 3.13. Everything that matters is
    checked without it: who signed, for which name, and until when.

    Args:
        file: Their certificates.
        folder: With their certificates, by hash.

    Raises:
        OSError: They cannot be read.

    """
    trust = ssl.create_default_context(cafile=file, capath=folder)
    trust.verify_flags &= ~ssl.VERIFY_X509_STRICT
    return trust


def trust_by_default() -> ssl.SSLContext:
    """Return the trust in whom the environment names, or else in those that everybody trusts."""
    import httpx  # noqa: PLC0415 (see above)

    return _environments_trust() or httpx.create_ssl_context(trust_env=False)


def _environments_trust() -> ssl.SSLContext | None:
    """Return the trust in whom the environment names; None if it names nobody who can be read."""
    file, folder = (os.environ.get(name) or None for name in ("SSL_CERT_FILE", "SSL_CERT_DIR"))
    if not file and not folder:
        return None
    try:
        return trust_in(file=file, folder=folder)
    except OSError as error:
        # What needs no certificate goes on, and what does says that it is not trusted.
        logger.warning(
            "SSL_CERT_FILE or SSL_CERT_DIR cannot be used: %s",
            error.strerror or type(error).__name__,
        )
        return None


def _distrust(error: BaseException | None) -> str:
    """Return what is wrong with a certificate, if that is why; httpx has it deep within."""
    while error:
        if isinstance(error, ssl.SSLCertVerificationError):
            return error.verify_message
        error = error.__cause__ or error.__context__
    return ""
