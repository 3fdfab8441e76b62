// @vitest-environment jsdom
import type { GpuDevice, GpuStatus } from "@hsi/realtime";
import { cleanup, render, screen, within } from "@testing-library/react";
import { afterEach, expect, test } from "vitest";
import { GpuCard } from "../../src/components/dashboard/GPUStats";

const GPU: GpuStatus = {
  name: "NVIDIA RTX A5500",
  utilization: 45.2,
  memory_used: 23244,
  memory_total: 24576,
  temperature: 65,
  power_usage: 125.5,
};
const NOTHING: GpuStatus = {
  name: null,
  utilization: null,
  memory_used: null,
  memory_total: null,
  temperature: 65,
  power_usage: null,
  source: "yolo26",
};
const OTHER: GpuDevice = {
  index: 1,
  uuid: "GPU-2",
  name: "NVIDIA T4",
  utilization: 7,
  vram_used_gb: 1.5,
  vram_total_gb: 16,
  temperature: 40,
  power_watts: 20,
};
const LOST: GpuDevice = {
  index: 2,
  uuid: null,
  name: null,
  utilization: null,
  vram_used_gb: null,
  vram_total_gb: null,
  temperature: null,
  power_watts: null,
};

afterEach(cleanup);

function textOf(gpu: GpuStatus): string {
  render(<GpuCard gpu={gpu} others={[]} />);
  return screen.getByRole("region", { name: "GPU" }).textContent ?? "";
}

test("a GPU has its name, and how much of its memory is in use", () => {
  const text = textOf(GPU);
  expect(text).toContain("NVIDIA RTX A5500");
  expect(text).toContain("22.7 of 24.0 GB");
  expect(text).not.toContain("told by");
});

test("who told of it is said where it was not NVML here", () => {
  expect(textOf({ ...GPU, source: "collector" })).toContain(
    "NVIDIA RTX A5500, told by the collector",
  );
});

test("what yolo26 does not know is not made up", () => {
  const text = textOf(NOTHING);
  expect(text).toContain("unknown model, told by yolo26");
  expect(text).toContain("Memory–");
  expect(text).not.toContain("GB");
});

test("all others have their memory and how they are, and one that is lost says so", () => {
  render(<GpuCard gpu={GPU} others={[OTHER, LOST]} />);
  const others = within(screen.getByRole("list", { name: "Other GPUs" })).getAllByRole("listitem");
  expect(others.map((item) => item.textContent)).toEqual([
    "GPU 1 NVIDIA T41.5 of 16.0 GB, 7 %, 40 °C",
    "GPU 2cannot be read",
  ]);
});
