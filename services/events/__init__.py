"""Security events, pushed to every dashboard (seed: Events Channel, Event Broadcasting)."""
