"""Publishing for those who speak HTTP: bodies, idempotency keys, limits, and what is answered."""
