"""The services' API as commands ask it: one POST, and why it was refused in one line."""

import json
import os
import urllib.error
import urllib.request
from http.client import HTTPException, HTTPMessage
from typing import IO, Any, TextIO
from urllib.parse import urlsplit

import click

from hsi.cli.options import UnusableSettingError
from hsi.loopback import is_loopback

TIMEOUT = 10.0
"""Seconds that the service may take."""
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


def post(url: str, body: dict[str, str], api_key_file: TextIO | None) -> dict[str, Any]:
    """Return what a service answers to a POST.

    Args:
        url: Of `page_of`, and the path behind it.
        body: Sent as JSON.
        api_key_file: Holds the key; None: HSI_API_KEY does, if it is set.

    Raises:
        click.ClickException: It refuses, or cannot be reached.

    """
    key = (api_key_file.read() if api_key_file else os.environ.get("HSI_API_KEY", "")).strip()
    headers = {"Content-Type": "application/json"} | ({"X-API-Key": key} if key else {})
    handlers: list[urllib.request.BaseHandler] = [_NoRedirects()]
    if is_loopback(urlsplit(url).hostname or ""):
        handlers.append(urllib.request.ProxyHandler({}))
    try:
        request = urllib.request.Request(  # noqa: S310 (http or https: `page_of`)
            url, json.dumps(body).encode(), headers, method="POST"
        )
        with urllib.request.build_opener(*handlers).open(request, timeout=TIMEOUT) as answer:
            made: dict[str, Any] = json.load(answer)
            return made
    except urllib.error.HTTPError as error:
        with error:
            raise click.ClickException(_explain(error)) from error
    except urllib.error.URLError as error:
        raise click.ClickException(f"the service cannot be reached: {error.reason}") from error
    except (OSError, HTTPException, ValueError) as error:
        # A key that cannot stand in a header is quoted by http.client.
        why = type(error).__name__ if isinstance(error, ValueError) else str(error)
        raise click.ClickException(f"the service cannot be asked: {why}") from error


def _explain(error: urllib.error.HTTPError) -> str:
    """Return why the service refuses, in its own words if it has some."""
    try:
        detail = json.load(error)["detail"]
    except (ValueError, KeyError, TypeError, OSError):
        detail = error.reason
    hint = " (set HSI_API_KEY, or give --api-key-file)" if error.code == 401 else ""  # noqa: PLR2004
    return f"HTTP {error.code}: {detail}{hint}"
