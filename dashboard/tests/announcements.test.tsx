// @vitest-environment jsdom
import { eventOf, type RaisedAlertData, type SecurityEvent } from "@hsi/realtime";
import { cleanup, render } from "@testing-library/react";
import { afterEach, beforeEach, expect, test, vi } from "vitest";
import { golden } from "../realtime/tests/golden";
import { announcements } from "../src/announcer";
import { Announcements } from "../src/components/Announcements";

interface Heard {
  recent: readonly SecurityEvent[];
  active: readonly RaisedAlertData[] | null;
}

const heard = vi.hoisted((): Heard => ({ recent: [], active: null }));

vi.mock("@hsi/realtime", async (original) => ({
  ...(await original<object>()),
  useEventStream: () => ({ recent: heard.recent }),
  useActiveAlerts: () => ({ active: heard.active }),
  useCameras: () => ({ cameras: [{ id: "cam_7f3a", name: "Nursery" }] }),
}));

const HOT = golden("alert").data as RaisedAlertData;
let said: string[];

beforeEach(() => {
  said = [];
  vi.useFakeTimers();
  announcements.subscribe(() => {
    const [polite, assertive] = [announcements.polite(), announcements.assertive()];
    for (const text of [polite && `politely: ${polite}`, assertive && `at once: ${assertive}`]) {
      if (text && !said.includes(text)) said.push(text);
    }
  });
});

afterEach(async () => {
  await vi.runAllTimersAsync();
  vi.useRealTimers();
  cleanup();
});

/** Show the page when this has happened; what is later is first. */
function happens(events: object[], active: RaisedAlertData[] | null = []) {
  heard.recent = events.map((data, index) => eventOf(data, `1-${events.length - index}`, 0));
  heard.active = active;
  return <Announcements />;
}

const event = (summary: string, risk_level: string) => ({ event_id: 7, summary, risk_level });

test("of two grave events in one frame both are told, as they came, and of a cat nothing", async () => {
  const one = { ...event("Van", "high"), event_id: 1, camera_id: "cam_7f3a" };
  const other = { ...event("Man", "high"), event_id: 2 };
  render(happens([event("Cat", "low"), other, one]));
  await vi.runAllTimersAsync();
  expect(said).toEqual(["politely: high risk: Nursery: Van", "politely: high risk: Man"]);
});

test("an event is told again when its level rises, and then at once", async () => {
  const { rerender } = render(happens([event("Man", "high")]));
  rerender(happens([event("Man", "high")]));
  rerender(happens([event("Man with a crowbar", "critical")]));
  await vi.runAllTimersAsync();
  expect(said).toEqual(["politely: high risk: Man", "at once: critical risk: Man with a crowbar"]);
});

test("alerts are told when they are raised and when they end, and not those of before", async () => {
  const disk = { ...HOT, id: "disk", message: "Disk full", severity: "critical" } as const;
  const { rerender } = render(happens([], null));
  rerender(happens([], [HOT]));
  rerender(happens([], [HOT, disk]));
  rerender(happens([], [disk]));
  await vi.runAllTimersAsync();
  expect(said).toEqual([
    "at once: critical alert: Disk full",
    `politely: Alert ended: ${HOT.message}`,
  ]);
});
