"""The rate of a counter, from what it shows. Pure: its times are given."""


class PerMinute:
    """How fast a counter grows, from one reading to the next."""

    def __init__(self) -> None:
        self._last: tuple[int, float] | None = None

    def rate(self, total: int | None, at: float) -> float | None:
        """Return by how much it grew in a minute; None where that cannot be told.

        Args:
            total: The counter; None if it could not be read.
            at: When, in seconds.

        """
        last, self._last = self._last, None if total is None else (total, at)
        if total is None or last is None or at <= last[1] or total < last[0]:
            # The first reading, or a counter that began again.
            return None
        return (total - last[0]) / (at - last[1]) * 60
