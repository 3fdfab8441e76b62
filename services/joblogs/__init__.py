"""Job logs, live from the first line to the last (seed: Job Logs Channel)."""
