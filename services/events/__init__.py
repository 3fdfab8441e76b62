"""Security events, pushed to every dashboard (R1, R26)."""
