"""Job ids: what one may look like, so that it is never a way into another key or channel. Pure."""

import re

MAX_LENGTH = 128
"""Characters."""
_JOB_ID = re.compile(r"[A-Za-z0-9][A-Za-z0-9._-]*")


class InvalidJobIdError(ValueError):
    """A job id that cannot be used; its text says what one may be."""


def check(job_id: str) -> str:
    """Return a job id, if it is one: a UUID, a slug, a number.

    No colon and no brace, which have a meaning in names of Redis; no slash and no leading dot,
    which have one in a path.

    Raises:
        InvalidJobIdError: It is none.

    """
    if len(job_id) <= MAX_LENGTH and _JOB_ID.fullmatch(job_id):
        return job_id
    quoted = repr(job_id[:MAX_LENGTH]) + ("…" if len(job_id) > MAX_LENGTH else "")
    raise InvalidJobIdError(
        f"{quoted} is not a job id: 1 to {MAX_LENGTH} ASCII letters, digits, '.', '_' or '-', "
        "a letter or a digit first"
    )
