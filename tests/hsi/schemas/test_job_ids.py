"""A job id is never a way into another key or channel."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from hsi.schemas import channels
from hsi.schemas.job_ids import MAX_LENGTH, InvalidJobIdError, check


@pytest.mark.parametrize(
    "job_id",
    [
        "32e1e8b8-04a5-4b58-940f-96f801c09fb1",
        "7",
        "nightly-export",
        "Backup_2026.01.17",
        "a" * MAX_LENGTH,
    ],
)
def test_uuids_slugs_and_numbers_are_job_ids(job_id: str) -> None:
    assert check(job_id) == job_id


@pytest.mark.parametrize(
    "job_id",
    [
        *("", "a:logs", "1:logs}:history", "{a}", "a b", "a\n", "a/b", "../a", ".", "..", "-a"),
        *("*", "a?tail=1", "a%2fb", "é", "\N{ARABIC-INDIC DIGIT ONE}", "\x00", "\ud800"),
        "a" * (MAX_LENGTH + 1),
    ],
)
def test_nothing_else_is(job_id: str) -> None:
    with pytest.raises(InvalidJobIdError, match="is not a job id: 1 to 128 ASCII letters"):
        check(job_id)
    for name in (channels.job, channels.job_logs):
        with pytest.raises(InvalidJobIdError):
            name(job_id)


@given(st.text(), st.text())
def test_two_jobs_share_no_name(one: str, other: str) -> None:
    def names(job_id: str) -> set[str]:
        log = channels.job_logs(job_id)
        kept = channels.history(log), channels.number(log), channels.sender(log, "s")
        return {channels.job(job_id), log, *kept}

    try:
        mine, others = names(one), names(other)
    except InvalidJobIdError:
        return
    assert one == other or not mine & others
