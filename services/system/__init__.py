"""System status, pushed to every dashboard (R2, R30)."""
