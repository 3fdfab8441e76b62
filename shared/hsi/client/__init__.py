"""Clients that come back by themselves, with asyncio and without (the extra `client`)."""

from hsi.client.following import Received, RefusedError, State
from hsi.client.stream import Stream
from hsi.client.sync_stream import SyncStream

__all__ = ["Received", "RefusedError", "State", "Stream", "SyncStream"]
