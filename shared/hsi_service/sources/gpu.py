"""GPUMonitor: the GPUs of this machine by NVML, else what yolo26 says of its own, else nothing.

NVML's calls go into a driver that may hang, so they are made in a thread that nobody waits for
longer than its time, and that does not keep the process from ending.
"""

import contextlib
import importlib
from collections.abc import Callable, Sequence
from typing import Any, TypeVar

from msgspec import Struct

from hsi_service.sources.ai import Yolo26
from hsi_service.sources.thread import in_thread
from hsi_service.sources.time_limited import SourceError
from hsi_service.sources.validate import count, number, word

T = TypeVar("T")


class Gpu(Struct, frozen=True, kw_only=True):
    """One GPU. What it does not tell is None."""

    index: int
    uuid: str | None = None
    name: str | None = None
    utilization: float | None = None
    """Percent."""
    memory_used: int | None = None
    """Bytes."""
    memory_total: int | None = None
    """Bytes."""
    temperature: float | None = None
    """Degrees Celsius."""
    power: float | None = None
    """Watts."""


class GPUMonitor:
    """Reads the GPUs of this machine (R13, R33)."""

    def __init__(self, nvml: Any = None) -> None:
        """Prepare; NVML is looked for at each reading until it is found.

        Args:
            nvml: The module `pynvml`, which has no types; None: it is imported for the first
                reading, in its thread.

        """
        self._nvml = nvml
        self._ready = False
        self._busy = False

    async def get_current_stats(self) -> list[Gpu]:
        """Return all GPUs that NVML sees, in its order; empty where there is no NVML.

        Raises:
            SourceError: NVML is there and does not work, or has hung since an earlier reading.

        """
        if self._busy:
            raise SourceError("NVML has not answered since an earlier reading")
        self._busy = True
        return await in_thread(self._read, name="nvml")

    def _read(self) -> list[Gpu]:
        try:
            if self._nvml is None:
                self._nvml = importlib.import_module("pynvml")
            if not self._ready:
                # Without a library, or without a GPU, there is nothing wrong.
                with contextlib.suppress(self._nvml.NVMLError):
                    self._nvml.nvmlInit()
                    self._ready = True
            return self._gpus() if self._ready else []
        finally:
            self._busy = False

    def _gpus(self) -> list[Gpu]:
        try:
            return [self._gpu(index) for index in range(self._nvml.nvmlDeviceGetCount())]
        except self._nvml.NVMLError as error:
            # A driver that was reset or unloaded: from the beginning, next time.
            self._ready = False
            with contextlib.suppress(self._nvml.NVMLError):
                self._nvml.nvmlShutdown()
            raise SourceError(f"NVML does not work: {error}") from error

    def _gpu(self, index: int) -> Gpu:
        nvml = self._nvml
        handle = nvml.nvmlDeviceGetHandleByIndex(index)

        def tell(ask: Callable[..., T], *arguments: Any) -> T | None:
            # Which figures there are depends on the model; each may be missing by itself.
            try:
                return ask(handle, *arguments)
            except nvml.NVMLError:
                return None

        rates = tell(nvml.nvmlDeviceGetUtilizationRates)
        # The second version is what nvidia-smi shows: without what the driver keeps for itself.
        memory = tell(nvml.nvmlDeviceGetMemoryInfo, nvml.nvmlMemory_v2) or tell(
            nvml.nvmlDeviceGetMemoryInfo
        )
        milliwatts = number(tell(nvml.nvmlDeviceGetPowerUsage))
        return Gpu(
            index=index,
            uuid=word(tell(nvml.nvmlDeviceGetUUID)),
            name=word(tell(nvml.nvmlDeviceGetName)),
            utilization=None if rates is None else number(rates.gpu, most=100),
            memory_used=None if memory is None else count(memory.used),
            memory_total=None if memory is None else count(memory.total),
            temperature=number(
                tell(nvml.nvmlDeviceGetTemperature, nvml.NVML_TEMPERATURE_GPU), most=200
            ),
            power=None if milliwatts is None else milliwatts / 1000,
        )


def chosen(gpus: Sequence[Gpu] | None, yolo26: Yolo26 | None) -> Gpu | None:
    """Return the GPU that statuses describe: device 0, else what yolo26 says of its own, else None.

    Args:
        gpus: What NVML sees; None if it could not be read.
        yolo26: What yolo26 says; None if it could not be asked.

    """
    if gpus:
        return gpus[0]
    if yolo26 is None:
        return None
    figures = (yolo26.gpu_utilization, yolo26.vram_used, yolo26.temperature, yolo26.power)
    if figures == (None,) * len(figures):
        return None
    return Gpu(
        index=0,
        utilization=yolo26.gpu_utilization,
        memory_used=yolo26.vram_used,
        temperature=yolo26.temperature,
        power=yolo26.power,
    )
