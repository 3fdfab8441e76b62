// @vitest-environment jsdom
import { cleanup, configure, renderHook } from "@testing-library/react";
import type { ReactNode } from "react";
import { SWRConfig } from "swr";
import { afterEach, beforeEach, expect, onTestFinished, test, vi } from "vitest";
import type { SecurityEvent } from "../src";
import { elasticTime, hostForTest, jump, pass, until } from "./page";
import type { Server } from "./server";

const EVENTS = "/ws/events";
const SEEN = "/api/events/seen";

/** The library, of a page that was opened just now. */
let page: typeof import("../src");

beforeEach(async () => {
  configure({ reactStrictMode: true });
  vi.resetModules();
  page = await import("../src");
});

afterEach(cleanup);

/** A page that shows events and who has seen them. */
function open() {
  const cache = new Map();
  const wrapper = ({ children }: { children: ReactNode }) => (
    <SWRConfig value={{ provider: () => cache, dedupingInterval: 0 }}>{children}</SWRConfig>
  );
  const hooks = () => ({ ...page.useSeen(), entries: page.useEventStream().entries });
  return renderHook(hooks, { wrapper }).result;
}

type Opened = ReturnType<typeof open>;

function publish(server: Server, id: number, level = "high"): void {
  const data = { event_id: id, camera_id: "front_door", risk_level: level };
  server.publish(EVENTS, { type: "event", data });
}

/** The page's event; it has come. */
async function eventOf(result: Opened, id: number): Promise<SecurityEvent> {
  return until(() => {
    const found = result.current.entries.find((event) => event.id === id);
    expect(found).toBeDefined();
    return found as SecurityEvent;
  });
}

function seenBy({ current }: Opened, event: SecurityEvent): string | null {
  return current.seenOf(event)?.by ?? null;
}

test("what was seen before is known, and what is seen elsewhere follows", async () => {
  const server = await hostForTest();
  publish(server, 7);
  publish(server, 8);
  server.markAsSeen("7", "hall", "high");
  const result = open();
  const [seven, eight] = [await eventOf(result, 7), await eventOf(result, 8)];
  await until(() => expect(seenBy(result, seven)).toBe("hall"));
  expect(result.current.seenOf(seven)?.at).toBe(Date.parse(server.seen.get("7")?.at ?? ""));
  expect(seenBy(result, eight)).toBeNull();
  server.markAsSeen("8", "hall", "high");
  await until(() => expect(seenBy(result, eight)).toBe("hall"));
  server.markAsSeen("8", "hall", null, { undone: true });
  await until(() => expect(seenBy(result, eight)).toBeNull());
});

test("a mark shows at once, is told the service with the level that was seen, and is undone", async () => {
  const server = await hostForTest();
  publish(server, 7);
  const result = open();
  const event = await eventOf(result, 7);
  await until(() => expect(result.current.mayAct).toBe(true));
  const answer = server.hold(`POST /api/events/7/seen?risk_level=high`);
  const marked = result.current.mark(event);
  await until(() => expect(seenBy(result, event)).toBe("kitchen"));
  answer(server.markAsSeen("7", "hall", "high"));
  await marked;
  // Somebody else was faster: theirs counts.
  await until(() => expect(seenBy(result, event)).toBe("hall"));
  await result.current.undo(event);
  await until(() => expect(seenBy(result, event)).toBeNull());
  expect(server.asked.at(-1)?.path).toBe("DELETE /api/events/7/seen");
  expect(server.seen.size).toBe(0);
  expect(result.current.error).toBeNull();
});

test("what the service refuses is taken back, and why is told until the next try", async () => {
  const server = await hostForTest();
  publish(server, 7);
  const result = open();
  const event = await eventOf(result, 7);
  const path = "POST /api/events/7/seen?risk_level=high";
  server.answers.set(path, { status: 503, body: '{"detail":"Redis refuses writes"}' });
  await result.current.mark(event);
  await until(() => expect(result.current.error?.message).toBe("Redis refuses writes"));
  expect(result.current.error).toBeInstanceOf(page.ApiError);
  expect(seenBy(result, event)).toBeNull();
  server.answers.delete(path);
  await result.current.mark(event);
  await until(() => expect(seenBy(result, event)).toBe("kitchen"));
  expect(result.current.error).toBeNull();
});

test("told again as graver, an event is unseen again", async () => {
  const server = await hostForTest();
  publish(server, 7);
  const result = open();
  await result.current.mark(await eventOf(result, 7));
  const before = result.current.entries[0];
  await until(() => expect(before && seenBy(result, before)).toBe("kitchen"));
  publish(server, 7, "critical");
  await until(() => expect(result.current.entries[0]?.riskLevel).toBe("critical"));
  const [event] = result.current.entries;
  expect(event && seenBy(result, event)).toBeNull();
});

test("an event without an id is marked by its cursor, and one without either not at all", async () => {
  const server = await hostForTest();
  const cursor = server.publish(EVENTS, { type: "event", data: { camera_id: "front_door" } });
  const result = open();
  const event = await until(() => {
    const [found] = result.current.entries;
    expect(found).toBeDefined();
    return found as SecurityEvent;
  });
  await result.current.mark(event);
  await until(() => expect(seenBy(result, event)).toBe("kitchen"));
  expect(server.asked.at(-1)?.path).toBe(`POST /api/events/${cursor}/seen`);
  const asked = server.asked.length;
  await result.current.mark({ ...event, key: "heard-1" });
  expect(server.asked).toHaveLength(asked);
});

test.each([
  ["after a break", (server: Server) => server.drop(EVENTS)],
  [
    "after a break in which the history was lost",
    (server: Server) => {
      server.trim(EVENTS);
      server.drop(EVENTS);
    },
  ],
])("%s the marks are loaded again, once", async (_, breaks) => {
  const server = await hostForTest();
  elasticTime();
  publish(server, 7);
  const result = open();
  const event = await eventOf(result, 7);
  const loads = () => server.asked.filter(({ path }) => path === SEEN).length;
  await until(() => expect(loads()).toBe(1));
  breaks(server);
  await until(() => expect(server.open(EVENTS)).toBe(0));
  server.seen.set("7", { at: new Date().toISOString(), by: "hall", risk_level: "high" });
  await jump(3_000);
  await until(() => expect(seenBy(result, event)).toBe("hall"));
  await jump(12_000);
  expect(loads()).toBe(2);
});

test("what is told while the marks are loaded is not lost to an older answer", async () => {
  const server = await hostForTest();
  publish(server, 7);
  const answer = server.hold(SEEN);
  const result = open();
  const event = await eventOf(result, 7);
  await until(() => expect(server.asked.map(({ path }) => path)).toContain(SEEN));
  server.markAsSeen("7", "hall", "high");
  await until(() => expect(seenBy(result, event)).toBe("hall"));
  answer({ status: 200, body: '{"now":"2026-11-27T12:00:00Z","seen":[]}' });
  await pass(50);
  expect(seenBy(result, event)).toBe("hall");
});

test("marks that cannot be loaded are asked for again", async () => {
  const server = await hostForTest();
  elasticTime();
  publish(server, 7);
  server.seen.set("7", { at: new Date().toISOString(), by: "hall", risk_level: "high" });
  const away = { status: 503, body: '{"detail":"no Redis"}' };
  server.answers.set(SEEN, away);
  // The history would tell of its events who has seen them.
  server.answers.set("/api/events?limit=500&minutes=15", away);
  const result = open();
  const event = await eventOf(result, 7);
  await until(() => expect(server.asked.map(({ path }) => path)).toContain(SEEN));
  expect(seenBy(result, event)).toBeNull();
  server.answers.delete(SEEN);
  await jump(12_000); // Five seconds, and up to five more by chance.
  await until(() => expect(seenBy(result, event)).toBe("hall"));
  expect(result.current.error).toBeNull();
});

/** How often the page asked for the marks. */
const loadsOf = (server: Server) => server.asked.filter(({ path }) => path === SEEN).length;

test.each([
  [
    "a subscription that was broken though Redis was always heard",
    (server: Server) => {
      server.breaks += 1;
    },
    () => {},
  ],
  [
    "a Redis that was not heard",
    (server: Server) => {
      server.heard = false;
      server.heartbeat(EVENTS);
    },
    (server: Server) => {
      server.heard = true;
    },
  ],
])("a mark that was told meanwhile is found after %s", async (_, breaks, mends) => {
  const server = await hostForTest();
  server.heard = true;
  elasticTime();
  publish(server, 7);
  const result = open();
  const event = await eventOf(result, 7);
  await until(() => expect(loadsOf(server)).toBe(1));
  breaks(server);
  server.seen.set("7", { at: new Date().toISOString(), by: "hall", risk_level: "high" });
  await pass(50);
  mends(server);
  server.heartbeat(EVENTS);
  await jump(6_000);
  await until(() => expect(seenBy(result, event)).toBe("hall"));
  await jump(30_000);
  expect(loadsOf(server)).toBe(2);
});

test("pages that all learn at once that they may have missed a mark ask one after the other", async () => {
  const server = await hostForTest();
  server.heard = true;
  elasticTime();
  const random = vi.spyOn(Math, "random").mockReturnValue(0.9);
  onTestFinished(() => random.mockRestore());
  open();
  await until(() => expect(loadsOf(server)).toBe(1));
  server.breaks = 1;
  server.heartbeat(EVENTS);
  await jump(3_000);
  expect(loadsOf(server)).toBe(1);
  await jump(3_000);
  await until(() => expect(loadsOf(server)).toBe(2));
});

test("a page that is shown asks now and then though nothing tells it to, a hidden one once it is shown", async () => {
  const server = await hostForTest();
  vi.useFakeTimers({ shouldAdvanceTime: true, toFake: ["setTimeout", "clearTimeout"] });
  onTestFinished(() => void vi.useRealTimers());
  open();
  await until(() => expect(loadsOf(server)).toBe(1));
  await pass(50);
  await vi.advanceTimersByTimeAsync(905_000);
  await until(() => expect(loadsOf(server)).toBe(2));
  await pass(50);
  const state = vi.spyOn(document, "visibilityState", "get").mockReturnValue("hidden");
  onTestFinished(() => state.mockRestore());
  await vi.advanceTimersByTimeAsync(1_000_000);
  expect(loadsOf(server)).toBe(2);
  state.mockReturnValue("visible");
  document.dispatchEvent(new Event("visibilitychange"));
  await vi.advanceTimersByTimeAsync(6_000);
  await until(() => expect(loadsOf(server)).toBe(3));
});

test("while the marks are not known, what the history says of its events is", async () => {
  const server = await hostForTest();
  publish(server, 7);
  publish(server, 8);
  server.seen.set("7", { at: new Date().toISOString(), by: "hall", risk_level: "high" });
  server.answers.set(SEEN, { status: 503, body: '{"detail":"no Redis"}' });
  const result = open();
  const [seven, eight] = [await eventOf(result, 7), await eventOf(result, 8)];
  await until(() => expect(seenBy(result, seven)).toBe("hall"));
  expect([seven, eight].map(result.current.knows)).toEqual([true, true]);
  publish(server, 9);
  expect(result.current.knows(await eventOf(result, 9))).toBe(false);
  // What is told is newer.
  server.markAsSeen("7", "hall", null, { undone: true });
  await until(() => expect(seenBy(result, seven)).toBeNull());
});

test("marks that could not be loaded in an outage are loaded as soon as it is over", async () => {
  const server = await hostForTest();
  server.heard = false;
  elasticTime();
  const missing = { status: 503, body: '{"detail":"no Redis"}' };
  server.answers.set(SEEN, missing);
  const result = open();
  await jump(60_000);
  const loads = loadsOf(server);
  expect(loads).toBeGreaterThan(1);
  server.answers.delete(SEEN);
  server.heard = true;
  server.heartbeat(EVENTS);
  await jump(6_000);
  await until(() => expect(loadsOf(server)).toBe(loads + 1));
  publish(server, 7);
  const event = await eventOf(result, 7);
  await until(() => expect(result.current.knows(event)).toBe(true));
});

test("that a change was refused is said until it is done, by a new try too, or no news any more", async () => {
  const server = await hostForTest();
  server.heard = true;
  elasticTime();
  publish(server, 7);
  const result = open();
  const event = await eventOf(result, 7);
  const path = "POST /api/events/7/seen?risk_level=high";
  const refuse = async () => {
    server.answers.set(path, { status: 503, body: '{"detail":"Redis refuses writes"}' });
    await result.current.mark(event);
    await until(() => expect(result.current.refused?.event.key).toBe(event.key));
  };
  await refuse();
  await jump(31_000);
  await until(() => expect([result.current.error, result.current.refused]).toEqual([null, null]));
  await refuse();
  server.breaks = 1;
  server.heartbeat(EVENTS);
  await until(() => expect(result.current.error).toBeNull());
  await refuse();
  server.answers.delete(path);
  await result.current.refused?.retry();
  await until(() => expect(seenBy(result, event)).toBe("kitchen"));
  expect(result.current.error).toBeNull();
});

test("a page that begins to show it while others listen already knows at once", async () => {
  const server = await hostForTest();
  publish(server, 7);
  const first = renderHook(() => page.useEventStream());
  onTestFinished(first.unmount);
  await until(() => expect(first.result.current.pulse).not.toBeNull());
  await pass(50);
  server.seen.set("7", { at: new Date().toISOString(), by: "hall", risk_level: "high" });
  const result = open();
  const event = await eventOf(result, 7);
  await until(() => expect(seenBy(result, event)).toBe("hall"));
});

test.each([
  ["read", false],
  ["act", true],
  ["admin", true],
])("who has the scope %s may act: %s", async (scope, mayAct) => {
  const server = await hostForTest();
  server.session = { ...server.session, scope };
  const result = open();
  expect(result.current.mayAct).toBeNull();
  await until(() => expect(result.current.mayAct).toBe(mayAct));
});

test("services of before, which know neither sessions nor marks, are no trouble", async () => {
  const server = await hostForTest();
  const none = { status: 404, body: '{"detail":"Not Found"}' };
  server.answers.set(SEEN, none);
  server.answers.set("/api/session", none);
  publish(server, 7);
  const result = open();
  const event = await eventOf(result, 7);
  await until(() => expect(result.current.mayAct).toBe(false));
  expect([seenBy(result, event), result.current.error]).toEqual([null, null]);
});
