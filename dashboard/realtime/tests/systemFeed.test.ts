// @vitest-environment jsdom
import { expect, onTestFinished, test } from "vitest";
import { RealtimeClient } from "../src/client";
import { type SystemFeed, systemFeeds } from "../src/systemFeed";
import { figuresAt, golden } from "./golden";
import { elasticTime, hostForTest, jump, until } from "./page";
import type { Server } from "./server";

const PATH = "/ws/system";
const STATUS = golden("system_status");
const MINUTE = 60_000;

function newFeed(): SystemFeed {
  return systemFeeds.of(new RealtimeClient());
}

function show(feed: SystemFeed): () => void {
  const release = feed.subscribe(() => {});
  onTestFinished(release);
  return release;
}

function figures(at: number) {
  return { type: "performance_update", data: figuresAt(at) };
}

test("it has the latest of each, from the moment it is connected", async () => {
  const server = await hostForTest();
  server.greetings.set(PATH, [STATUS, figures(1_000)]);
  const feed = newFeed();
  const before = Date.now();
  show(feed);
  await until(() => expect(feed.get().performance.data).toEqual(figuresAt(1_000)));
  const { status, performance } = feed.get();
  expect(status).toEqual({ data: STATUS.data, heardAt: status.heardAt, staleSince: null });
  for (const { heardAt } of [status, performance]) {
    expect(heardAt).toBeGreaterThanOrEqual(before);
    expect(heardAt).toBeLessThanOrEqual(Date.now());
  }
  server.say(PATH, figures(2_000));
  await until(() => expect(feed.get().performance.data).toEqual(figuresAt(2_000)));
  expect(server.urls(PATH)).toEqual([PATH]);
});

test("figures are kept for an hour, each moment once and in order, whatever breaks", async () => {
  const server = await hostForTest();
  elasticTime();
  const feed = newFeed();
  show(feed);
  await until(() => expect(server.open(PATH)).toBe(1));
  for (const minute of [0, 1, 2, 30]) server.say(PATH, figures(minute * MINUTE));
  const ats = () => feed.get().samples.map(({ at }) => at / MINUTE);
  await until(() => expect(ats()).toEqual([0, 1, 2, 30]));
  server.greetings.set(PATH, [STATUS, figures(30 * MINUTE)]);
  server.drop();
  await jump(3_000);
  await until(() => expect(feed.get().connection.reconnectCount).toBe(1));
  server.say(PATH, figures(61 * MINUTE));
  await until(() => expect(ats()).toEqual([2, 30, 61]));
  expect(server.urls(PATH)).toEqual([PATH, PATH]);
});

test("figures of a time to come, or of long ago, cost no other their place", async () => {
  const server = await hostForTest();
  server.heard = true;
  const feed = newFeed();
  show(feed);
  await until(() => expect(server.peers[0]?.heard).toHaveLength(1));
  const now = Date.now();
  const times = [now - 20_000, now + 24 * 60 * MINUTE, now - 10_000, 0, now - 5_000];
  for (const time of times) server.say(PATH, figures(time));
  await until(() => expect(feed.get().performance.data).toEqual(figuresAt(now - 5_000)));
  const ats = feed.get().samples.map(({ at }) => at);
  expect(ats).toEqual([now - 20_000, now - 10_000, now - 5_000, expect.any(Number)]);
  expect((ats.at(-1) ?? 0) - now).toBeLessThan(10_000);
});

test("an odd status is replaced by the next good one, and tells nothing of the queues", async () => {
  const server = await hostForTest();
  const feed = newFeed();
  show(feed);
  await until(() => expect(server.open(PATH)).toBe(1));
  server.say(PATH, STATUS);
  await until(() => expect(feed.get().queues.state).toBe("moving"));
  for (const data of [null, 5, { gpu: "hot", queues: [], cameras: 3, services: { redis: 1 } }]) {
    server.say(PATH, { type: "system_status", data });
    await until(() => expect(feed.get().queues.state).toBe("unknown"));
    server.say(PATH, STATUS);
    await until(() => expect(feed.get().queues.state).toBe("moving"));
    expect(feed.get().status.data).toEqual(STATUS.data);
  }
});

test("of each service whose health changed the last change is known", async () => {
  const server = await hostForTest();
  const feed = newFeed();
  show(feed);
  await until(() => expect(server.open(PATH)).toBe(1));
  const change = golden("service_status");
  const mended = { service: "yolo26", status: "healthy", message: "" };
  server.say(PATH, change);
  await until(() => expect([...feed.get().changes]).toEqual([["yolo26", change.data]]));
  server.say(PATH, golden("service_status_degraded"));
  server.say(PATH, { type: "service_status", data: mended });
  await until(() => expect(feed.get().changes.get("yolo26")).toEqual(mended));
  expect([...feed.get().changes.keys()]).toEqual(["yolo26", "system_broadcaster"]);
  await until(() => expect(feed.get().connection.state).toBe("degraded"));
});

test("what stops coming is late after 15 s, though the connection answers, until it comes again", async () => {
  const server = await hostForTest();
  elasticTime();
  const feed = newFeed();
  show(feed);
  await until(() => expect(server.open(PATH)).toBe(1));
  for (const round of [1, 2, 3, 4]) {
    server.say(PATH, STATUS);
    server.say(PATH, figures(round * 5_000));
    await jump(5_000);
  }
  const { heardAt } = feed.get().status;
  for (const round of [5, 6, 7]) {
    server.say(PATH, figures(round * 5_000));
    await jump(3_000);
  }
  expect(feed.get().status.staleSince).toBeNull();
  await jump(3_500);
  expect(feed.get().status).toEqual({ data: STATUS.data, heardAt, staleSince: heardAt });
  expect(feed.get().performance.staleSince).toBeNull();
  await jump(15_000);
  expect(feed.get().performance.staleSince).toBe(feed.get().performance.heardAt);
  expect(feed.get().performance.data).toEqual(figuresAt(35_000));
  expect(feed.get().connection).toMatchObject({ state: "live", staleSince: null });
  expect(server.peers).toHaveLength(1);
  expect(server.peers[0]?.heard.length).toBeGreaterThan(0);
  server.say(PATH, STATUS);
  await until(() => expect(feed.get().status.staleSince).toBeNull());
});

test("what comes seldom is not late for that", async () => {
  const server = await hostForTest();
  elasticTime();
  const feed = newFeed();
  show(feed);
  await until(() => expect(server.open(PATH)).toBe(1));
  for (let round = 0; round < 2; round += 1) {
    server.say(PATH, STATUS);
    await jump(30_000);
  }
  server.say(PATH, STATUS);
  await jump(70_000);
  expect(feed.get().status.staleSince).toBeNull();
  await jump(10_000);
  expect(feed.get().status.staleSince).not.toBeNull();
});

test("a break is not taken for how often something comes", async () => {
  const server = await hostForTest();
  server.greetings.set(PATH, [STATUS]);
  elasticTime();
  const feed = newFeed();
  show(feed);
  await until(() => expect(feed.get().status.data).not.toBeNull());
  await server.down();
  await jump(100_000);
  expect(feed.get().status.staleSince).not.toBeNull();
  await server.up();
  feed.reconnect();
  await until(() => expect(feed.get().connection.reconnectCount).toBe(1));
  await until(() => expect(feed.get().status.staleSince).toBeNull());
  await jump(16_500);
  expect(feed.get().connection.state).toBe("live");
  expect(feed.get().status.staleSince).not.toBeNull();
});

test("nor is the time in which nobody looked, after which it knows nothing", async () => {
  const server = await hostForTest();
  elasticTime();
  const feed = newFeed();
  const leave = show(feed);
  await until(() => expect(server.open(PATH)).toBe(1));
  for (const message of [STATUS, figures(1_000), golden("service_status")]) {
    server.say(PATH, message);
  }
  await until(() => expect(feed.get().changes.size).toBe(1));
  leave();
  await jump(60_000);
  const nothing = { data: null, heardAt: null, staleSince: null };
  expect(feed.get()).toMatchObject({ status: nothing, performance: nothing, samples: [] });
  expect(feed.get().changes.size).toBe(0);
  server.greetings.set(PATH, [STATUS]);
  show(feed);
  await until(() => expect(feed.get().status.data).toEqual(STATUS.data));
  expect(feed.get().performance).toEqual(nothing);
  await jump(16_500);
  expect(feed.get().status.staleSince).not.toBeNull();
});

const FIGURES = "/api/performance";

/** Have the collector answer with the figures of this moment. */
function answerWith(server: Server, at: number): void {
  server.answers.set(FIGURES, { status: 200, body: JSON.stringify(figuresAt(at)) });
}

function timesAsked(server: Server): number {
  return server.asked.filter(({ path }) => path === FIGURES).length;
}

test("while its replica cannot hear Redis, figures are asked for at every interval, and it says so", async () => {
  const server = await hostForTest();
  server.greetings.set(PATH, [STATUS, figures(5_000)]);
  elasticTime();
  const feed = newFeed();
  show(feed);
  await until(() => expect(feed.get().performance.data).toEqual(figuresAt(5_000)));
  await jump(6_000);
  expect(feed.get().polled).toBe(false);
  expect(timesAsked(server)).toBe(0);
  answerWith(server, 10_000);
  server.say(PATH, golden("service_status_degraded"));
  await until(() => expect(feed.get().performance.data).toEqual(figuresAt(10_000)));
  expect(feed.get()).toMatchObject({ polled: true, performance: { staleSince: null } });
  for (const at of [15_000, 20_000, 25_000, 30_000, 35_000]) {
    answerWith(server, at);
    await jump(5_000);
    await until(() => expect(feed.get().performance.data).toEqual(figuresAt(at)));
    expect(feed.get().performance.staleSince).toBeNull();
  }
  expect(timesAsked(server)).toBe(6);
  expect(feed.get().samples.map(({ at }) => at / 1_000)).toEqual([5, 10, 15, 20, 25, 30, 35]);
  server.say(PATH, {
    type: "service_status",
    data: { service: "system_broadcaster", status: "healthy", message: "" },
  });
  server.say(PATH, figures(40_000));
  await until(() =>
    expect(feed.get()).toMatchObject({ polled: false, performance: { data: figuresAt(40_000) } }),
  );
  await jump(11_000);
  expect(timesAsked(server)).toBe(6);
});

test("so they are where they are late for another reason; and where nobody answers they stay late", async () => {
  const server = await hostForTest();
  server.greetings.set(PATH, [STATUS, figures(5_000)]);
  elasticTime();
  const feed = newFeed();
  show(feed);
  await until(() => expect(feed.get().performance.data).toEqual(figuresAt(5_000)));
  const { heardAt } = feed.get().performance;
  await jump(17_000);
  expect(feed.get()).toMatchObject({ polled: true, performance: { heardAt, staleSince: heardAt } });
  answerWith(server, 25_000);
  await jump(5_000);
  await until(() => expect(feed.get().performance.data).toEqual(figuresAt(25_000)));
  expect(feed.get().performance.staleSince).toBeNull();
  const { heardAt: answeredAt } = feed.get().performance;
  server.answers.delete(FIGURES);
  await jump(6_000);
  expect(feed.get().performance).toMatchObject({ heardAt: answeredAt, staleSince: answeredAt });
  server.say(PATH, figures(40_000));
  await until(() => expect(feed.get().polled).toBe(false));
  expect(feed.get().performance.staleSince).toBeNull();
});
