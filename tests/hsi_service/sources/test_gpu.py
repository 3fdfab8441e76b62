"""GPUs: NVML's, else the collector's, else what yolo26 says; and never an invented figure."""
# ruff: noqa: N802, N815 (NVML's own names)

import asyncio
import shutil
import subprocess
import sys
import threading
from types import SimpleNamespace
from typing import Any

import pytest

from hsi_service.sources import Reading, TimeLimited
from hsi_service.sources.ai import GIB, Yolo26
from hsi_service.sources.gpu import REOPEN_AFTER, Gpu, GPUMonitor, chosen

MIB = 1024**2


class FakeNvml:
    """A driver that says what it is told to. Each figure is a value, or an error to raise."""

    class NVMLError(Exception):
        pass

    NVML_TEMPERATURE_GPU = 0
    nvmlMemory_v2 = 33554472

    def __init__(self, *gpus: dict[str, Any]) -> None:
        self.gpus = gpus
        self.library = True
        self.working = True
        self.inits = 0
        self.hang = threading.Event()
        self.hang.set()

    def nvmlInit(self) -> None:
        if not self.library:
            raise self.NVMLError("NVML Shared Library Not Found")
        self.inits += 1

    def nvmlShutdown(self) -> None:
        pass

    def nvmlDeviceGetCount(self) -> int:
        self.hang.wait(30)
        if not self.working:
            raise self.NVMLError("GPU is lost")
        return len(self.gpus)

    def nvmlDeviceGetHandleByIndex(self, index: int) -> dict[str, Any]:
        if trouble := self.gpus[index].get("trouble"):
            raise self.NVMLError(trouble)
        return self.gpus[index]

    def _figure(self, handle: dict[str, Any], name: str) -> Any:
        value = handle.get(name)
        if value is None:
            raise self.NVMLError("Not Supported")
        if isinstance(value, Exception):
            raise value
        return value

    def nvmlDeviceGetUUID(self, handle: Any) -> Any:
        return self._figure(handle, "uuid")

    def nvmlDeviceGetName(self, handle: Any) -> Any:
        return self._figure(handle, "name")

    def nvmlDeviceGetUtilizationRates(self, handle: Any) -> Any:
        return SimpleNamespace(gpu=self._figure(handle, "utilization"))

    def nvmlDeviceGetMemoryInfo(self, handle: Any, version: int | None = None) -> Any:
        used, total = self._figure(handle, "memory" if version else "older memory")
        return SimpleNamespace(used=used, total=total)

    def nvmlDeviceGetTemperature(self, handle: Any, sensor: int) -> Any:
        assert sensor == self.NVML_TEMPERATURE_GPU
        return self._figure(handle, "temperature")

    def nvmlDeviceGetPowerUsage(self, handle: Any) -> Any:
        return self._figure(handle, "milliwatts")


A5500 = {
    "uuid": "GPU-1",
    "name": "NVIDIA RTX A5500",
    "utilization": 38,
    "memory": (7168 * MIB, 24576 * MIB),
    "temperature": 65,
    "milliwatts": 125_500,
}


async def test_every_gpu_is_read_in_nvmls_order() -> None:
    first, second = await GPUMonitor(FakeNvml(A5500, A5500 | {"uuid": "GPU-2"})).get_current_stats()
    assert first == Gpu(
        index=0,
        uuid="GPU-1",
        name="NVIDIA RTX A5500",
        utilization=38,
        memory_used=7168 * MIB,
        memory_total=24576 * MIB,
        temperature=65,
        power=125.5,
    )
    assert (second.index, second.uuid) == (1, "GPU-2")


@pytest.mark.parametrize(
    ("without", "figures"),
    [
        ("name", ["name"]),
        ("uuid", ["uuid"]),
        ("utilization", ["utilization"]),  # e.g. a GPU in MIG mode
        ("memory", ["memory_used", "memory_total"]),
        ("temperature", ["temperature"]),
        ("milliwatts", ["power"]),
    ],
)
async def test_what_a_gpu_does_not_tell_is_null_and_the_rest_is_there(
    without: str, figures: list[str]
) -> None:
    nvml = FakeNvml({name: value for name, value in A5500.items() if name != without})
    (gpu,) = await GPUMonitor(nvml).get_current_stats()
    assert nulls(gpu) == figures


def nulls(gpu: Gpu) -> list[str]:
    """Return the names of what a GPU of NVML does not tell."""
    told = [name for name in Gpu.__struct_fields__ if name != "source"]
    return [name for name in told if getattr(gpu, name) is None]


async def test_an_older_driver_tells_its_memory_too() -> None:
    (gpu,) = await GPUMonitor(FakeNvml({"older memory": (1 * MIB, 2 * MIB)})).get_current_stats()
    assert (gpu.memory_used, gpu.memory_total) == (1 * MIB, 2 * MIB)


NO_UTF_8 = UnicodeDecodeError("utf-8", b"\xff", 0, 1, "invalid start byte")


@pytest.mark.parametrize(
    ("lie", "missing"),
    [
        ({"utilization": 4_294_967_295}, ["utilization"]),
        ({"temperature": 10**6}, ["temperature"]),
        ({"milliwatts": 4_294_967_295}, ["power"]),
        ({"memory": (2**64 - 1, 2**64 - 1)}, ["memory_used", "memory_total"]),
        ({"memory": (2 * MIB, 1 * MIB)}, ["memory_used"]),
        ({"memory": (0, 0)}, ["memory_used", "memory_total"]),
        ({"name": ""}, ["name"]),
        ({"name": NO_UTF_8}, ["name"]),
        ({"uuid": NO_UTF_8}, ["uuid"]),
    ],
)
async def test_what_cannot_be_is_null_and_the_rest_is_there(
    lie: dict[str, Any], missing: list[str]
) -> None:
    (gpu,) = await GPUMonitor(FakeNvml(A5500 | lie)).get_current_stats()
    assert nulls(gpu) == missing


@pytest.mark.parametrize("trouble", ["GPU is lost", "Insufficient Permissions"])
async def test_a_gpu_that_is_lost_or_may_not_be_opened_fails_alone(trouble: str) -> None:
    lost = {"trouble": trouble}
    monitor = GPUMonitor(FakeNvml(lost, A5500))
    for _ in range(2):
        first, second = await monitor.get_current_stats()
        assert first == Gpu(index=0)
        assert (second.index, second.temperature) == (1, 65)


async def test_while_a_gpu_is_lost_the_driver_is_opened_again_now_and_then() -> None:
    """What comes back after a reset is not seen through a connection that was there before."""
    now = 0.0
    nvml = FakeNvml(A5500, {"trouble": "GPU is lost"})
    monitor = GPUMonitor(nvml, clock=lambda: now)
    for _ in range(3):
        await monitor.get_current_stats()
    assert nvml.inits == 1
    now = REOPEN_AFTER
    for _ in range(3):
        assert len(await monitor.get_current_stats()) == 2
    assert nvml.inits == 2


async def test_without_nvml_there_are_no_gpus_and_it_is_found_when_it_comes() -> None:
    nvml = FakeNvml(A5500)
    nvml.library = False
    found = GPUMonitor(nvml)
    assert await found.get_current_stats() == []
    nvml.library = True
    assert len(await found.get_current_stats()) == 1


async def test_a_driver_that_fails_is_told_and_begun_anew() -> None:
    nvml = FakeNvml(A5500)
    source = TimeLimited("gpu", GPUMonitor(nvml).get_current_stats, limit=5)
    assert (await source.read()).value
    nvml.working = False
    for _ in range(2):
        assert await source.read() == Reading(None, "NVML does not work: GPU is lost")
    nvml.working = True
    assert (await source.read()).value
    assert nvml.inits == 3


async def test_a_driver_that_hangs_is_waited_for_in_one_thread_and_found_again() -> None:
    nvml = FakeNvml(A5500)
    source = TimeLimited("gpu", GPUMonitor(nvml).get_current_stats, limit=0.2)
    nvml.hang.clear()
    assert await source.read() == Reading(None, "no answer within 0.2 s")
    for _ in range(5):
        await asyncio.sleep(0.01)  # it may end
        assert (await source.read()).reason == "NVML has not answered since an earlier reading"
    assert [thread.name for thread in threading.enumerate()].count("nvml") == 1
    nvml.hang.set()
    while any(thread.name == "nvml" for thread in threading.enumerate()):
        await asyncio.sleep(0.01)
    assert (await source.read()).value


def test_a_driver_that_hangs_does_not_keep_a_process_from_ending() -> None:
    program = (
        "import asyncio, threading\n"
        "from hsi_service.sources.thread import in_thread\n"
        "async def main():\n"
        "    asyncio.create_task(in_thread(threading.Event().wait, name='nvml'))\n"
        "    await asyncio.sleep(0.1)\n"
        "asyncio.run(main())\n"
    )
    done = subprocess.run([sys.executable, "-c", program], timeout=60, check=False)
    assert done.returncode == 0


GPU = Gpu(index=0, name="NVIDIA RTX A5500")
COLLECTED = Gpu(index=0, name="NVIDIA RTX A5500", source="collector")
YOLO26 = Yolo26(health="healthy", temperature=60.0, vram_used=5 * GIB)
OF_YOLO26 = Gpu(index=0, temperature=60.0, source="yolo26")


@pytest.mark.parametrize(
    ("gpus", "collected", "yolo26", "expected"),
    [
        ([GPU, Gpu(index=1)], COLLECTED, YOLO26, GPU),
        ([], COLLECTED, YOLO26, COLLECTED),
        (None, COLLECTED, YOLO26, COLLECTED),
        ([], None, YOLO26, OF_YOLO26),  # and never its model's memory
        (None, None, YOLO26, OF_YOLO26),
        ([], None, Yolo26(health="healthy", device="cuda:0", vram_used=5 * GIB), None),
        ([], None, Yolo26(health="unreachable"), None),
        ([], None, None, None),
        (None, None, None, None),
    ],
)
def test_the_gpu_is_device_0_here_else_the_collectors_else_what_yolo26_says_else_none(
    gpus: list[Gpu] | None, collected: Gpu | None, yolo26: Yolo26 | None, expected: Gpu | None
) -> None:
    assert chosen(gpus, yolo26, collected=collected) == expected


async def test_on_this_machine_it_says_nothing_that_is_not_so() -> None:
    """The real library, or the lack of it: no GPU is no figure."""
    gpus = await GPUMonitor().get_current_stats()
    if shutil.which("nvidia-smi") is None:
        assert gpus == []


@pytest.mark.gpu
@pytest.mark.skipif(shutil.which("nvidia-smi") is None, reason="no NVIDIA GPU here: no nvidia-smi")
async def test_figures_match_nvidia_smi() -> None:
    fields = "index,uuid,name,memory.total,memory.used,temperature.gpu,power.draw,utilization.gpu"

    def ask() -> list[list[str]]:
        command = ["nvidia-smi", f"--query-gpu={fields}", "--format=csv,noheader,nounits"]
        lines = subprocess.run(command, capture_output=True, text=True, check=True).stdout
        return [line.split(", ") for line in lines.splitlines()]

    before = await asyncio.to_thread(ask)
    gpus = await GPUMonitor().get_current_stats()
    after = await asyncio.to_thread(ask)
    assert len(gpus) == len(before) > 0
    for gpu, low, high in zip(gpus, before, after, strict=True):
        assert [str(gpu.index), gpu.uuid, gpu.name] == low[:3]
        assert gpu.memory_total is not None
        assert gpu.memory_total / MIB == pytest.approx(float(low[3]), abs=1)
        # Read in between, and so between the two, give or take what moves meanwhile.
        used = None if gpu.memory_used is None else gpu.memory_used / MIB
        figures = [(used, 64), (gpu.temperature, 3), (gpu.power, 30), (gpu.utilization, 25)]
        for (figure, tolerance), least, most in zip(figures, low[4:], high[4:], strict=True):
            if least.startswith("["):  # [N/A]: what nvidia-smi cannot tell, we do not either
                assert figure is None
                continue
            assert figure is not None
            bounds = sorted([float(least), float(most)])
            assert bounds[0] - tolerance <= figure <= bounds[1] + tolerance
