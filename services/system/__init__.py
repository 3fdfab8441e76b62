"""System status, pushed to every dashboard (seed: System Channel, System Status Broadcasting)."""
