"""The way from Redis: a supervised subscriber, histories, leases."""
