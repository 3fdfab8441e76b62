"""Tells people: by Web Push, by webhooks, and by whatever Apprise can reach."""
