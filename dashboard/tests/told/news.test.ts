// @vitest-environment node
import { RISK_LEVELS } from "@hsi/realtime";
import * as fc from "fast-check";
import { expect, test } from "vitest";
import { FRESH, NewsDesk } from "../../src/told/news";
import { event } from "./events";

const OPENED = 1_795_000_000_000;
const LATER = OPENED + 60_000;

function take(desk: NewsDesk, told: Parameters<typeof event>[0], now = LATER) {
  return desk.take(event({ arrivedAt: now, ...told }), now);
}

test("an event is news once, however often it is told", () => {
  const desk = new NewsDesk(OPENED);
  expect(take(desk, {})).toBe("fresh");
  expect(take(desk, {})).toBe("old");
  expect(take(desk, { camera: "garden" })).toBe("fresh");
});

test("an event that got worse is news again, and one that got better is not", () => {
  const desk = new NewsDesk(OPENED);
  expect(take(desk, { level: "medium" })).toBe("fresh");
  expect(take(desk, { level: "critical" })).toBe("worse");
  expect(take(desk, { level: "high" })).toBe("old");
});

test("what was there before the page is old, and news if it gets worse afterwards", () => {
  const desk = new NewsDesk(OPENED);
  expect(take(desk, { arrivedAt: OPENED - 1 })).toBe("old");
  expect(take(desk, {})).toBe("old");
  expect(take(desk, { level: "critical" })).toBe("worse");
});

test("a history that comes once more, because it was lost, tells nothing again", () => {
  const desk = new NewsDesk(OPENED);
  const before = Array.from({ length: 100 }, (_, id) => event({ id, arrivedAt: OPENED - 1_000 }));
  expect(before.filter((one) => desk.take(one, LATER) !== "old")).toEqual([]);
});

test("what is minutes old when the page hears of it is late", () => {
  const desk = new NewsDesk(OPENED);
  const now = OPENED + 8 * 3_600_000;
  expect(take(desk, { id: 1, arrivedAt: now - FRESH - 1 }, now)).toBe("late");
  expect(take(desk, { id: 2, arrivedAt: now - FRESH }, now)).toBe("fresh");
});

test("of any messages about one event, those that told something worse are news", () => {
  fc.assert(
    fc.property(fc.array(fc.constantFrom(...RISK_LEVELS), { minLength: 1 }), (levels) => {
      const desk = new NewsDesk(OPENED);
      const news = levels.filter((level) => take(desk, { level }) !== "old");
      const ranks = news.map((level) => RISK_LEVELS.indexOf(level));
      return ranks.every((rank, index) => index === 0 || rank > (ranks[index - 1] ?? rank));
    }),
  );
});

test("it remembers thousands of events, and no more", () => {
  const desk = new NewsDesk(OPENED);
  for (let id = 0; id < 5_001; id += 1) take(desk, { id });
  expect(take(desk, { id: 5_000 })).toBe("old");
  expect(take(desk, { id: 1 })).toBe("old");
  expect(take(desk, { id: 0 })).toBe("fresh");
});
