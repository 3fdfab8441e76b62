// @vitest-environment jsdom
import { expect, onTestFinished, test, vi } from "vitest";
import { WebSocket } from "ws";
import { RealtimeClient } from "../src/client";
import { Credentials } from "../src/credentials";
import { CODES_THAT_END } from "../src/messages";
import type { Message } from "../src/narrow";
import {
  type Connection,
  type ConnectionState,
  Stream,
  type StreamContext,
  type StreamOptions,
} from "../src/stream";
import { contextOf, elasticTime, hostForTest, jump, pass, until } from "./page";
import type { Server } from "./server";

/** Where all of these streams are; each test has a server of its own. */
const path = "/ws/topic";

/** Listen to a stream, and note all that it says. */
function listen(stream: Stream) {
  const messages: Message[] = [];
  const states: ConnectionState[] = [stream.get().state];
  const parts = [
    stream.listen(({ raw }) => messages.push(raw)),
    stream.subscribe(() => {
      const { state } = stream.get();
      if (states.at(-1) !== state) states.push(state);
    }),
  ];
  const release = () => {
    for (const part of parts) part();
  };
  onTestFinished(release);
  /** Wait until the connection is like this. */
  const is = (expected: Partial<Connection>) =>
    until(() => expect(stream.get()).toMatchObject(expected));
  return {
    stream,
    messages,
    states,
    release,
    is,
    /** Let a delay pass, in elastic time, and wait until it is back for this time. */
    isBack: async (time = 1) => {
      await is({ state: "connecting" });
      await jump(2_000 * time);
      await is({ state: "live", staleSince: null, reconnectCount: time, ended: null });
    },
    /** The numbers of the events that came, in order. */
    numbers: () =>
      messages.flatMap(({ type, data }) => (type === "event" ? (data as { n: number }).n : [])),
  };
}

function listenTo(path: string, options: StreamOptions & Partial<StreamContext> = {}) {
  return listen(new Stream(path, contextOf(options), options));
}

function event(n: number) {
  return { type: "event", data: { n } };
}

test("however many listen there is one socket, which closes when the last one leaves", async () => {
  const server = await hostForTest();
  const client = new RealtimeClient();
  const stream = client.stream(path, { start: "tail=0" });
  expect(client.stream(path)).toBe(stream);
  expect(client.stream("/ws/other")).not.toBe(stream);
  const listeners = [1, 2, 3, 4, 5].map(() => listen(stream));
  await listeners[0]?.is({ state: "live" });
  server.publish(path, event(1));
  for (const { numbers } of listeners) await until(() => expect(numbers()).toEqual([1]));
  const [last, ...others] = listeners;
  for (const { release } of others) release();
  server.publish(path, event(2));
  await until(() => expect(last?.numbers()).toEqual([1, 2]));
  expect(server.open()).toBe(1);
  last?.release();
  await until(() => expect(server.open()).toBe(0));
  expect(server.urls(path)).toEqual([`${path}?tail=0`]);
});

test("who listens after the last one left starts over", async () => {
  const server = await hostForTest();
  elasticTime();
  const first = listenTo(path, { start: "tail=3" });
  await first.is({ state: "live" });
  server.publish(path, event(1));
  await until(() => expect(first.numbers()).toEqual([1]));
  server.drop();
  await first.isBack();
  first.release();
  expect(first.stream.get()).toEqual({
    state: "connecting",
    staleSince: null,
    reconnectCount: 0,
    ended: null,
  });
  const second = listen(first.stream);
  await until(() => expect(second.numbers()).toEqual([1]));
  expect(second.stream.get().reconnectCount).toBe(0);
  expect(server.urls(path)).toEqual([`${path}?tail=3`, expect.anything(), `${path}?tail=3`]);
});

test.each([
  ["a restart of its replica (1012)", (server: Server) => server.close(1012)],
  ["a loss of its TCP connection", (server: Server) => server.drop()],
  ["having read too slowly (4408)", (server: Server) => server.close(4408)],
])("a cursor is kept, and asked for after %s", async (_, breaks) => {
  const server = await hostForTest();
  elasticTime();
  server.publish(path, event(1));
  const { is, isBack, numbers } = listenTo(path, { start: "tail=100" });
  await until(() => expect(numbers()).toEqual([1]));
  const cursor = server.publish(path, event(2));
  await until(() => expect(numbers()).toEqual([1, 2]));
  breaks(server);
  await is({ state: "connecting" });
  for (const n of [3, 4, 5]) server.publish(path, event(n));
  await isBack();
  server.publish(path, event(6));
  await until(() => expect(numbers()).toContain(6));
  expect(numbers()).toEqual([1, 2, 3, 4, 5, 6]);
  expect(server.urls(path)).toEqual([`${path}?tail=100`, `${path}?since=${cursor}`]);
});

test("a heartbeat's cursor is kept, too", async () => {
  const server = await hostForTest();
  elasticTime();
  const { is, isBack, messages, numbers } = listenTo(path, { start: "tail=0" });
  await is({ state: "live" });
  server.publish(path, event(1));
  server.publish(path, event(2), { heard: false });
  const cursor = server.heartbeat(path);
  await until(() => expect(messages.at(-1)).toEqual({ type: "ping", cursor }));
  server.drop();
  await isBack();
  expect(server.urls(path).at(-1)).toBe(`${path}?since=${cursor}`);
  expect(numbers()).toEqual([1]);
});

test("a cursor is opaque, and comes back as it was, whatever came without one since", async () => {
  const server = await hostForTest();
  elasticTime();
  const { is, isBack, messages } = listenTo(path);
  await is({ state: "live" });
  server.send(path, '{"type":"event","cursor":"a&b=c d/é"}');
  server.say(path, event(1));
  await until(() => expect(messages).toHaveLength(2));
  server.drop();
  await isBack();
  const { searchParams } = new URL(server.urls(path).at(-1) ?? "", server.url);
  expect(Object.fromEntries(searchParams)).toEqual({ since: "a&b=c d/é" });
});

test.each(["", "since=0-0"])(
  "until there is a cursor, it asks for what it was told to: %j",
  async (start) => {
    const server = await hostForTest();
    elasticTime();
    const { is, isBack } = listenTo(path, { start });
    await is({ state: "live" });
    server.drop();
    await isBack();
    const expected = start ? `${path}?${start}` : path;
    expect(server.urls(path)).toEqual([expected, expected]);
  },
);

test("it comes back, in real time, after a break of whatever code but 1000, 4401 and 4403", async () => {
  const server = await hostForTest();
  const codes = [1001, 1005, 1006, 1007, 1009, 1011, 1012, 3000, 4408, 4429, 4999];
  const lost = codes.map((code) => ({ code, ...listenTo(`/ws/${code}`) }));
  for (const { is } of lost) await is({ state: "live" });
  for (const { code } of lost) {
    if (code === 1006) server.drop("/ws/1006");
    else if (code === 1005) server.at("/ws/1005")[0]?.socket.close();
    else server.close(code, { path: `/ws/${code}` });
  }
  for (const { is } of lost) await is({ state: "live", reconnectCount: 1, ended: null });
});

test("it comes back where a client tells of a loss as 1006, without an error", async () => {
  const server = await hostForTest();
  // As browsers do when a connection ends without a word; jsdom's tells of an error, too.
  vi.stubGlobal("WebSocket", WebSocket);
  elasticTime();
  const { is, isBack } = listenTo(path);
  await is({ state: "live" });
  server.drop();
  await isBack();
});

test("what ends for good is 1000, 4401 and 4403", () => {
  expect([...CODES_THAT_END].sort()).toEqual([1000, 4401, 4403]);
});

test.each([1000, 4401, 4403])(
  "it stays away after %i, until it is told to come back",
  async (code) => {
    const server = await hostForTest();
    elasticTime();
    const { is, messages, stream } = listenTo(path, { start: "tail=0" });
    await is({ state: "live" });
    const cursor = server.publish(path, event(1));
    await until(() => expect(messages.at(-1)?.cursor).toBe(cursor));
    server.close(code, { reason: "because" });
    await is({ state: "closed", ended: { code, reason: "because" } });
    expect(stream.get().staleSince).not.toBeNull();
    dispatchEvent(new Event("online"));
    await jump(31_000);
    expect(server.peers).toHaveLength(1);
    stream.reconnect();
    await is({ state: "live", staleSince: null, ended: null });
    expect(server.urls(path).at(-1)).toBe(`${path}?since=${cursor}`);
  },
);

test("what it shows is dated from when it was last heard until it is live again", async () => {
  const server = await hostForTest();
  elasticTime();
  const { is, isBack, messages, states, stream } = listenTo(path);
  expect(stream.get()).toMatchObject({ state: "connecting", staleSince: null });
  await is({ state: "live", staleSince: null, reconnectCount: 0 });
  await jump(3_000);
  const before = Date.now();
  server.publish(path, event(1));
  await until(() => expect(messages).toHaveLength(1));
  const after = Date.now();
  await jump(3_000);
  server.drop();
  await is({ state: "connecting" });
  expect(stream.get().staleSince).toBeGreaterThanOrEqual(before);
  expect(stream.get().staleSince).toBeLessThanOrEqual(after);
  await isBack(1);
  await jump(1_000);
  server.drop();
  await isBack(2);
  await jump(1_000);
  expect(states).toEqual(["connecting", "live", "connecting", "live", "connecting", "live"]);
});

test("it is degraded while its replica says so, and no longer than that replica serves it", async () => {
  const server = await hostForTest();
  elasticTime();
  const { is, isBack, states } = listenTo(path);
  await is({ state: "live" });
  await jump(1_000);
  for (const [service, status] of [
    ["redis", "degraded"],
    ["system_broadcaster", "degraded"],
    ["yolo26", "healthy"],
    ["system_broadcaster", "healthy"],
    ["system_broadcaster", "degraded"],
  ]) {
    server.say(path, { type: "service_status", data: { service, status, message: "" } });
    server.heartbeat(path);
    await jump(1_000);
  }
  await is({ state: "degraded", staleSince: null });
  expect(states).toEqual(["connecting", "live", "degraded", "live", "degraded"]);
  server.close(1012);
  await isBack();
});

test("what is no message is skipped, and unknown types are not", async () => {
  const server = await hostForTest();
  const { is, messages } = listenTo(path);
  await is({ state: "live" });
  const odd = ["", "odd", "5", "null", "[]", "{}", '{"type":5}', '"type"', '{"type":"event"'];
  for (const frame of odd) server.send(path, frame);
  server.send(path, new Uint8Array([1, 2, 3]));
  server.send(path, '{"type":"service_status"}');
  server.send(path, '{"type":"weather","data":null}');
  await until(() => expect(messages).toHaveLength(2));
  expect(messages.map(({ type }) => type)).toEqual(["service_status", "weather"]);
  expect(server.open()).toBe(1);
});

test("of 1,000 messages at once each reaches who listens, who is told of them once per frame", async () => {
  const server = await hostForTest();
  const { is, numbers, stream } = listenTo(path);
  await is({ state: "live" });
  let [told, frames, counting] = [0, 0, true];
  const count = () => {
    frames += 1;
    if (counting) requestAnimationFrame(count);
  };
  requestAnimationFrame(count);
  onTestFinished(
    stream.subscribe(() => {
      told += 1;
    }),
  );
  for (let n = 0; n < 1_000; n += 1) {
    const status = n % 2 ? "healthy" : "degraded";
    const data = { service: "system_broadcaster", status, message: "" };
    server.say(path, { type: "service_status", data });
    server.say(path, event(n));
  }
  await until(() => expect(numbers()).toHaveLength(1_000));
  counting = false;
  expect(numbers()).toEqual(Array.from({ length: 1_000 }, (_, n) => n));
  expect(told).toBeLessThanOrEqual(frames + 1);
  expect(told).toBeLessThan(200);
});

test("a listener that fails does not keep a message from the others", async () => {
  const server = await hostForTest();
  const errors: unknown[] = [];
  const note = (event: ErrorEvent) => {
    event.preventDefault();
    errors.push(event.error);
  };
  addEventListener("error", note);
  onTestFinished(() => removeEventListener("error", note));
  const mistake = new Error("a mistake of this page");
  const stream = new Stream(path, contextOf());
  onTestFinished(
    stream.listen(() => {
      throw mistake;
    }),
  );
  const { is, numbers } = listen(stream);
  await is({ state: "live" });
  server.say(path, event(1));
  await until(() => expect(numbers()).toEqual([1]));
  expect(errors).toEqual([mistake]);
});

test("while nothing listens at its port it tries, and goes on where it was", async () => {
  const server = await hostForTest();
  elasticTime();
  const { is, numbers } = listenTo(path, { start: "tail=0" });
  await is({ state: "live" });
  const cursor = server.publish(path, event(1));
  await until(() => expect(numbers()).toEqual([1]));
  await server.down();
  await jump(20_000);
  await is({ state: "connecting", reconnectCount: 0, ended: null });
  server.publish(path, event(2));
  await server.up();
  await jump(31_000);
  await is({ state: "live", reconnectCount: 1 });
  await until(() => expect(numbers()).toEqual([1, 2]));
  expect(server.urls(path).at(-1)).toBe(`${path}?since=${cursor}`);
});

test.each([
  ["is refused with HTTP 503", 503],
  ["is not answered within 10 s", 0],
])("a handshake that %s is tried again", async (_, status) => {
  const server = await hostForTest();
  server.refusing = status;
  elasticTime();
  const { is } = listenTo(path);
  await jump(12_000);
  await is({ state: "connecting", ended: null });
  server.refusing = null;
  await jump(15_000);
  await is({ state: "live", reconnectCount: 0 });
});

test.each([
  ["the network is back", () => dispatchEvent(new Event("online"))],
  ["somebody looks again", () => document.dispatchEvent(new Event("visibilitychange"))],
  ["it is told to", (stream: Stream) => stream.reconnect()],
])("it comes back at once when %s", async (_, hurry) => {
  const server = await hostForTest();
  const { is, stream } = listenTo(path);
  await is({ state: "live" });
  vi.useFakeTimers({ toFake: ["setTimeout", "clearTimeout"] });
  onTestFinished(() => {
    vi.useRealTimers();
  });
  server.drop();
  await is({ state: "connecting" });
  await pass(50);
  expect(server.peers).toHaveLength(1);
  hurry(stream);
  // No time for a delay.
  await vi.advanceTimersByTimeAsync(1);
  await is({ state: "live" });
  expect(server.peers).toHaveLength(2);
});

test("a live connection is left alone when the network comes or somebody looks", async () => {
  const server = await hostForTest();
  elasticTime();
  const { is } = listenTo(path);
  await is({ state: "live" });
  dispatchEvent(new Event("online"));
  document.dispatchEvent(new Event("visibilitychange"));
  await jump(2_000);
  expect(server.peers).toHaveLength(1);
});

test("silence makes it stale, an answer live, and none at all a new connection", async () => {
  const server = await hostForTest();
  elasticTime();
  const { is, stream, states } = listenTo(path, { start: "tail=0", quiet: 3_000 });
  await is({ state: "live" });
  await jump(30_000);
  expect(states).toEqual(["connecting", "live"]);
  const [first] = server.peers;
  expect(first?.heard.length).toBeGreaterThan(5);
  expect(new Set(first?.heard)).toEqual(new Set(['{"type":"ping"}']));

  const cursor = server.publish(path, event(1));
  await pass(20);
  const heardAt = Date.now();
  server.deaf = true;
  await jump(9_500);
  await is({ state: "stale" });
  expect(Math.abs((stream.get().staleSince ?? 0) - heardAt)).toBeLessThan(1_000);
  server.say(path, { type: "pong" });
  await is({ state: "live", staleSince: null, reconnectCount: 0 });

  await jump(17_000);
  await is({ state: "live", staleSince: null, reconnectCount: 1 });
  await until(() =>
    expect(states.slice(1)).toEqual(["live", "stale", "live", "stale", "connecting", "live"]),
  );
  expect(server.urls(path)).toEqual([`${path}?tail=0`, `${path}?since=${cursor}`]);
  await until(() => expect(first?.open).toBe(false));
});

test("a page that slept asks before it judges", async () => {
  const server = await hostForTest();
  elasticTime();
  const { is, states } = listenTo(path, { quiet: 3_000 });
  await is({ state: "live" });
  vi.setSystemTime(Date.now() + 8 * 3_600_000);
  await jump(3_000);
  expect(server.peers.map(({ heard }) => heard.length)).toEqual([1]);
  expect(states).toEqual(["connecting", "live"]);
});

test("a clock that is set back keeps nobody from coming back", async () => {
  const server = await hostForTest();
  elasticTime();
  const { is, stream } = listenTo(path, { quiet: 3_000 });
  await is({ state: "live" });
  vi.setSystemTime(Date.now() - 24 * 3_600_000);
  server.deaf = true;
  await jump(9_000);
  await is({ state: "stale" });
  const age = Date.now() - (stream.get().staleSince ?? Number.NaN);
  expect(age).toBeGreaterThan(5_000);
  expect(age).toBeLessThan(60_000);
  await jump(20_000);
  await until(() => expect(server.peers.length).toBeGreaterThan(1));
  server.deaf = false;
  await jump(20_000);
  await is({ state: "live" });
  expect(stream.get().reconnectCount).toBeGreaterThan(0);
});

test("a clock that is set ahead while a ping is on its way breaks nothing", async () => {
  const server = await hostForTest();
  elasticTime();
  const { is } = listenTo(path, { quiet: 3_000 });
  await is({ state: "live" });
  server.deaf = true;
  await until(async () => {
    await jump(500);
    expect(server.peers[0]?.heard.length).toBeGreaterThan(0);
  });
  vi.setSystemTime(Date.now() + 8 * 3_600_000);
  await jump(2_000);
  server.say(path, { type: "pong" });
  server.deaf = false;
  await jump(5_000);
  await is({ state: "live", reconnectCount: 0 });
});

test("without a key it asks for one, and with the right one it goes on", async () => {
  const server = await hostForTest();
  server.key = "right";
  elasticTime();
  const credentials = new Credentials();
  const [one, two] = ["/ws/one", "/ws/two"].map((path) => listenTo(path, { credentials }));
  const refused = async (reason: string) => {
    await one?.is({
      state: "closed",
      ended: { code: 4401, reason: "a valid API key is required" },
    });
    await two?.is({ state: "closed" });
    expect(credentials.get()).toEqual({ key: null, refused: reason });
  };
  await refused("This home asks for an API key.");
  credentials.use("wrong");
  await until(() => expect(server.peers).toHaveLength(4));
  await refused("This key was refused: a valid API key is required.");
  await jump(31_000);
  expect(server.peers).toHaveLength(4);
  credentials.use("right");
  for (const stream of [one, two]) {
    await stream?.is({ state: "live", ended: null, staleSince: null });
  }
  expect(credentials.get()).toEqual({ key: "right", refused: null });
  expect(server.urls("/ws/one")).toEqual(["/ws/one", "/ws/one", "/ws/one"]);
  expect(server.at("/ws/two").map(({ protocols }) => protocols)).toEqual([
    [],
    ["api-key.wrong"],
    ["api-key.right"],
  ]);
});

test("a late refusal of an old key does not discard a new one, which is tried", async () => {
  const server = await hostForTest();
  elasticTime();
  const credentials = new Credentials();
  credentials.use("old");
  const { is } = listenTo(path, { credentials });
  await is({ state: "live" });
  credentials.use("new");
  await jump(1_000);
  server.key = "new";
  server.close(4401);
  await is({ state: "live", reconnectCount: 1 });
  expect(credentials.get()).toEqual({ key: "new", refused: null });
  expect(server.at().map(({ protocols }) => protocols)).toEqual([["api-key.old"], ["api-key.new"]]);
});

test("nor is it taken for the new one's because an earlier attempt was still waiting", async () => {
  const server = await hostForTest();
  elasticTime();
  const credentials = new Credentials();
  credentials.use("old");
  const { is, stream } = listenTo(path, { credentials });
  await is({ state: "live" });
  server.drop();
  await is({ state: "connecting" });
  stream.reconnect();
  await is({ state: "live" });
  credentials.use("new");
  await jump(2_000);
  server.key = "new";
  server.close(4401);
  await is({ state: "live", reconnectCount: 2 });
  expect(credentials.get()).toEqual({ key: "new", refused: null });
});

test("a cookie that ended closes it once, and it goes on when the browser was let in again", async () => {
  const server = await hostForTest();
  elasticTime();
  const credentials = new Credentials();
  const { is } = listenTo(path, { credentials });
  await is({ state: "live" });
  const cursor = server.publish(path, { type: "event", data: 1 });
  await jump(1_000);
  server.key = "of the cookie";
  server.close(4401, { reason: "the session has expired" });
  await is({ state: "closed" });
  await jump(60_000);
  expect(server.peers).toHaveLength(1);
  server.key = null;
  credentials.letIn();
  await is({ state: "live", reconnectCount: 1 });
  expect(server.urls(path)).toEqual([path, `${path}?since=${cursor}`]);
});
