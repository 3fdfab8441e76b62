"""What tests of the fan-out share."""

import zlib
from typing import Any

import pytest

from hsi_service.door.compression import WINDOW_BITS


class Compressors:
    """Counts the compressors that are made for messages to clients: one for each message."""

    def __init__(self) -> None:
        self.made = 0
        self._make = zlib.compressobj

    def compressobj(self, *arguments: Any, **more: Any) -> Any:
        # A client in the same process makes its own, with another window.
        self.made += arguments[2:3] == (-WINDOW_BITS,)
        return self._make(*arguments, **more)


@pytest.fixture
def compressors(monkeypatch: pytest.MonkeyPatch) -> Compressors:
    compressors = Compressors()
    monkeypatch.setattr(zlib, "compressobj", compressors.compressobj)
    return compressors
