"""Performance figures of everything that the home runs on (seed: Performance Broadcasting)."""
