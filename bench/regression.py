"""Our fan-out over the reference's, in a few seconds: so that `make test` notices a great loss.

CPU seconds are compared, not the clock's: other programs on the same core change them little.
"""

from contextlib import ExitStack

from bench.fanout import Durations, bench
from bench.rows import ROWS

CLIENTS = 200
BATCH = 20
DESCRIPTORS = 1000
SHORT = Durations(warm=0.1, saturated=0.3, paced=0, others=0)


def ratios(rounds: int) -> list[float]:
    """Measure both in turn; return our deliveries per CPU second over the reference's, by round.

    Raises:
        BenchError: This machine cannot do it, or a server failed.
        WrongDeliveryError: A client did not get exactly what was published.

    """
    rows = [row for name in ("ours", "reference") for row in ROWS if row.name == name]
    with bench(SHORT, descriptors=DESCRIPTORS) as one, ExitStack() as stack:
        servers = []
        for row in rows:  # each with a channel of its own, so that the other one is idle
            clients, pids = stack.enter_context(one.serving(row, channel=row.name))
            clients.connect(CLIENTS)
            one.wait_until_subscribed(row, channel=row.name)
            servers.append((clients, pids))
        found = []
        for _ in range(rounds):
            ours, theirs = (one.saturated(clients, pids, BATCH).cpu for clients, pids in servers)
            found.append(theirs / ours)
        return found
