"""Job logs, live from the first line to the last (R3)."""
