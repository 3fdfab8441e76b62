"""Figures about speed, for `make bench`; tests never time anything."""
