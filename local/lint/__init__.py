"""The rules of this project that no tool ships: run by `make lint`."""
