"""What the tests of the mqtt service share."""

from tests.mosquitto import mosquitto, start_mosquitto

__all__ = ["mosquitto", "start_mosquitto"]
