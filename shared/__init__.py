"""What the services share: schemas, channel names, the Redis bus, the hub, the skeleton."""

__version__ = "0.1.0"
