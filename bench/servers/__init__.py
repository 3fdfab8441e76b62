"""What we are compared with, each about as its own documentation would have one write it.

The same for all: loopback, the port from PORT, Redis from REDIS_URL with the same client, clients
on /ws/events, uvloop, no compression, no pings, no access log.
"""
