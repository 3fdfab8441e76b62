// @vitest-environment node
import { expect, test } from "vitest";
import { factsOf, feedOf, type HeardEvents, type HeardStatus, PULSE_PATIENCE } from "../src/facts";
import { homeVerdict } from "../src/homeVerdict";

const NOW = Date.parse("2026-11-27T12:00:00Z");

const EVENTS: HeardEvents = {
  connectionState: "live",
  staleSince: null,
  pulse: { at: NOW - 1_000, heard: true },
  deafSince: null,
  window: { state: "complete", since: null },
  recent: [],
};

const SYSTEM: HeardStatus = {
  connectionState: "live",
  staleSince: null,
  status: {
    cameras: { total: 1, online: 1, offline: 0 },
    services: { yolo26: "healthy", nemotron: "healthy" },
  },
  queues: { state: "moving", queue: null, since: null },
};

test("events are heard by a recent pong of their own that says so, and by nothing else", () => {
  const state = (changes: Partial<HeardEvents>) => feedOf({ ...EVENTS, ...changes }, NOW).state;
  expect(state({})).toBe("heard");
  expect(state({ pulse: null })).toBe("waiting");
  expect(state({ pulse: { at: NOW, heard: null } })).toBe("waiting");
  expect(state({ pulse: { at: NOW - PULSE_PATIENCE - 1, heard: true } })).toBe("silent");
  expect(state({ connectionState: "connecting" })).toBe("waiting");
  expect(state({ connectionState: "connecting", staleSince: NOW })).toBe("silent");
  expect(state({ connectionState: "stale", staleSince: NOW })).toBe("silent");
  const deaf = { pulse: { at: NOW, heard: false }, deafSince: NOW - 5_000 };
  expect(feedOf({ ...EVENTS, connectionState: "degraded", ...deaf }, NOW)).toEqual({
    state: "deaf",
    since: NOW - 5_000,
  });
});

test("statuses are heard while they come, also of a replica that is degraded", () => {
  const state = (changes: Partial<HeardStatus>) =>
    factsOf(EVENTS, { ...SYSTEM, ...changes }, NOW, 0).status.state;
  expect(state({})).toBe("heard");
  expect(state({ connectionState: "degraded" })).toBe("heard");
  expect(state({ status: null })).toBe("waiting");
  expect(state({ connectionState: "stale", staleSince: NOW })).toBe("silent");
  expect(state({ connectionState: "connecting", staleSince: NOW })).toBe("silent");
});

test("all times are by the services' clock, whatever the browser's says", () => {
  const ahead = -20 * 60_000;
  const deaf = { pulse: { at: NOW, heard: false }, deafSince: NOW - 5_000 };
  const facts = factsOf({ ...EVENTS, ...deaf }, SYSTEM, NOW, ahead);
  expect([facts.now, facts.feed.since]).toEqual([NOW + ahead, NOW + ahead - 5_000]);
  expect(homeVerdict(factsOf(EVENTS, SYSTEM, NOW, ahead)).state).toBe("quiet");
  const unknown = factsOf(EVENTS, SYSTEM, NOW, null);
  expect(homeVerdict(unknown)).toMatchObject({
    state: "cant_tell",
    detail: "The time of the services is not known",
  });
});

test("a page of which nothing has come waits", () => {
  const nothing = { pulse: null, window: { state: "waiting", since: null } } as const;
  const events = { ...EVENTS, ...nothing, connectionState: "connecting" } as const;
  const system = { ...SYSTEM, status: null, connectionState: "connecting" } as const;
  expect(homeVerdict(factsOf(events, system, NOW, null))).toMatchObject({
    state: "cant_tell",
    detail: "Waiting for events",
    since: null,
  });
});
