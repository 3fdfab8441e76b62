"""Home Security Intelligence, real time: what producers, clients and bridges need."""

__version__ = "0.2.0"
