"""The services. None of them knows another: they share `shared` and talk through Redis."""
