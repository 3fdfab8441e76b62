"""A job: streams its ordinary logging, with tracebacks and `extra`, and says how it ended.

    pip install ./shared
    python examples/job.py nightly-42
    hsi tail job nightly-42 --wait         # in another terminal, early or late

Redis is REDIS_URL; by default redis://127.0.0.1:6379/0, where `make run` has its own.
"""

import json
import logging
import os
import sys

from hsi import JobLogEmitter

logger = logging.getLogger("nightly")


BATCHES = ['["front_door_1.jpg", "front_door_2.jpg"]', '["garage_1.jpg"', "[]"]
"""Lists of images, in JSON; one of them is broken."""


def work() -> None:
    """Do the job's work; nothing in here knows of Redis."""
    for number, batch in enumerate(BATCHES, 1):
        try:
            images = json.loads(batch)
        except ValueError:
            logger.exception("Batch %d cannot be read", number)
        else:
            logger.info("Processing batch %d/%d", number, len(BATCHES), extra={"images": images})


def main(job_id: str) -> None:
    """Run the work as a job with this id."""
    logging.basicConfig(level=logging.INFO)
    redis_url = os.environ.get("REDIS_URL", "redis://127.0.0.1:6379/0")
    with JobLogEmitter(redis_url, job_id) as emitter:  # running; then completed, or failed
        logging.getLogger().addHandler(emitter.handler())
        work()


if __name__ == "__main__":
    main(sys.argv[1] if len(sys.argv) > 1 else "nightly")
