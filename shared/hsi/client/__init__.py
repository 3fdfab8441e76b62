"""Clients that come back by themselves, with asyncio and without (the extra `client`)."""

try:
    from hsi.client.following import Received, RefusedError, State
    from hsi.client.stream import Stream
    from hsi.client.sync_stream import SyncStream
except ModuleNotFoundError as error:
    if (error.name or "").partition(".")[0] != "websockets":
        raise
    raise ModuleNotFoundError(
        "hsi.client needs the package websockets: pip install 'hsi-client[client]'", name=error.name
    ) from None

__all__ = ["Received", "RefusedError", "State", "Stream", "SyncStream"]
