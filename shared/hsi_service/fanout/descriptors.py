"""Sockets of connections that belong to a transport."""

import asyncio
import fcntl
import socket
import sys
import termios


def shared_with(transport: asyncio.Transport) -> socket.socket:
    """Return a socket of a descriptor that is the transport's to close: detach it in time.

    Were it collected, it would close the descriptor, and its number would soon be another client's.
    So nothing that may fail stands between its making and its owner. What kind of socket it is said
    to be is of no matter to `send`.
    """
    descriptor: int = transport.get_extra_info("socket").fileno()
    return socket.socket(socket.AF_INET, socket.SOCK_STREAM, 0, descriptor)


def untaken(connection: socket.socket) -> int:
    """Return how many bytes this machine is to send, or has sent without an answer; 0: unknown."""
    try:
        waiting = fcntl.ioctl(connection.fileno(), termios.TIOCOUTQ, bytes(4))
    except OSError:  # Not Linux, or no such socket.
        return 0
    return int.from_bytes(waiting, sys.byteorder)
