"""The whole system on one machine, for trying it and for testing it. Never in an image."""
