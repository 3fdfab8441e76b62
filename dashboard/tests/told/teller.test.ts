import type { RiskLevel } from "@hsi/realtime";
import { afterEach, beforeEach, expect, test, vi } from "vitest";
import { type Choice, NOTHING_CHOSEN } from "../../src/told/rules";
import { Teller } from "../../src/told/teller";
import type { Told } from "../../src/worker/notification";
import { event } from "./events";

const MINUTE = 60_000;
const NOW = Date.parse("2026-11-27T12:00:00Z");

let choice: Choice;
let claimed: Set<string>;
let sounded: RiskLevel[];
let notified: { told: Told; isSilent: boolean; isAgain: boolean }[];
let blocked: boolean;

beforeEach(() => {
  vi.useFakeTimers({ now: NOW });
  choice = { ...NOTHING_CHOSEN, notifies: true, sounds: true };
  [claimed, sounded, notified, blocked] = [new Set(), [], [], false];
});

afterEach(() => {
  vi.useRealTimers();
});

/** A tab of the browser. */
function tab(): Teller {
  return new Teller({
    choice: () => choice,
    names: () => new Map([["nursery_1", "Nursery"]]),
    claim: async (about) => {
      const isFirst = !claimed.has(about);
      claimed.add(about);
      return isFirst;
    },
    notify: async (told, how) => {
      notified.push({ told, ...how });
    },
    sound: {
      isBlocked: () => blocked,
      play: async (level) => {
        if (!blocked) sounded.push(level);
        return !blocked;
      },
    },
  });
}

async function hear(tabs: readonly Teller[], ...told: Parameters<typeof event>[0][]) {
  for (const one of told) {
    const heard = event(one);
    for (const teller of tabs) teller.hear(heard, 0);
  }
  await vi.advanceTimersByTimeAsync(500);
}

test("an event is told once, by one of all tabs, and leads to its page", async () => {
  await hear([tab(), tab(), tab()], { id: 7, level: "critical" });
  expect(sounded).toEqual(["critical"]);
  expect(notified).toHaveLength(1);
  expect(notified[0]).toMatchObject({ isSilent: true, isAgain: false });
  expect(notified[0]?.told).toMatchObject({
    title: "Act now: front door",
    body: "Event 7",
    tag: "7 front_door",
    level: "critical",
  });
  expect(notified[0]?.told.url).toMatch(/^\/events\/\d+-\d+$/);
});

test("an event that got worse is told again, in the place of what was told before", async () => {
  await hear([tab(), tab()], { level: "high" }, { level: "high" }, { level: "critical" });
  expect(notified.map(({ told, isAgain }) => [told.tag, told.level, isAgain])).toEqual([
    ["1 front_door", "high", false],
    ["1 front_door", "critical", true],
  ]);
});

test("nothing is told of what was there before the page, however its history comes", async () => {
  const page = tab();
  page.hear(event({ id: 1, isNew: false, arrivedAt: NOW - MINUTE }), null);
  await hear([page], { id: 2, isNew: true, arrivedAt: NOW - MINUTE }, { id: 1 });
  expect(notified).toEqual([]);
  await hear([page], { id: 3 });
  expect(notified).toHaveLength(1);
});

test("the services' clock decides what is new, and not the browser's, which may be wrong", async () => {
  const page = tab();
  const there = NOW + 20 * MINUTE;
  page.hear(event({ id: 1, arrivedAt: there - MINUTE }), 20 * MINUTE);
  page.hear(event({ id: 2, arrivedAt: there + 1 }), 20 * MINUTE);
  await vi.advanceTimersByTimeAsync(500);
  expect(notified.map(({ told }) => told.body)).toEqual(["Event 2"]);
});

test("what came while the machine slept is told in one sentence, by one tab", async () => {
  const tabs = [tab(), tab()];
  await hear(tabs, { id: 100, level: "low" });
  vi.setSystemTime(NOW + 8 * 60 * MINUTE);
  const night = Array.from({ length: 12 }, (_, id) => ({ id, arrivedAt: NOW + (id + 1) * MINUTE }));
  await hear(tabs, ...night, { id: 13, level: "low", arrivedAt: NOW + MINUTE }, { id: 14 });
  await vi.advanceTimersByTimeAsync(5_000);
  expect(notified.map(({ told }) => told.body)).toEqual([
    "Event 14",
    "12 events while you were away",
  ]);
});

test("below the level, at other cameras and in quiet hours, nothing is told", async () => {
  const page = tab();
  choice = { ...choice, cameras: ["front_door"] };
  await hear([page], { id: 1, level: "medium" }, { id: 2, camera: "garden" });
  choice = { ...choice, quiet: { from: "00:00", to: "00:00", exceptCritical: true } };
  await hear([page], { id: 3 });
  expect(notified).toEqual([]);
  await hear([page], { id: 4, level: "critical" });
  expect(notified.map(({ told }) => told.body)).toEqual(["Event 4"]);
});

test("who wants a sound alone gets no notification, and the other way round", async () => {
  const page = tab();
  choice = { ...choice, notifies: false };
  await hear([page], { id: 1 });
  expect([sounded.length, notified.length]).toEqual([1, 0]);
  choice = { ...choice, notifies: true, sounds: false };
  await hear([page], { id: 2 });
  expect([sounded.length, notified.length]).toEqual([1, 1]);
  expect(notified[0]?.isSilent).toBe(true);
  choice = { ...choice, notifies: false };
  await hear([page], { id: 3 });
  expect([sounded.length, notified.length]).toEqual([1, 1]);
});

test("where the page may not sound, the browser's own sound is let through", async () => {
  blocked = true;
  await hear([tab()], {});
  expect(notified[0]?.isSilent).toBe(false);
});

test("a camera is called by its name where that is known, and else by its id", async () => {
  await hear([tab()], { id: 1, camera: "nursery_1" }, { id: 2, camera: "front_door" });
  const titles = notified.map(({ told }) => told.title);
  expect(titles).toEqual([
    expect.stringContaining("Nursery"),
    expect.stringContaining("front door"),
  ]);
});
