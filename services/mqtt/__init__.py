"""MQTT, both ways: Frigate's events in, the home's states out to Home Assistant."""
