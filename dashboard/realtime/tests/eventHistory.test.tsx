// @vitest-environment jsdom
import { cleanup, configure, renderHook } from "@testing-library/react";
import type { ReactNode } from "react";
import { SWRConfig } from "swr";
import { afterEach, beforeEach, expect, test, vi } from "vitest";
import type { EventFilters } from "../src";
import { elasticTime, hostForTest, jump, pass, until } from "./page";
import type { Server } from "./server";

const EVENTS = "/ws/events";
const MINUTE = 60_000;

/** The library, of a page that was opened just now. */
let page: typeof import("../src");

beforeEach(async () => {
  configure({ reactStrictMode: true });
  vi.resetModules();
  page = await import("../src");
});

afterEach(cleanup);

function use<T>(hook: () => T) {
  const cache = new Map();
  const wrapper = ({ children }: { children: ReactNode }) => (
    <SWRConfig value={{ provider: () => cache, dedupingInterval: 0 }}>{children}</SWRConfig>
  );
  return renderHook(hook, { wrapper });
}

function event(id: number, data: object = {}) {
  return {
    type: "event",
    data: { event_id: id, camera_id: "door", summary: `No. ${id}`, ...data },
  };
}

function publish(server: Server, count: number): void {
  for (let id = 1; id <= count; id += 1) {
    server.publish(EVENTS, event(id), { ago: (count - id) * MINUTE });
  }
}

function useHistory(filters: Partial<EventFilters> = {}) {
  const { result, unmount } = use(() => page.useEventHistory(filters));
  const ids = () => result.current.events.map(({ id }) => id);
  return { result, unmount, ids };
}

/** The questions for the history, without those of the last minutes that the feed asks. */
function asked(server: Server): URLSearchParams[] {
  return server.asked
    .filter(({ path }) => path.startsWith("/api/events?") && path.includes("from="))
    .map(({ path }) => new URLSearchParams(path.split("?")[1]));
}

test("a history is loaded page by page to its beginning, each event once and in order", async () => {
  const server = await hostForTest();
  publish(server, 450);
  const { result, ids } = useHistory();
  await until(() => expect(ids()).toHaveLength(200));
  expect(result.current).toMatchObject({ isWhole: false, isLoading: false });
  for (const count of [400, 450]) {
    result.current.more();
    // A second one meanwhile asks for nothing.
    result.current.more();
    await until(() => expect(ids()).toHaveLength(count));
  }
  await until(() => expect(result.current).toMatchObject({ isWhole: true, error: null }));
  expect(ids()).toEqual(Array.from({ length: 450 }, (_, index) => 450 - index));
  result.current.more();
  expect(asked(server)).toHaveLength(3);
});

test("what comes is at the top at once, of what is wanted and nothing else, and once", async () => {
  const server = await hostForTest();
  publish(server, 3);
  const { result, ids } = useHistory({ levels: ["high"] });
  await until(() => expect(result.current.isWhole).toBe(true));
  server.publish(EVENTS, event(4, { risk_level: "low" }));
  server.publish(EVENTS, event(5, { risk_level: "high" }));
  // What has no cursor is in no history.
  server.say(EVENTS, event(6, { risk_level: "high" }));
  await until(() => expect(ids()[0]).toBe(5));
  server.publish(EVENTS, event(5, { risk_level: "high", summary: "told again" }));
  await until(() => expect(result.current.events[0]?.summary).toBe("told again"));
  expect(ids().filter((id) => id !== null && id > 3)).toEqual([5]);
});

test.each<[string, Partial<EventFilters>, object, object]>([
  ["level", { levels: ["low"] }, { risk_level: "low" }, { risk_level: "high" }],
  ["risk", { minScore: 60 }, { risk_score: 80 }, { risk_score: 10 }],
  ["text", { text: "cat" }, { summary: "A cat" }, { summary: "A burglar" }],
])(
  "an event that is told again leaves a list whose %s it fits no more",
  async (_, filters, was, is) => {
    const server = await hostForTest();
    const { ids } = useHistory(filters);
    await until(() => expect(asked(server)).toHaveLength(1));
    await pass(50);
    server.publish(EVENTS, event(7, was));
    server.publish(EVENTS, event(8, was));
    await until(() => expect(ids()).toEqual([8, 7]));
    server.publish(EVENTS, event(7, is));
    await until(() => expect(ids()).toEqual([8]));
    server.publish(EVENTS, event(7, was));
    await until(() => expect(ids()).toEqual([7, 8]));
  },
);

test("what was told of an event before comes with no older page", async () => {
  const server = await hostForTest();
  publish(server, 300);
  const { result, ids } = useHistory({ text: "No" });
  await until(() => expect(ids()).toHaveLength(200));
  server.publish(EVENTS, event(1, { summary: "A cat" }));
  server.publish(EVENTS, event(301));
  await until(() => expect(ids()[0]).toBe(301));
  result.current.more();
  await until(() => expect(result.current.isWhole).toBe(true));
  expect(ids().at(-1)).toBe(2);
});

test("of what somebody has seen, an event that got graver leaves the list, and goes to the other", async () => {
  const server = await hostForTest();
  const { ids } = useHistory({ seen: true });
  const others = useHistory({ seen: false });
  await until(() => expect(asked(server)).toHaveLength(2));
  await pass(50);
  server.markAsSeen("7", "hall", "high");
  server.publish(EVENTS, event(7, { risk_level: "high" }));
  await until(() => expect(ids()).toEqual([7]));
  expect(others.ids()).toEqual([]);
  server.publish(EVENTS, event(7, { risk_level: "critical" }));
  await until(() => expect([ids(), others.ids()]).toEqual([[], [7]]));
});

test("a page that slept gets all that it missed", async () => {
  const server = await hostForTest();
  publish(server, 5);
  elasticTime();
  const { result, ids } = useHistory();
  await until(() => expect(result.current.isWhole).toBe(true));
  await until(() => expect(server.open(EVENTS)).toBe(1));
  server.drop();
  for (let id = 6; id <= 305; id += 1) server.publish(EVENTS, event(id));
  await jump(3_000);
  await until(() => expect(ids()).toEqual(Array.from({ length: 305 }, (_, index) => 305 - index)));
});

test("a history that was lost meanwhile is read again", async () => {
  const server = await hostForTest();
  publish(server, 5);
  elasticTime();
  const { result, ids } = useHistory();
  await until(() => expect(ids()).toHaveLength(5));
  await until(() => expect(server.open(EVENTS)).toBe(1));
  server.drop();
  server.trim(EVENTS);
  server.publish(EVENTS, event(9));
  await jump(3_000);
  await until(() => expect(ids()).toEqual([9]));
  await until(() => expect(result.current.isWhole).toBe(true));
});

test("answers with few events and more to look through are followed by themselves", async () => {
  const server = await hostForTest();
  const entry = (id: number) => ({
    cursor: `${id}-0`,
    arrived_at: new Date(id).toISOString(),
    message: event(id),
  });
  const answer = (ids: number[], next: string | null) => ({
    status: 200,
    body: JSON.stringify({
      now: new Date().toISOString(),
      heard: true,
      complete: false,
      known_since: null,
      cursor: "900-0",
      events: ids.map(entry),
      next,
    }),
  });
  const path = (before: string) =>
    `/api/events?q=cat&from=1970-01-01T00%3A00%3A00Z&limit=200${before && `&before=${before}`}`;
  server.answers.set(path(""), answer([], "800-0"));
  const release = server.hold(path("800-0"));
  server.answers.set(path("100-0"), answer([50], null));
  const { result, ids } = useHistory({ text: "cat" });
  await until(() => expect(result.current).toMatchObject({ isLoading: true, lookedBackTo: 800 }));
  release(answer([200], "100-0"));
  await until(() => expect(result.current.isWhole).toBe(true));
  expect(ids()).toEqual([200, 50]);
});

test("a history that cannot be had says why, and is asked for again", async () => {
  const server = await hostForTest();
  publish(server, 2);
  const path = "/api/events?from=1970-01-01T00%3A00%3A00Z&limit=200";
  server.answers.set(path, { status: 503, body: '{"detail":"Redis does not answer"}' });
  elasticTime();
  const { result, ids } = useHistory();
  await until(() => expect(result.current.error?.message).toBe("Redis does not answer"));
  expect(result.current.isLoading).toBe(false);
  server.answers.delete(path);
  await jump(6_000);
  await until(() => expect(ids()).toEqual([2, 1]));
  expect(result.current.error).toBeNull();
});

test("useEvent shows what the page knows at once, and then all of it with its neighbours", async () => {
  const server = await hostForTest();
  publish(server, 3);
  const { result: list } = useHistory();
  await until(() => expect(list.current.events).toHaveLength(3));
  const cursor = list.current.events[1]?.key ?? "";
  const release = server.hold(`/api/events/${cursor}`);
  const { result } = use(() => page.useEvent(cursor));
  expect(result.current).toMatchObject({ event: { id: 2 }, message: null, previous: null });
  const [newer, , older] = list.current.events;
  const entry = { cursor, arrived_at: new Date().toISOString(), message: event(2, { odd: true }) };
  const body = { event: entry, previous: older?.key, next: newer?.key, now: "" };
  release({ status: 200, body: JSON.stringify(body) });
  await until(() => expect(result.current.message).toEqual(event(2, { odd: true })));
  expect(result.current).toMatchObject({
    previous: older?.key,
    next: newer?.key,
    missing: null,
    error: null,
  });
});

test("useEvent says that there is no such event, or why nobody can say", async () => {
  const server = await hostForTest();
  const gone = use(() => page.useEvent("1-0"));
  await until(() => expect(gone.result.current.missing).toBe("no such event"));
  expect(gone.result.current).toMatchObject({ event: null, error: null });
  server.answers.set("/api/events/odd", { status: 400, body: '{"detail":"no cursor"}' });
  const odd = use(() => page.useEvent("odd"));
  await until(() => expect(odd.result.current.error).toMatchObject({ status: 400 }));
  server.answers.set("/api/events/2-0", { status: 503, body: '{"detail":"Redis is away"}' });
  const away = use(() => page.useEvent("2-0"));
  await until(() => expect(away.result.current.error?.message).toBe("Redis is away"));
});

test("the newest event of a camera gets a next one when that has come", async () => {
  const server = await hostForTest();
  const cursor = server.publish(EVENTS, event(1));
  const { result } = use(() => page.useEvent(cursor));
  await until(() => expect(result.current).toMatchObject({ event: { id: 1 }, next: null }));
  await until(() => expect(server.open(EVENTS)).toBe(1));
  const next = server.publish(EVENTS, event(2));
  await until(() => expect(result.current.next).toBe(next));
});
