// @vitest-environment jsdom
import { type RaisedAlertData, timeOf, useActiveAlerts } from "@hsi/realtime";
import { cleanup, render, screen } from "@testing-library/react";
import { afterEach, expect, test, vi } from "vitest";
import { golden } from "../realtime/tests/golden";
import { Alerts } from "../src/components/performance/Alerts";
import { clock } from "../src/format";

vi.mock("@hsi/realtime", async (original) => ({
  ...(await original<object>()),
  useActiveAlerts: vi.fn(),
  useAlertSeen: vi.fn(() => ({ seen: null, mayAct: true })),
}));

afterEach(cleanup);

const LATER = Date.parse("2024-01-15T10:33:00Z");
const HOT = golden("alert").data as RaisedAlertData;
const SINCE = clock(timeOf(HOT.since) ?? 0);
const UNKNOWN_SINCE = Date.parse("2024-01-15T10:31:00Z");
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
  for (const part of ["warning", HOT.message, `since ${SINCE}`, "peak 84 °C", "limit 75 °C"]) {
    expect(text).toContain(part);
  }
  expect(text).not.toContain("None");
});

test("an alert whose figure nobody can measure says so, and since when", () => {
  const unknown = { ...HOT, unknown_since: new Date(UNKNOWN_SINCE).toISOString() };
  expect(said({ active: [unknown] })).toContain(`not known since ${clock(UNKNOWN_SINCE)}`);
});

test("between its two thresholds, a critical alert recovers, and is not called critical", () => {
  const cpu = { metric: "host_cpu", unit: "%", value: 84.6, threshold: 95, clears: 75 } as const;
  const message = "CPU high: 84.6%";
  const text = said({ active: [{ ...HOT, ...cpu, severity: "critical", message }] });
  expect(text).toContain("recovering from critical");
  expect(text).not.toMatch(/(?<!from )critical/);
});

test("a lower limit is a least, and without its unit a limit is not said", () => {
  const hits = { ...CPU, metric: "pg_cache_hit", value: 88, threshold: 90, message: "low" };
  expect(said({ exceeding: [hits], limits: {} })).toContain("at least 90 %");
  cleanup();
  const odd = { ...CPU, metric: "of_tomorrow", threshold: 7 };
  expect(said({ exceeding: [odd], limits: {} })).not.toMatch(/limit|7/);
  cleanup();
  expect(said({ exceeding: [CPU], limits: {} })).toContain("limit 80 %");
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
