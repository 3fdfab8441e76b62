// @vitest-environment jsdom
import {
  cleanup,
  configure,
  type RenderHookResult,
  render,
  renderHook,
} from "@testing-library/react";
import { type ReactNode, StrictMode } from "react";
import { SWRConfig } from "swr";
import { afterEach, beforeEach, expect, onTestFinished, test, vi } from "vitest";
import type { Message, RaisedAlertData, RealtimeProviderProps } from "../src";
import { figuresAt, golden } from "./golden";
import { elasticTime, hostForTest, jump, until, visit } from "./page";
import type { Server } from "./server";

const EVENTS = "/ws/events";
const SYSTEM = "/ws/system";
const LOGS = "/ws/jobs/import-7/logs";
const STATUS = golden("system_status");
const MINUTE = 60_000;

/** The library, of a page that was opened just now. */
let page: typeof import("../src");

beforeEach(async () => {
  // Effects run twice, renders too: whatever depends on running once shows.
  configure({ reactStrictMode: true });
  vi.resetModules();
  page = await import("../src");
});

afterEach(cleanup);

/** Show hooks, with a cache of requests that is this test's own. */
function use<T, P = undefined>(
  hook: (props: P) => T,
  ...initial: P extends undefined ? [] : [NoInfer<P>]
): RenderHookResult<T, P> {
  const cache = new Map();
  const wrapper = ({ children }: { children: ReactNode }) => (
    <SWRConfig value={{ provider: () => cache, dedupingInterval: 0 }}>{children}</SWRConfig>
  );
  return renderHook(hook, { wrapper, initialProps: initial[0] as P });
}

function event(id: number) {
  return { type: "event", data: { event_id: id, camera_id: `camera_${id % 3}` } };
}

function line(message: string) {
  return { type: "log", data: { timestamp: "2026-01-17T10:32:05Z", level: "INFO", message } };
}

/** One of several components that show the same. */
function Part({ name }: { name: string }) {
  const { connectionState, lastMessage } = page.useWebSocket("/ws/x", { start: "tail=0" });
  return <p>{`${name} ${connectionState} ${JSON.stringify(lastMessage?.data)}`}</p>;
}

test("all components that ask for a path share one socket, which closes when the last one is gone", async () => {
  const server = await hostForTest();
  const all = ["a", "b", "c"];
  const parts = (names: string[]) => (
    <StrictMode>
      {names.map((name) => (
        <Part key={name} name={name} />
      ))}
    </StrictMode>
  );
  const { container, rerender } = render(parts(all));
  await until(() => expect(server.open("/ws/x")).toBe(1));
  server.publish("/ws/x", { type: "event", data: 1 });
  await until(() => expect(container.textContent).toBe("a live 1b live 1c live 1"));
  rerender(parts(["b"]));
  server.publish("/ws/x", { type: "event", data: 2 });
  await until(() => expect(container.textContent).toBe("b live 2"));
  rerender(parts([]));
  await until(() => expect(server.open("/ws/x")).toBe(0));
  expect(server.urls("/ws/x")).toEqual(["/ws/x?tail=0"]);
});

test("useWebSocket tells how the connection is, and comes back", async () => {
  const server = await hostForTest();
  elasticTime();
  const { result } = use(() => page.useWebSocket("/ws/x"));
  expect(result.current).toMatchObject({
    isConnected: false,
    connectionState: "connecting",
    lastMessage: null,
    staleSince: null,
    reconnectCount: 0,
    ended: null,
  });
  await until(() => expect(result.current).toMatchObject({ connectionState: "live" }));
  expect(result.current.isConnected).toBe(true);
  server.drop();
  await until(() => expect(result.current.isConnected).toBe(false));
  expect(result.current.staleSince).not.toBeNull();
  await jump(2_000);
  await until(() => expect(result.current).toMatchObject({ isConnected: true, reconnectCount: 1 }));
  server.close(4403, { reason: "not from there" });
  await until(() => expect(result.current.connectionState).toBe("closed"));
  expect(result.current).toMatchObject({
    isConnected: false,
    ended: { code: 4403, reason: "not from there" },
  });
  result.current.reconnect();
  await until(() => expect(result.current).toMatchObject({ isConnected: true, staleSince: null }));
});

test("every message reaches onMessage, of 1,000 at once, and they are shown once per frame", async () => {
  const server = await hostForTest();
  const heard: unknown[] = [];
  let [renders, frames, counting] = [0, 0, true];
  const { result } = use(() => {
    renders += 1;
    // A new function each time, as most are.
    return page.useWebSocket("/ws/x", { onMessage: ({ data }: Message) => heard.push(data) });
  });
  await until(() => expect(result.current.isConnected).toBe(true));
  const count = () => {
    frames += 1;
    if (counting) requestAnimationFrame(count);
  };
  requestAnimationFrame(count);
  renders = 0;
  for (let n = 0; n < 1_000; n += 1) server.say("/ws/x", { type: "event", data: n });
  await until(() => expect(result.current.lastMessage?.data).toBe(999));
  counting = false;
  expect(heard).toEqual(Array.from({ length: 1_000 }, (_, n) => n));
  // StrictMode renders twice.
  expect(renders).toBeLessThanOrEqual(2 * (frames + 2));
  expect(renders).toBeLessThan(400);
});

test("another path is another connection, whose messages are not the last one's", async () => {
  const server = await hostForTest();
  const { result, rerender } = use((path: string) => page.useWebSocket(path), "/ws/a");
  await until(() => expect(server.open("/ws/a")).toBe(1));
  server.say("/ws/a", { type: "event", data: "of a" });
  await until(() => expect(result.current.lastMessage?.data).toBe("of a"));
  rerender("/ws/b");
  expect(result.current).toMatchObject({ lastMessage: null, isConnected: false });
  await until(() => expect(server.open("/ws/b")).toBe(1));
  server.say("/ws/b", { type: "event", data: "of b" });
  await until(() => expect(result.current.lastMessage?.data).toBe("of b"));
  await until(() => expect(server.open("/ws/a")).toBe(0));
  expect(server.peers).toHaveLength(2);
});

test("useEventStream shows each event once, whatever breaks", async () => {
  const server = await hostForTest();
  for (const id of [1, 2, 3]) server.publish(EVENTS, event(id));
  elasticTime();
  const { result } = use(() => page.useEventStream());
  const ids = () => result.current.events.map(({ event_id }) => event_id);
  await until(() => expect(ids()).toEqual([3, 2, 1]));
  expect(result.current.latestEvent?.event_id).toBe(3);
  let id = 3;
  for (const breaks of [() => server.drop(), () => server.close(1012), () => server.close(4408)]) {
    breaks();
    await until(() => expect(result.current.isConnected).toBe(false));
    id += 1;
    server.publish(EVENTS, event(id));
    await jump(5_000);
    await until(() => expect(ids()[0]).toBe(id));
  }
  expect(ids()).toEqual([6, 5, 4, 3, 2, 1]);
  expect(result.current).toMatchObject({ reconnectCount: 3, gapAt: null, isConnected: true });
  expect(result.current.lastByCamera.get("camera_1")?.id).toBe(4);
  result.current.clearEvents();
  await until(() => expect(result.current).toMatchObject({ events: [], latestEvent: null }));
});

test("useEventStream says when events are missing, and shows what follows", async () => {
  const server = await hostForTest();
  server.publish(EVENTS, event(1));
  elasticTime();
  const { result } = use(() => page.useEventStream());
  await until(() => expect(result.current.latestEvent?.event_id).toBe(1));
  server.drop();
  await until(() => expect(result.current.isConnected).toBe(false));
  server.trim(EVENTS);
  server.publish(EVENTS, event(7));
  await jump(2_000);
  await until(() => expect(result.current.events.map(({ event_id }) => event_id)).toEqual([7]));
  expect(result.current.gapAt).not.toBeNull();
});

test("from one page to the next the connection stays, and so does what it showed", async () => {
  const server = await hostForTest();
  server.publish(EVENTS, event(1));
  elasticTime();
  const first = use(() => page.useEventStream());
  const beside = use(() => page.useEventStream());
  await until(() => expect(first.result.current.events).toHaveLength(1));
  first.unmount();
  beside.unmount();
  await jump(1_000);
  const { result, unmount } = use(() => page.useEventStream());
  expect(result.current.events).toHaveLength(1);
  expect(result.current.isConnected).toBe(true);
  await jump(5_000);
  expect(server.urls(EVENTS)).toEqual([`${EVENTS}?tail=100`]);
  unmount();
  await jump(3_000);
  await until(() => expect(server.open()).toBe(0));
});

test("useSystemStatus shows the latest status, and that it is late though the connection answers", async () => {
  const server = await hostForTest();
  server.greetings.set(SYSTEM, [STATUS]);
  elasticTime();
  const { result } = use(() => page.useSystemStatus());
  await until(() => expect(result.current.status).toEqual(STATUS.data));
  expect(result.current).toMatchObject({ connectionState: "live", staleSince: null });
  const { heardAt } = result.current;
  await jump(17_000);
  await until(() => expect(result.current.connectionState).toBe("stale"));
  expect(result.current).toMatchObject({ isConnected: true, staleSince: heardAt });
  expect(server.peers[0]?.heard).toContain('{"type":"ping"}');
  server.say(SYSTEM, STATUS);
  await until(() => expect(result.current).toMatchObject({ connectionState: "live" }));
  expect(result.current.staleSince).toBeNull();
});

test("useSystemStatus shows that its replica is degraded, and which services changed", async () => {
  const server = await hostForTest();
  server.greetings.set(SYSTEM, [STATUS, golden("service_status_degraded")]);
  const { result } = use(() => page.useSystemStatus());
  await until(() => expect(result.current.connectionState).toBe("degraded"));
  expect(result.current).toMatchObject({ isConnected: true, staleSince: null });
  expect([...result.current.changes.keys()]).toEqual(["system_broadcaster"]);
  const data = { service: "system_broadcaster", status: "healthy", message: "" };
  server.say(SYSTEM, { type: "service_status", data });
  await until(() => expect(result.current.connectionState).toBe("live"));
});

/** Have the API answer with a history of these minutes, once the returned function is called. */
function holdHistory(server: Server, range: string, minutes: number[]): () => void {
  const points = minutes.map((minute) => figuresAt(minute * MINUTE));
  const answer = server.hold(`/api/performance/history?range=${range}`);
  return () => answer({ status: 200, body: JSON.stringify({ range, points }) });
}

function setHistory(server: Server, range: string, minutes: number[]): void {
  holdHistory(server, range, minutes)();
}

function figures(minute: number) {
  return { type: "performance_update", data: figuresAt(minute * MINUTE) };
}

test("usePerformanceMetrics shows the history and then what comes, over the chosen range", async () => {
  const server = await hostForTest();
  setHistory(server, "5m", [94, 95, 96, 97, 98, 99]);
  server.greetings.set(SYSTEM, [figures(99)]);
  const { result } = use(() => page.usePerformanceMetrics());
  const minutes = () => result.current.history.map(({ at }) => at / MINUTE);
  await until(() => expect(minutes()).toEqual([94, 95, 96, 97, 98, 99]));
  server.say(SYSTEM, figures(100));
  await until(() => expect(minutes()).toEqual([95, 96, 97, 98, 99, 100]));
  expect(result.current).toMatchObject({
    connectionState: "live",
    current: figuresAt(100 * MINUTE),
    alerts: figuresAt(0).alerts,
    timeRange: "5m",
    error: null,
    isLoading: false,
  });
  // While it is loaded, there is what came to this page, and not another range's history.
  const answer = holdHistory(server, "60m", [20, 40, 60, 80, 99]);
  result.current.setTimeRange("60m");
  await until(() => expect(result.current.timeRange).toBe("60m"));
  await until(() => expect(server.asked).toHaveLength(2));
  expect(minutes()).toEqual([99, 100]);
  answer();
  await until(() => expect(minutes()).toEqual([40, 60, 80, 99, 100]));
});

test("usePerformanceMetrics loads again what it missed in a break", async () => {
  const server = await hostForTest();
  setHistory(server, "15m", [90, 91]);
  server.greetings.set(SYSTEM, [figures(91)]);
  elasticTime();
  const { result } = use(() => page.usePerformanceMetrics("15m"));
  const minutes = () => result.current.history.map(({ at }) => at / MINUTE);
  await until(() => expect(minutes()).toEqual([90, 91]));
  await until(() => expect(result.current.current).not.toBeNull());
  setHistory(server, "15m", [90, 91, 92, 93]);
  server.greetings.set(SYSTEM, [figures(94)]);
  server.close(1012);
  await jump(2_000);
  await until(() => expect(minutes()).toEqual([90, 91, 92, 93, 94]));
});

test("figures that stop coming are stale, and shown all the same", async () => {
  const server = await hostForTest();
  setHistory(server, "5m", [91]);
  server.greetings.set(SYSTEM, [figures(91)]);
  elasticTime();
  const { result } = use(() => ({
    latest: page.useLatestPerformance(),
    all: page.usePerformanceMetrics(),
  }));
  await until(() => expect(result.current.latest.current).not.toBeNull());
  expect(result.current.latest).toMatchObject({ connectionState: "live", paused: false });
  const { heardAt } = result.current.latest;
  await jump(17_000);
  await until(() => expect(result.current.latest.paused).toBe(true));
  for (const { connectionState, isConnected, staleSince, current } of [
    result.current.latest,
    result.current.all,
  ]) {
    expect({ connectionState, isConnected, staleSince }).toEqual({
      connectionState: "stale",
      isConnected: true,
      staleSince: heardAt,
    });
    expect(current).toEqual(figuresAt(91 * MINUTE));
  }
});

test("figures that cannot come through Redis are asked for, for all who show them", async () => {
  const server = await hostForTest();
  server.greetings.set(SYSTEM, [figures(91), golden("service_status_degraded")]);
  server.answers.set("/api/performance", {
    status: 200,
    body: JSON.stringify(figuresAt(92 * MINUTE)),
  });
  const { result } = use(() => [page.useLatestPerformance(), page.usePerformanceMetrics()]);
  const shown = { current: figuresAt(92 * MINUTE), polled: true, connectionState: "degraded" };
  await until(() => expect(result.current).toMatchObject([shown, shown]));
  expect(server.asked.filter(({ path }) => path === "/api/performance")).toHaveLength(1);
});

test("a history that cannot be had is an error with its reason, and what comes is shown", async () => {
  const server = await hostForTest();
  server.answers.set("/api/performance/history?range=5m", {
    status: 503,
    body: '{"detail":"Redis does not answer"}',
  });
  server.greetings.set(SYSTEM, [figures(91)]);
  const { result } = use(() => page.usePerformanceMetrics());
  await until(() => expect(result.current.error).not.toBeNull());
  expect(result.current.error).toBeInstanceOf(page.ApiError);
  expect(result.current.error?.message).toBe("Redis does not answer");
  await until(() => expect(result.current.history.map(({ at }) => at)).toEqual([91 * MINUTE]));
});

test("a history is shown though nothing comes live", async () => {
  const server = await hostForTest();
  setHistory(server, "5m", [84, 90, 91]);
  const { result } = use(() => page.usePerformanceMetrics());
  await until(() => expect(result.current.history.map(({ at }) => at / MINUTE)).toEqual([90, 91]));
  expect(result.current).toMatchObject({ current: null, alerts: [] });
});

test("a day is means with their extremes, and then what comes", async () => {
  const server = await hostForTest();
  const trend = { "host.cpu_percent": { mean: [20], low: [10], high: [97] } };
  const body = JSON.stringify({ range: "24h", step: 120, began: [90 * 60], figures: trend });
  server.answers.set("/api/performance/trend?range=24h", { status: 200, body });
  server.greetings.set(SYSTEM, [figures(93)]);
  const { result } = use(() => page.usePerformanceHistory("24h"));
  await until(() => expect(result.current.history).toHaveLength(2));
  const [bin, latest] = result.current.history;
  expect(bin).toMatchObject({ at: 91 * MINUTE, data: { host: { cpu_percent: 20 } } });
  expect(bin?.high?.host?.cpu_percent).toBe(97);
  expect(latest).toEqual({ at: 93 * MINUTE, data: figuresAt(93 * MINUTE) });
  expect(result.current.isLoaded).toBe(true);
});

const HOT = golden("alert").data as RaisedAlertData;

function setAlerts(server: Server, asOf: number, alerts: readonly RaisedAlertData[]): void {
  const limits = { gpu_temperature: { warning: 75, critical: 85, unit: "C" } };
  const body = JSON.stringify({ as_of: new Date(asOf).toISOString(), alerts, limits });
  server.answers.set("/api/alerts?active=1", { status: 200, body });
}

function update(minute: number, raised?: readonly RaisedAlertData[]) {
  const { severity, metric, value, threshold, message } = HOT;
  const alerts = [{ severity, metric, value, threshold, message }];
  const data = { ...figuresAt(minute * MINUTE), alerts, ...(raised && { raised }) };
  return { type: "performance_update", data };
}

test("useActiveAlerts loads the active alerts, and then follows each update", async () => {
  const server = await hostForTest();
  setAlerts(server, 90 * MINUTE, [HOT]);
  const { result } = use(() => page.useActiveAlerts());
  expect(result.current).toMatchObject({ active: null, asOf: null, error: null });
  await until(() => expect(result.current.active).toEqual([HOT]));
  expect(result.current.limits).toMatchObject({ gpu_temperature: { warning: 75, unit: "C" } });
  await until(() => expect(server.open(SYSTEM)).toBe(1));
  const hotter = { ...HOT, value: 90, peak: 90 };
  server.say(SYSTEM, update(91, [hotter]));
  await until(() => expect(result.current.active).toEqual([hotter]));
  expect(result.current.asOf).toBe(91 * MINUTE);
  server.say(SYSTEM, update(92, []));
  await until(() => expect(result.current.active).toEqual([]));
  expect(server.asked).toHaveLength(1);
});

test("useActiveAlerts does not take an update without word of them for none", async () => {
  const server = await hostForTest();
  setAlerts(server, 90 * MINUTE, [HOT]);
  server.greetings.set(SYSTEM, [update(91)]);
  const { result } = use(() => page.useActiveAlerts());
  await until(() => expect(result.current.active).toEqual([HOT]));
  expect(result.current.asOf).toBe(90 * MINUTE);
});

test("useActiveAlerts asks while no update comes, and shows the newer of what it knows", async () => {
  const server = await hostForTest();
  setAlerts(server, 90 * MINUTE, []);
  server.greetings.set(SYSTEM, [update(91, [HOT])]);
  elasticTime();
  const { result } = use(() => page.useActiveAlerts());
  await until(() => expect(result.current.active).toEqual([HOT]));
  expect(result.current.exceeding).toHaveLength(1);
  setAlerts(server, 92 * MINUTE, []);
  await jump(17_000);
  await until(() => expect(result.current.paused).toBe(true));
  expect(result.current.exceeding).toBeNull();
  await jump(6_000);
  await until(() => expect(result.current.active).toEqual([]));
  expect(result.current.asOf).toBe(92 * MINUTE);
});

test("useActiveAlerts does not say that there are none where it cannot know", async () => {
  const server = await hostForTest();
  server.answers.set("/api/alerts?active=1", { status: 503, body: '{"detail":"no Redis"}' });
  const { result } = use(() => page.useActiveAlerts());
  await until(() => expect(result.current.error?.message).toBe("no Redis"));
  expect(result.current.active).toBeNull();
});

test("useAlertHistory loads what has ended when it is wanted, and again when an alert ends", async () => {
  const server = await hostForTest();
  setAlerts(server, 90 * MINUTE, [HOT]);
  const over = { ...HOT, id: "over", ended: "2024-01-15T10:40:00Z" };
  const setHistory = (alerts: readonly RaisedAlertData[]) => {
    const body = JSON.stringify({ as_of: "2024-01-15T10:41:00Z", alerts, limits: {} });
    server.answers.set("/api/alerts", { status: 200, body });
  };
  setHistory([HOT, over]);
  const { result, rerender } = use((wanted: boolean) => page.useAlertHistory(wanted), false);
  await until(() => expect(server.asked).toHaveLength(1));
  expect(result.current.ended).toBeNull();
  rerender(true);
  await until(() => expect(result.current.ended).toEqual([over]));
  const ended = { ...HOT, ended: "2024-01-15T10:42:00Z" };
  setHistory([ended, over]);
  server.say(SYSTEM, update(91, []));
  await until(() => expect(result.current.ended).toEqual([ended, over]));
});

test("useAlertSeen says at once that an alert was seen, and why that was refused", async () => {
  const server = await hostForTest();
  server.answers.set("/api/session", { status: 200, body: '{"name":"mother","scope":"act"}' });
  const seen = { at: "2024-01-15T10:41:00Z", by: "mother" };
  const path = `/api/alerts/${HOT.id}/seen`;
  server.answers.set(`POST ${path}`, { status: 200, body: JSON.stringify({ id: HOT.id, seen }) });
  const { result } = use(() => ({ ...page.useAlertSeen(HOT), events: page.useSeen().mayAct }));
  await until(() => expect(result.current.mayAct).toBe(true));
  expect(result.current.events).toBe(true);
  expect(result.current.seen).toBeNull();
  await result.current.mark();
  await until(() => expect(result.current.seen).toEqual(seen));
  server.answers.set(`DELETE ${path}`, {
    status: 403,
    body: '{"detail":"this key may only read"}',
  });
  await result.current.undo();
  await until(() => expect(result.current.error?.message).toBe("this key may only read"));
  expect(result.current.seen).toEqual(seen);
});

test("useJobLogs shows all lines, identical ones too, and how the job ended", async () => {
  const server = await hostForTest();
  const { result } = use(() => page.useJobLogs("import-7"));
  await until(() => expect(result.current.connectionState).toBe("live"));
  expect(result.current).toMatchObject({ status: null, exitCode: null, trimmed: false });
  const { version } = result.current;
  for (const text of ["same", "same", "same", "last"]) server.publish(LOGS, line(text));
  await until(() => expect(result.current.logs.end).toBe(4));
  expect([0, 1, 2, 3].map((number) => result.current.logs.at(number)?.text)).toEqual([
    "same",
    "same",
    "same",
    "last",
  ]);
  await until(() => expect(result.current.status).toBe("running"));
  expect(result.current.version).toBeGreaterThan(version);
  server.publish(LOGS, golden("end"));
  server.close(1000);
  await until(() => expect(result.current.connectionState).toBe("closed"));
  expect(result.current).toMatchObject({ status: "completed", hasExhaustedRetries: false });
  expect(server.urls(LOGS)).toEqual([`${LOGS}?since=0-0`]);
});

test("a job whose log was cleared still runs", async () => {
  const server = await hostForTest();
  const { result } = use(() => page.useJobLogs("import-7"));
  await until(() => expect(server.open()).toBe(1));
  server.publish(LOGS, line("one"));
  await until(() => expect(result.current.status).toBe("running"));
  const { version } = result.current;
  result.current.clearLogs();
  await until(() => expect(result.current.version).toBeGreaterThan(version));
  expect(result.current.logs.end).toBe(result.current.logs.first);
  expect(result.current.status).toBe("running");
});

test("a job that died without an end is not said to run", async () => {
  const server = await hostForTest();
  const { result } = use(() => page.useJobLogs("import-7"));
  await until(() => expect(server.open()).toBe(1));
  server.publish(LOGS, line("one"));
  server.close(1000);
  await until(() => expect(result.current.connectionState).toBe("closed"));
  expect(result.current).toMatchObject({ status: null, hasExhaustedRetries: false });
});

test("useJobLogs says when it will not try again by itself", async () => {
  const server = await hostForTest();
  const { result } = use(() => page.useJobLogs("import-7"));
  await until(() => expect(result.current.connectionState).toBe("live"));
  expect(result.current.hasExhaustedRetries).toBe(false);
  server.close(4403);
  await until(() => expect(result.current.hasExhaustedRetries).toBe(true));
  result.current.reconnect();
  await until(() => expect(result.current.hasExhaustedRetries).toBe(false));
});

test("another job is another log", async () => {
  const server = await hostForTest();
  const { result, rerender } = use((id: string) => page.useJobLogs(id), "import-7");
  await until(() => expect(server.open()).toBe(1));
  server.publish(LOGS, line("one"));
  await until(() => expect(result.current.logs.end).toBe(1));
  rerender("import-8");
  expect(result.current.logs.end).toBe(0);
  expect(result.current.status).toBeNull();
  await until(() => expect(server.open("/ws/jobs/import-8/logs")).toBe(1));
});

test("one key, entered once, opens all of a page", async () => {
  const server = await hostForTest();
  server.key = "right";
  setHistory(server, "5m", [90]);
  server.greetings.set(SYSTEM, [figures(91)]);
  elasticTime();
  const { result } = use(() => ({
    events: page.useEventStream(),
    system: page.useSystemStatus(),
    figures: page.usePerformanceMetrics(),
    log: page.useJobLogs("import-7"),
    keys: page.useCredentials(),
  }));
  const states = () => {
    const { keys: _, ...streams } = result.current;
    return Object.values(streams).map(({ connectionState }) => connectionState);
  };
  const { credentials } = result.current.keys;
  await until(() => expect(new Set(states())).toEqual(new Set(["closed"])));
  await until(() => expect(result.current.figures.error).not.toBeNull());
  expect(credentials.get()).toEqual({ key: null, refused: "This home asks for an API key." });
  credentials.use("wrong");
  await until(() => expect(server.peers).toHaveLength(6));
  await until(() => expect(new Set(states())).toEqual(new Set(["closed"])));
  await jump(10_000);
  expect(credentials.get().key).toBeNull();
  expect(credentials.get().refused).toMatch(/^This key was refused/);
  credentials.use("right");
  await until(() => expect(new Set(states())).toEqual(new Set(["live"])));
  await until(() => expect(result.current.figures.history).toHaveLength(2));
  expect(server.asked.at(-1)?.key).toBe("right");
  const urls = [...server.peers.map(({ url }) => url), ...server.asked.map(({ path }) => path)];
  expect(urls.filter((url) => /right|wrong/.test(url))).toEqual([]);
});

const DOOR = { id: "door", name: "Door", status: "online", last_seen_at: null };

test("useCameras shows the list, and asks again when there is a hint that it changed", async () => {
  const server = await hostForTest();
  const list = (cameras: object[]) =>
    server.answers.set("/api/cameras", { status: 200, body: JSON.stringify(cameras) });
  list([DOOR, { id: 5 }]);
  elasticTime();
  const { result } = use(() => page.useCameras());
  await until(() => expect(result.current.cameras).toEqual([DOOR]));
  await until(() => expect(server.open(EVENTS)).toBe(1));
  await jump(2_000);
  const before = server.asked.length;
  await jump(5_000);
  expect(server.asked).toHaveLength(before);
  const lawn = { ...DOOR, id: "lawn" };
  list([DOOR, lawn]);
  server.say(EVENTS, { type: "camera_added", data: {} });
  await jump(2_000);
  await until(() => expect(result.current.cameras).toEqual([DOOR, lawn]));
  expect(server.asked).toHaveLength(before + 1);
  expect(result.current).toMatchObject({ isLoading: false, error: null });
  // The counts may be the same: another one came back.
  const gone = { ...DOOR, status: "offline" };
  list([gone, lawn]);
  server.say(SYSTEM, golden("camera_status"));
  await jump(2_000);
  await until(() => expect(result.current.cameras).toEqual([gone, lawn]));
  expect(server.asked).toHaveLength(before + 2);
});

test("useJobs shows the list, keeps it when the next one cannot be had, and says why", async () => {
  const server = await hostForTest();
  const job = { id: "import-7", status: "running", started_at: null, ended_at: null, lines: 3 };
  server.answers.set("/api/jobs?limit=100", { status: 200, body: JSON.stringify([job]) });
  elasticTime();
  const { result } = use(() => page.useJobs());
  expect(result.current.jobs).toBeNull();
  await until(() => expect(result.current.jobs).toEqual([job]));
  server.answers.set("/api/jobs?limit=100", { status: 503, body: '{"detail":"no Redis"}' });
  await jump(6_000);
  await until(() => expect(result.current.error?.message).toBe("no Redis"));
  expect(result.current.jobs).toEqual([job]);
});

test("what found no answer is asked again as soon as a connection opens, however often it failed", async () => {
  vi.spyOn(Math, "random").mockReturnValue(0);
  onTestFinished(() => void vi.restoreAllMocks());
  const server = await hostForTest();
  const path = "/api/jobs?limit=100";
  server.answers.set(path, { status: 503, body: '{"detail":"no Redis"}' });
  elasticTime();
  const { result } = use(() => ({ jobs: page.useJobs(), socket: page.useWebSocket("/ws/x") }));
  const asked = () => server.asked.filter((one) => one.path === path).length;
  await until(() => expect(result.current.socket.isConnected).toBe(true));
  for (const failures of [1, 2, 3, 4]) {
    await until(() => expect(asked()).toBeGreaterThanOrEqual(failures));
    await until(() => expect(result.current.jobs.error?.message).toBe("no Redis"));
    await jump(15_000);
  }
  const before = asked();
  server.answers.set(path, { status: 200, body: "[]" });
  server.drop();
  await until(() => expect(result.current.socket.isConnected).toBe(false));
  await jump(1_500);
  await until(() => expect(result.current.socket.isConnected).toBe(true));
  await jump(1_000);
  await until(() => expect(result.current.jobs).toMatchObject({ jobs: [], error: null }));
  expect(asked()).toBe(before + 1);
});

test("useJob says that there is none, why, and follows it once it has begun", async () => {
  const server = await hostForTest();
  const path = "/api/jobs/import-7";
  const why = "no job import-7 is known here";
  server.answers.set(path, { status: 404, body: JSON.stringify({ detail: why }) });
  elasticTime();
  const { result, rerender } = use((id: string | null) => page.useJob(id), "import-7");
  expect(result.current).toMatchObject({ job: null, missing: null, isLoading: true });
  await until(() => expect(result.current.missing).toBe(why));
  expect(result.current).toMatchObject({ job: null, isLoading: false, error: null });
  const job = { id: "import-7", status: "pending", started_at: null, ended_at: null, lines: null };
  server.answers.set(path, { status: 200, body: JSON.stringify(job) });
  await jump(6_000);
  await until(() => expect(result.current).toMatchObject({ job, missing: null }));
  server.answers.set(path, { status: 503, body: '{"detail":"no Redis"}' });
  await jump(6_000);
  await until(() => expect(result.current.error?.message).toBe("no Redis"));
  expect(result.current.missing).toBeNull();
  rerender(null);
  await until(() => expect(result.current).toMatchObject({ job: null, missing: null }));
  const asked = server.asked.length;
  await jump(20_000);
  expect(server.asked).toHaveLength(asked);
});

/** Show a hook below a provider. */
function useBelow<T>(props: Omit<RealtimeProviderProps, "children">, hook: () => T) {
  const wrapper = ({ children }: { children: ReactNode }) => (
    <SWRConfig value={{ provider: () => new Map() }}>
      <page.RealtimeProvider {...props}>{children}</page.RealtimeProvider>
    </SWRConfig>
  );
  return renderHook(hook, { wrapper });
}

test("a provider says where the services are, and its credentials go there and nowhere else", async () => {
  const home = await hostForTest();
  const origin = await hostForTest();
  const other = await hostForTest();
  visit(origin);
  home.key = "right";
  home.answers.set("/below/api/jobs?limit=100", { status: 200, body: "[]" });
  const credentials = new page.Credentials({ storage: null });
  credentials.use("right");
  const elsewhere = `${other.url.replace("http", "ws")}feed?room=1`;
  const { result } = useBelow({ baseUrl: `${home.url}below`, credentials }, () => ({
    events: page.useEventStream(),
    jobs: page.useJobs(),
    feed: page.useWebSocket(elsewhere),
  }));
  await until(() => expect(result.current.events.connectionState).toBe("live"));
  await until(() => expect(result.current.feed.connectionState).toBe("live"));
  await until(() => expect(result.current.jobs.jobs).toEqual([]));
  expect(home.peers.map(({ url, protocols }) => [url, protocols])).toEqual([
    ["/below/ws/events?tail=100", ["api-key.right"]],
  ]);
  expect(new Set(home.asked.map(({ key }) => key))).toEqual(new Set(["right"]));
  expect(other.peers.map(({ url, protocols }) => [url, protocols])).toEqual([["/feed?room=1", []]]);
  expect(origin.peers).toEqual([]);
  other.send("/feed", '{"type":"greeting","hello":"you"}');
  await until(() =>
    expect(result.current.feed.lastMessage).toEqual({ type: "greeting", hello: "you" }),
  );
  // Another server's refusal says nothing about the key.
  other.close(4401);
  await until(() => expect(result.current.feed.connectionState).toBe("closed"));
  expect(credentials.get()).toEqual({ key: "right", refused: null });
});

test("a key of one home is not another's, and is kept nowhere", async () => {
  const server = await hostForTest();
  useBelow({}, () => page.useCredentials()).result.current.credentials.use("ours");
  const there = useBelow({ baseUrl: `${server.url}there` }, () => page.useCredentials());
  expect(there.result.current.access.key).toBeNull();
  expect(sessionStorage.length + localStorage.length).toBe(0);
});

test("what was refused is asked for again, once, when the browser was let in", async () => {
  const server = await hostForTest();
  server.key = "of the cookie";
  server.answers.set("/api/jobs?limit=100", { status: 200, body: "[]" });
  elasticTime();
  const { result } = use(() => ({
    events: page.useEventStream(),
    jobs: page.useJobs(),
    keys: page.useCredentials(),
  }));
  await until(() => expect(result.current.events.ended?.code).toBe(4401));
  await until(() => expect(result.current.jobs.error?.status).toBe(401));
  await jump(60_000);
  const before = { peers: server.peers.length, asked: server.asked.length };
  expect(before).toEqual({ peers: 1, asked: 1 });
  // As if the browser sent a cookie from now on: this page does the same as before.
  server.key = null;
  result.current.keys.credentials.letIn();
  await until(() => expect(result.current.events.connectionState).toBe("live"));
  await until(() => expect(result.current.jobs.jobs).toEqual([]));
  expect(server.peers).toHaveLength(before.peers + 1);
  const asked = server.asked.slice(before.asked).map(({ path }) => path);
  expect(asked.filter((path) => !path.startsWith("/api/events"))).toEqual(["/api/jobs?limit=100"]);
  expect(new Set(server.peers.flatMap(({ protocols }) => protocols))).toEqual(new Set());
});

test("a logger is told what happens to connections, and no secret", async () => {
  const server = await hostForTest();
  server.key = "right";
  const credentials = new page.Credentials({ storage: null });
  credentials.use("wrong");
  const lines: string[] = [];
  const note = (...parts: unknown[]) => lines.push(parts.map(String).join(" "));
  const logger = { debug: note, info: note, warn: note, error: note };
  const path = "/ws/x?token=secret";
  const { result } = useBelow({ credentials, logger }, () => page.useWebSocket(path));
  await until(() => expect(result.current.ended?.code).toBe(4401));
  credentials.use("right");
  await until(() => expect(result.current.connectionState).toBe("live"));
  server.send("/ws/x", "no message");
  await until(() => expect(lines).toHaveLength(4));
  const text = lines.join("\n");
  expect(text).toMatch(/\/ws\/x: closed for good/);
  expect(text).toMatch(/\/ws\/x: a frame that is no message/);
  expect(text).not.toMatch(/secret|right|wrong/);
});
