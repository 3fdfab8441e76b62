"""What answers over HTTP: asked within a limit of time and size, whatever it does."""

import asyncio
import ssl
from collections.abc import Mapping
from typing import Any

import httpx
import msgspec
from msgspec import Struct

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
        # No proxy of the environment: these are neighbours.
        self._http = httpx.AsyncClient(
            timeout=ANSWER_TIMEOUT,
            trust_env=False,
            verify=verify,
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
        try:
            async with asyncio.timeout(ANSWER_TIMEOUT):
                return await self._fetch(url, headers, json=json)
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
        self, url: str, headers: Mapping[str, str] | None, *, json: bool
    ) -> HttpResult:
        async with self._http.stream("GET", url, headers=headers) as response:
            status = response.status_code
            if status != httpx.codes.OK:
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
        await self._http.aclose()


def _distrust(error: BaseException | None) -> str:
    """Return what is wrong with a certificate, if that is why; httpx has it deep within."""
    while error:
        if isinstance(error, ssl.SSLCertVerificationError):
            return error.verify_message
        error = error.__cause__ or error.__context__
    return ""
