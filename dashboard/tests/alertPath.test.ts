import { timeOf } from "@hsi/realtime";
import { expect, test } from "vitest";
import { alertPath } from "../src/alertPath";
import { viewIn } from "../src/chartView";
import { chartOf } from "../src/components/performance/chartDefinitions";

const NOW = Date.parse("2026-11-27T19:00:00Z");
const MINUTE = 60_000;

function alert(sinceMinutes: number, endedMinutes: number | null) {
  const ago = (minutes: number) => new Date(NOW - minutes * MINUTE).toISOString();
  const ended = endedMinutes === null ? null : ago(endedMinutes);
  return { metric: "host_cpu", since: ago(sinceMinutes), ended };
}

function viewOf(path: string | null) {
  const url = new URL(path ?? "", "http://home");
  return { ...viewIn(url.search), hash: url.hash, pathname: url.pathname };
}

test("an alert's link shows its chart about its time, in the most detail that there is", () => {
  const past = alert(300, 290);
  const view = viewOf(alertPath(past, "host", NOW));
  expect(view).toMatchObject({ pathname: "/performance", hash: "#host", range: "24h", gpu: null });
  expect(view.span).toEqual({
    from: (timeOf(past.since) ?? 0) - 5 * MINUTE,
    to: (timeOf(past.ended) ?? 0) + 5 * MINUTE,
  });
  expect(viewOf(alertPath(alert(3 * 24 * 60, 60), "host", NOW)).range).toBe("7d");
});

test("the link of an active alert ends now, and names its GPU", () => {
  const view = viewOf(alertPath({ ...alert(10, null), gpu: 1 }, "gpu-temperature", NOW));
  expect(view.span?.to).toBe(NOW);
  expect(view.gpu).toBe(1);
});

test("an alert of a time without figures has no link", () => {
  expect(alertPath(alert(9 * 24 * 60, 8 * 24 * 60), "host", NOW)).toBeNull();
});

test("each metric that can be an alert has a chart", () => {
  expect(chartOf("pg_cache_hit")).toBe("cache-hits");
  expect(chartOf("gpu_vram")).toBe("vram");
  expect(chartOf("somebody's own")).toBeUndefined();
});
