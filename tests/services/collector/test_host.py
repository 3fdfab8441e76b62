"""The host's figures are what /proc, df and free say, and a disk that hangs hangs nobody."""

import asyncio
import subprocess
import threading
from pathlib import Path

import psutil
import pytest

from hsi_service.sources import SourceError, TimeLimited
from services.collector.host import CpuTimes, Disk, DiskFigures, Host

MEMINFO = """MemTotal:       16000000 kB
MemFree:         1000000 kB
MemAvailable:    4000000 kB
Buffers:          100000 kB
Cached:          2000000 kB
SwapCached:            0 kB
Active:           300000 kB
Inactive:         300000 kB
Shmem:             10000 kB
Slab:              10000 kB
"""


def proc(folder: Path, *, busy: int, idle: int) -> Path:
    folder.mkdir(exist_ok=True)
    (folder / "stat").write_text(f"cpu  {busy} 0 0 {idle} 0 0 0 0 0 0\ncpu0 1 0 0 1 0 0 0 0 0 0\n")
    (folder / "meminfo").write_text(MEMINFO)
    return folder


def kilobytes_of(name: str) -> int:
    for line in Path("/proc/meminfo").read_text().splitlines():
        if line.startswith(f"{name}:"):
            return int(line.split()[1])
    raise AssertionError(name)


@pytest.mark.skipif(not Path("/proc/meminfo").exists(), reason="needs Linux")
async def test_memory_and_disk_are_what_proc_and_df_say(tmp_path: Path) -> None:
    found = await Host(proc="/nowhere").read()
    disk = await Disk(str(tmp_path)).read()
    used = (kilobytes_of("MemTotal") - kilobytes_of("MemAvailable")) * 1024
    assert found.memory_total == kilobytes_of("MemTotal") * 1024
    assert found.memory_used == pytest.approx(used, rel=0.1)  # others are at work, too
    df = await asyncio.create_subprocess_exec("df", "-kP", tmp_path, stdout=subprocess.PIPE)
    said, _ = await df.communicate()
    total, taken, _, percent = said.decode().splitlines()[-1].split()[1:5]
    assert disk.total == int(total) * 1024
    assert disk.used == pytest.approx(int(taken) * 1024, rel=0.05)
    assert disk.percent == pytest.approx(float(percent.rstrip("%")), abs=1.5)


async def test_the_hosts_own_proc_counts_where_it_is_mounted(tmp_path: Path) -> None:
    before = psutil.PROCFS_PATH
    try:
        host = Host(proc=str(proc(tmp_path / "proc", busy=1000, idle=1000)))
        first = await host.read()
        assert first.cpu is None  # since when?
        assert first.memory_total == 16_000_000 * 1024
        assert first.memory_used == 12_000_000 * 1024
        proc(tmp_path / "proc", busy=1030, idle=1010)
        assert (await host.read()).cpu == pytest.approx(75)
        assert (await host.read()).cpu is None  # no time went by
        (tmp_path / "proc/meminfo").write_text("rubbish")
        with pytest.raises(SourceError, match="the system cannot be asked"):
            await host.read()
    finally:
        psutil.PROCFS_PATH = before


async def test_a_disk_that_is_not_there_cannot_be_read() -> None:
    with pytest.raises(SourceError, match="the disk cannot be asked: FileNotFoundError"):
        await Disk("/does/not/exist").read()


@pytest.mark.skipif(not Path("/proc/meminfo").exists(), reason="needs Linux")
async def test_a_file_system_of_size_0_has_no_figures() -> None:
    assert await Disk("/proc").read() == DiskFigures(used=None, total=None, percent=None)


def test_busy_is_what_is_not_idle() -> None:
    before = CpuTimes(idle=100, total=200)
    assert CpuTimes(idle=100, total=210).busy_since(before) == 100
    assert CpuTimes(idle=110, total=210).busy_since(before) == 0
    assert CpuTimes(idle=105, total=210).busy_since(before) == 50
    assert CpuTimes(idle=99, total=210).busy_since(before) == 100  # Linux' own iowait goes back
    assert before.busy_since(before) is None


async def test_a_disk_that_hangs_is_not_asked_again_until_it_answers_and_costs_nothing_else(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    goes_on = threading.Event()
    usage = psutil.disk_usage

    def hang(path: str) -> object:
        goes_on.wait(30)
        return usage(path)

    monkeypatch.setattr(psutil, "disk_usage", hang)
    source = TimeLimited("disk", Disk("/").read, limit=0.2)
    assert (await source.read()).reason == "no answer within 0.2 s"
    for _ in range(3):
        await asyncio.sleep(0.01)
        assert "has not answered since" in (await source.read()).reason
    assert [thread.name for thread in threading.enumerate()].count("disk") == 1
    assert (await Host(proc="/proc").read()).memory_total
    goes_on.set()
    while any(thread.name == "disk" for thread in threading.enumerate()):
        await asyncio.sleep(0.01)
    assert (await source.read()).value
