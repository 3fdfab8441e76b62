"""Performance figures of everything that the home runs on (R47)."""
