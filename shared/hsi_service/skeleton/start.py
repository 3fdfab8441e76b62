"""Where `python -m services.<name>` begins, so that it is ready soon."""

import gc


def run(application: str) -> None:
    """Run a service until a signal ends it (`hsi_service.skeleton.server.run`).

    Args:
        application: Module that has it as `app`, e.g. `services.events.app`.

    """
    # What modules make when they are imported stays, and looking through it for garbage, again and
    # again while it grows, is a tenth of the start. The server enables the collector again.
    gc.disable()
    from hsi_service.skeleton import server  # noqa: PLC0415 (imported without the collector)

    server.run(application)
