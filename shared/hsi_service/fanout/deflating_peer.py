"""A client that accepts deflated messages: one object of the same size as that of others."""

from hsi_service.fanout.batch import Batch
from hsi_service.fanout.direct_peer import DirectPeer


class DeflatingPeer(DirectPeer):
    """A client that is sent the deflated one of each batch, and may deflate what it says.

    Batches are deflated once for all such clients (`Batch.deflate`), so others pay nothing for it,
    not even a question at each delivery.
    """

    __slots__ = ()
    deflates = True

    def write(self, batch: Batch) -> None:
        """Send what many are sent, deflated."""
        if self._clear:
            # As `DirectPeer.write`: to call it would cost more than the rest of this.
            deflated = batch.deflated or batch.deflate()
            try:
                sent = self._socket.send(deflated.frames)  # type: ignore[union-attr]  # connected
            except OSError:
                sent = 0
            if sent != deflated.size:
                self._write_rest(deflated, sent)
        else:
            super().write(batch)

    def _append(self, batch: Batch, *, held: bool) -> None:
        super()._append(batch.deflated or batch.deflate(), held=held)
