"""GPUMonitor: the GPUs of this machine by NVML; and which GPU statuses describe.

NVML's calls go into a driver that may hang, so they are made in a thread that nobody waits for
longer than its time, and that does not keep the process from ending.
"""

import contextlib
import importlib
import time
from collections.abc import Callable, Sequence
from typing import Any, TypeVar

from msgspec import Struct

from hsi.schemas.base import GpuSource
from hsi_service.sources.ai import GIB, Yolo26
from hsi_service.sources.thread import in_thread
from hsi_service.sources.time_limited import SourceError
from hsi_service.sources.validate import count, number, word

T = TypeVar("T")

REOPEN_AFTER = 60.0
"""Seconds after which the driver is opened again while it shows a GPU that cannot be read: one that
was reset is not found through a connection of before."""
_MAX_MILLIWATTS = 10_000_000
_MAX_BYTES = 10_000 * GIB


class Gpu(Struct, frozen=True, kw_only=True):
    """One GPU. What it does not tell is None; of one that is lost, that is all but its index."""

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
    source: GpuSource | None = None
    """Who told; None: NVML, here."""


class GPUMonitor:
    """Reads the GPUs of this machine (R13, R33)."""

    def __init__(self, nvml: Any = None, *, clock: Callable[[], float] = time.monotonic) -> None:
        """Prepare; NVML is looked for at each reading until it is found.

        Args:
            nvml: The module `pynvml`, which has no types; None: it is imported for the first
                reading, in its thread.
            clock: Seconds that only grow.

        """
        self._nvml = nvml
        self._clock = clock
        self._ready = False
        self._opened_at = 0.0
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
                    self._ready, self._opened_at = True, self._clock()
            return self._gpus() if self._ready else []
        finally:
            self._busy = False

    def _gpus(self) -> list[Gpu]:
        nvml, found, troubles = self._nvml, [], []
        try:
            number_of_gpus = nvml.nvmlDeviceGetCount()
        except nvml.NVMLError as error:
            raise self._closed(error) from error
        for index in range(number_of_gpus):
            try:
                found.append(self._gpu(index, nvml.nvmlDeviceGetHandleByIndex(index)))
            except nvml.NVMLError as error:  # It is lost, or not ours: that costs no other.
                found.append(Gpu(index=index))
                troubles.append(error)
        if troubles and len(troubles) == len(found):
            raise self._closed(troubles[0]) from troubles[0]
        if troubles and self._clock() - self._opened_at >= REOPEN_AFTER:
            self._close()
        return found

    def _closed(self, error: Exception) -> SourceError:
        """Return that NVML does not work; a driver that was reset or unloaded is opened again."""
        self._close()
        return SourceError(f"NVML does not work: {error}")

    def _close(self) -> None:
        self._ready = False
        with contextlib.suppress(self._nvml.NVMLError):
            self._nvml.nvmlShutdown()

    def _gpu(self, index: int, handle: Any) -> Gpu:
        nvml = self._nvml

        def tell(ask: Callable[..., T], *arguments: Any) -> T | None:
            # Which figures there are depends on the model; each may be missing by itself, and a
            # name may be no UTF-8.
            try:
                return ask(handle, *arguments)
            except (nvml.NVMLError, ValueError):
                return None

        rates = tell(nvml.nvmlDeviceGetUtilizationRates)
        # The second version is what nvidia-smi shows: without what the driver keeps for itself.
        memory = tell(nvml.nvmlDeviceGetMemoryInfo, nvml.nvmlMemory_v2) or tell(
            nvml.nvmlDeviceGetMemoryInfo
        )
        total = None if memory is None else count(memory.total, most=_MAX_BYTES) or None
        used = None if memory is None or total is None else count(memory.used, most=total)
        milliwatts = number(tell(nvml.nvmlDeviceGetPowerUsage), most=_MAX_MILLIWATTS)
        return Gpu(
            index=index,
            uuid=word(tell(nvml.nvmlDeviceGetUUID)),
            name=word(tell(nvml.nvmlDeviceGetName)),
            utilization=None if rates is None else number(rates.gpu, most=100),
            memory_used=used,
            memory_total=total,
            temperature=number(
                tell(nvml.nvmlDeviceGetTemperature, nvml.NVML_TEMPERATURE_GPU), most=200
            ),
            power=None if milliwatts is None else milliwatts / 1000,
        )


def chosen(
    gpus: Sequence[Gpu] | None, yolo26: Yolo26 | None, *, collected: Gpu | None = None
) -> Gpu | None:
    """Return the GPU that statuses describe: the first here, else the collector's, else yolo26's.

    What yolo26 says is of the GPU that it runs on, but for its memory: that is its model's alone.

    Args:
        gpus: What NVML sees; None if it could not be read.
        yolo26: What yolo26 says; None if it could not be asked.
        collected: The GPU of the collector's latest round, for those who are not the collector.

    """
    if gpus:
        return gpus[0]
    if collected is not None:
        return collected
    if yolo26 is None:
        return None
    figures = (yolo26.gpu_utilization, yolo26.temperature, yolo26.power)
    if figures == (None,) * len(figures):
        return None
    return Gpu(
        index=0,
        utilization=yolo26.gpu_utilization,
        temperature=yolo26.temperature,
        power=yolo26.power,
        source="yolo26",
    )
