"""Home Security Intelligence, real time: what producers, clients and bridges need.

The entries, and the modules that they live in; each is imported when it is first used, so that
`import hsi` costs nothing and needs nothing.

- `Publisher` (`hsi.publisher`) and `SyncPublisher` (`hsi.sync_publisher`) publish with history,
  once; `Published`, `PublishError` and `TooManyWaitingError` (`hsi.publishing`) and
  `InvalidMessageError` (`hsi.schemas.validation`) are how that ends.
- `JobLogEmitter` (`hsi.joblogs`) streams a job's log and its end.
- `record_latency` and `timed` (`hsi.latency`) report how long a stage of the pipeline took.
- `Consumer` (`hsi.consumer`) reads a channel's history, and goes on after a restart where it was.

The messages are in `hsi.schemas`. `Stream` and `SyncStream` in `hsi.client` follow a WebSocket, and
need the extra `hsi-client[client]`.
"""

import importlib
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from hsi.consumer import Consumer
    from hsi.joblogs import JobLogEmitter
    from hsi.latency import record_latency, timed
    from hsi.publisher import Publisher
    from hsi.publishing import Published, PublishError, TooManyWaitingError
    from hsi.schemas.validation import InvalidMessageError
    from hsi.sync_publisher import SyncPublisher

__version__ = "0.2.0"

__all__ = [
    "Consumer",
    "InvalidMessageError",
    "JobLogEmitter",
    "PublishError",
    "Published",
    "Publisher",
    "SyncPublisher",
    "TooManyWaitingError",
    "record_latency",
    "timed",
]

_HOMES = {
    "Consumer": "hsi.consumer",
    "InvalidMessageError": "hsi.schemas.validation",
    "JobLogEmitter": "hsi.joblogs",
    "PublishError": "hsi.publishing",
    "Published": "hsi.publishing",
    "Publisher": "hsi.publisher",
    "SyncPublisher": "hsi.sync_publisher",
    "TooManyWaitingError": "hsi.publishing",
    "record_latency": "hsi.latency",
    "timed": "hsi.latency",
}

if not TYPE_CHECKING:  # A type checker would accept any name.

    def __getattr__(name: str) -> object:
        """Import an entry when it is first used (PEP 562)."""
        if name not in _HOMES:
            raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
        entry = getattr(importlib.import_module(_HOMES[name]), name)
        globals()[name] = entry
        return entry

    def __dir__() -> list[str]:
        """Return the module's names, those that nobody has used yet included."""
        return sorted(globals() | _HOMES)
