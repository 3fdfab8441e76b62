"""Rules of this repository that no linter has; `make lint` runs them."""
