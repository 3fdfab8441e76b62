"""Names in Redis."""

from collections.abc import Callable

import pytest
from hypothesis import given
from hypothesis import strategies as st

from hsi.schemas import channels


@given(st.text(min_size=1).filter(lambda name: not set(name) & set("{}")))
def test_what_belongs_to_a_channel_is_in_its_slot_of_a_cluster(channel: str) -> None:
    for key in (
        channels.history(channel),
        channels.number(channel),
        channels.once(channel, "batch-7"),
        channels.sender(channel, "name"),
    ):
        assert key.startswith(f"{{{channel}}}:")  # Redis hashes what is in the first braces


@pytest.mark.parametrize("name", ["system", "collector"])
def test_what_belongs_to_a_lease_is_in_its_slot_of_a_cluster(name: str) -> None:
    assert channels.term(name) == f"{{{channels.lease(name)}}}:term"
    assert channels.SYSTEM_HEALTH.startswith(f"{{{channels.lease('system')}}}:")


@pytest.mark.parametrize("name", [channels.job, channels.job_logs])
@pytest.mark.parametrize("job_id", ["", "a:b", "{a}", "*", "a b", "a\n"])
def test_a_name_with_a_job_in_it_refuses_what_leads_elsewhere(
    name: Callable[[str], str], job_id: str
) -> None:
    with pytest.raises(ValueError, match="job"):
        name(job_id)


def test_the_names_of_the_document() -> None:
    assert channels.job_logs("7") == "job:7:logs"
    assert channels.job("7") == "job:7"
    assert channels.latency("yolo26") == "latency:yolo26"
    assert (channels.SECURITY_EVENTS, channels.SYSTEM_STATUS, channels.PERFORMANCE_UPDATE) == (
        "security_events",
        "system_status",
        "performance_update",
    )
