"""What every answer over HTTP says beside its content: how it may be kept, and what it is."""

from litestar.datastructures import MutableScopeHeaders
from litestar.types import Message, Scope

_VARY = ("Origin", "Cookie", "Authorization", "X-API-Key")
"""What an answer of /api depends on: who asks, and from which page."""


async def protect(message: Message, scope: Scope) -> None:
    """Keep an answer of /api out of caches; have browsers take any for what it says it is.

    Errors are answers too: one that was kept would be shown to who has a key by now.

    Args:
        message: Of ASGI, on its way out.
        scope: The request.

    """
    if message["type"] != "http.response.start":
        return
    headers = MutableScopeHeaders.from_message(message)
    headers["X-Content-Type-Options"] = "nosniff"
    if scope["path"] == "/api" or scope["path"].startswith("/api/"):
        headers["Cache-Control"] = "no-store"
        there = [name.strip() for name in headers.get("Vary", "").split(",") if name.strip()]
        known = {name.lower() for name in there}
        headers["Vary"] = ", ".join(there + [name for name in _VARY if name.lower() not in known])
