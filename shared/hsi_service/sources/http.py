"""What answers over HTTP: asked within a limit of time and size, whatever it does.

httpx, and the authorities that it trusts, would be a fifth of a service's start, and nobody needs
them so soon. They are loaded for the first question, in a thread, so that clients do not wait.
"""

import asyncio
import ssl
from collections.abc import Mapping
from http import HTTPStatus
from typing import TYPE_CHECKING, Any

import msgspec
from msgspec import Struct

from hsi_service.sources.thread import in_thread

if TYPE_CHECKING:
    import httpx

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
        self, *, max_answer: int = MAX_ANSWER, verify: ssl.SSLContext | bool = True
    ) -> None:
        """Prepare.

        Args:
            max_answer: Bytes of an answer.
            verify: Whom to trust with https.

        """
        self._max_answer = max_answer
        self._verify = verify
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
            verify=self._verify,
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


def _distrust(error: BaseException | None) -> str:
    """Return what is wrong with a certificate, if that is why; httpx has it deep within."""
    while error:
        if isinstance(error, ssl.SSLCertVerificationError):
            return error.verify_message
        error = error.__cause__ or error.__context__
    return ""
