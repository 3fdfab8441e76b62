import { type RaisedAlertData, useActiveAlerts } from "@hsi/realtime";
import { cleanup, render, screen } from "@testing-library/react";
import { afterEach, expect, test, vi } from "vitest";
import { golden } from "../realtime/tests/golden";
import { Alerts } from "../src/components/performance/Alerts";

vi.mock("@hsi/realtime", async (original) => ({
  ...(await original<object>()),
  useActiveAlerts: vi.fn(),
}));

afterEach(cleanup);

const LATER = Date.parse("2024-01-15T10:33:00Z");
const HOT = golden("alert").data as RaisedAlertData;
const NOTHING: ReturnType<typeof useActiveAlerts> = {
  active: [],
  asOf: LATER,
  exceeding: [],
  limits: { host_cpu: { warning: 80, critical: 95, unit: "%" } },
  paused: false,
  error: null,
};
const CPU = {
  severity: "warning",
  metric: "host_cpu",
  value: 81,
  threshold: 80,
  message: "CPU high: 81.0%",
} as const;

/** What the card says. */
function said(known: Partial<typeof NOTHING>): string {
  vi.spyOn(Date, "now").mockReturnValue(LATER);
  vi.mocked(useActiveAlerts).mockReturnValue({ ...NOTHING, ...known });
  render(<Alerts />);
  const { textContent } = screen.getByRole("region", { name: "Active alerts" });
  return textContent ?? "";
}

test("an alert is shown with since when it is, its peak and its limit, in units", () => {
  const text = said({ active: [HOT] });
  for (const part of ["warning", HOT.message, "since 15 Jan 2024", "peak 84 °C", "limit 75 °C"]) {
    expect(text).toContain(part);
  }
  expect(text).not.toContain("None");
});

test("an alert whose figure nobody can measure says so, and since when", () => {
  const unknown = { ...HOT, unknown_since: "2024-01-15T10:31:00Z" };
  expect(said({ active: [unknown] })).toContain("not known since 15 Jan 2024");
});

test("what exceeds its limit at this moment is shown apart, with its unit", () => {
  expect(said({ exceeding: [CPU] })).toContain("just nowCPU high: 81.0%limit 80 %");
  cleanup();
  const told = { ...HOT, metric: "host_cpu" };
  expect(said({ active: [told], exceeding: [CPU] })).not.toContain("just now");
});

test("that there is none is said only where it is known", () => {
  expect(said({})).toContain("None: no figure exceeds its limit.");
  cleanup();
  expect(said({ active: null })).toContain("Waiting for alerts.");
  cleanup();
  const error = Object.assign(new Error("no Redis"), { status: 503 });
  const text = said({ active: null, error: error as (typeof NOTHING)["error"] });
  expect(text).toContain("Alerts are not known: no Redis");
  cleanup();
  expect(said({ exceeding: null, paused: true })).toMatch(/as of .*None when last heard/);
});
