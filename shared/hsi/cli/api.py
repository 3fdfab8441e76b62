"""The services' API as commands ask it, and why it was refused in one line."""

import json
import urllib.error
import urllib.request
from collections.abc import Mapping
from http import HTTPStatus
from http.client import HTTPException, HTTPMessage
from types import MappingProxyType
from typing import IO, Any, TextIO
from urllib.parse import urlsplit

import click

from hsi.cli.options import UnusableSettingError, api_key
from hsi.loopback import is_loopback

TIMEOUT = 10.0
"""Seconds that the service may take."""
_PASSING = {HTTPStatus.TOO_MANY_REQUESTS, HTTPStatus.SERVICE_UNAVAILABLE}
_SCHEMES = {"ws": "http", "wss": "https", "http": "http", "https": "https"}


def page_of(server: str) -> str:
    """Return the address of the page that belongs to a server, with a slash at its end.

    Args:
        server: ws:// or wss://, as for streams.

    Raises:
        UnusableSettingError: It is no address of a server. It is not quoted, for it may hold a
            secret.

    """
    try:
        parts = urlsplit(server)
        is_one = parts.scheme in _SCHEMES and parts.hostname and parts.port != 0
    except ValueError:
        is_one = False
    if not is_one or "@" in parts.netloc or parts.query or parts.fragment:
        raise UnusableSettingError(
            "HSI_SERVER, or --server: expected ws://host:port or wss://host:port"
        )
    return f"{_SCHEMES[parts.scheme]}://{parts.netloc}{parts.path.rstrip('/')}/"


class _NoRedirects(urllib.request.HTTPRedirectHandler):
    """Follows none: the key is for this server, and for no other."""

    def redirect_request(  # noqa: PLR0917 (urllib's own)
        self,
        req: urllib.request.Request,  # noqa: ARG002
        fp: IO[bytes],  # noqa: ARG002
        code: int,  # noqa: ARG002
        msg: str,  # noqa: ARG002
        headers: HTTPMessage,  # noqa: ARG002
        newurl: str,  # noqa: ARG002
    ) -> None:
        return None


class RefusedError(click.ClickException):
    """A service refuses a request, or cannot be reached; the text is one line."""

    def __init__(self, message: str, *, passes: bool = False) -> None:
        """Take why.

        Args:
            message: In one line, for people.
            passes: Whether it is worth while to ask again soon.

        """
        super().__init__(message)
        self.passes = passes


def post(
    url: str,
    body: dict[str, str],
    api_key_file: TextIO | None,
    *,
    method: str = "POST",
    timeout: float = TIMEOUT,
) -> dict[str, Any]:
    """Return what a service answers to a POST, or to another request that changes something.

    Args:
        url: Of `page_of`, and the path behind it.
        body: Sent as JSON.
        api_key_file: Holds the key; None: HSI_API_KEY does, if it is set.
        method: Of the request.
        timeout: Seconds that the service may take.

    Raises:
        RefusedError: It refuses, or cannot be reached.

    """
    key = api_key(api_key_file)
    return send(url, json.dumps(body).encode(), key, method=method, timeout=timeout)


def send(
    url: str,
    body: bytes,
    key: str,
    *,
    method: str = "POST",
    timeout: float = TIMEOUT,
    idempotency_key: str = "",
) -> dict[str, Any]:
    """Return what a service answers to JSON.

    Args:
        url: Of `page_of`, and the path behind it.
        body: JSON.
        key: Of `api_key`.
        method: Of the request.
        timeout: Seconds that the service may take.
        idempotency_key: Of a request that may be repeated; empty for none.

    Raises:
        RefusedError: It refuses, or cannot be reached.

    """
    more = {"Idempotency-Key": idempotency_key} if idempotency_key else {}
    try:
        return _answer(url, key, body, method=method, timeout=timeout, more=more)
    except urllib.error.HTTPError as error:
        with error:
            raise RefusedError(_explain(error), passes=error.code in _PASSING) from error
    except urllib.error.URLError as error:
        raise RefusedError(f"the service cannot be reached: {error.reason}", passes=True) from error
    except (OSError, HTTPException, ValueError) as error:
        # A key that cannot stand in a header is quoted by http.client.
        why = type(error).__name__ if isinstance(error, ValueError) else str(error)
        raise RefusedError(
            f"the service cannot be asked: {why}", passes=not isinstance(error, ValueError)
        ) from error


def why_missing(url: str, key: str) -> str | None:
    """Return what a service says of there being nothing at a URL (404).

    None where there is something, and where nobody can tell: a service may be too old to know, or
    be down for a while.

    Args:
        url: Of `page_of`, and the path behind it.
        key: Of `api_key`.

    """
    try:
        _answer(url, key)
    except urllib.error.HTTPError as error:
        with error:
            return _detail(error) if error.code == HTTPStatus.NOT_FOUND else None
    except (OSError, HTTPException, ValueError):  # URLError is an OSError.
        return None
    return None


def _answer(
    url: str,
    key: str,
    body: bytes | None = None,
    *,
    method: str = "GET",
    timeout: float = TIMEOUT,
    more: Mapping[str, str] = MappingProxyType({}),
) -> dict[str, Any]:
    """Return what a service answers; `more` are headers."""
    headers = ({"X-API-Key": key} if key else {}) | dict(more)
    if body is not None:
        headers["Content-Type"] = "application/json"
    handlers: list[urllib.request.BaseHandler] = [_NoRedirects()]
    if is_loopback(urlsplit(url).hostname or ""):
        handlers.append(urllib.request.ProxyHandler({}))
    request = urllib.request.Request(  # noqa: S310 (http or https: `page_of`)
        url, body, headers, method=method
    )
    with urllib.request.build_opener(*handlers).open(request, timeout=timeout) as answer:
        made: dict[str, Any] = json.load(answer)
        return made


def _explain(error: urllib.error.HTTPError) -> str:
    """Return why the service refuses, in its own words if it has some."""
    hint = " (set HSI_API_KEY, or give --api-key-file)" if error.code == 401 else ""  # noqa: PLR2004
    return f"HTTP {error.code}: {_detail(error)}{hint}"


def _detail(error: urllib.error.HTTPError) -> str:
    try:
        return str(json.load(error)["detail"])
    except (ValueError, KeyError, TypeError, OSError):
        return str(error.reason)
