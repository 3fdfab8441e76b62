"""What services stand on: Redis, fan-out, the door, the skeleton, sources of figures."""
