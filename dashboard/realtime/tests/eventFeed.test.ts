// @vitest-environment jsdom
import { expect, onTestFinished, test, vi } from "vitest";
import { RealtimeClient } from "../src/client";
import { type EventFeed, eventFeeds } from "../src/eventFeed";
import { elasticTime, hostForTest, jump, until } from "./page";
import type { Server } from "./server";

const PATH = "/ws/events";
const MINUTE = 60_000;

/** A page's one feed of events, of a page that was opened just now. */
function newFeed(): EventFeed {
  return eventFeeds.of(new RealtimeClient());
}

/** Show a feed; return how to stop that, which the end of the test does, too. */
function show(feed: EventFeed): () => void {
  const release = feed.subscribe(() => {});
  onTestFinished(release);
  return release;
}

function publish(server: Server, id: number, camera = "front_door"): string {
  return server.publish(PATH, { type: "event", data: { event_id: id, camera_id: camera } });
}

function ids(feed: EventFeed): (number | null)[] {
  return feed.get().entries.map(({ id }) => id);
}

test("it begins with the last 100 events that the history has, the newest first", async () => {
  const server = await hostForTest();
  const cursors = Array.from({ length: 150 }, (_, index) => publish(server, index + 1));
  const feed = newFeed();
  show(feed);
  await until(() => expect(ids(feed)).toHaveLength(100));
  publish(server, 151);
  await until(() => expect(ids(feed)[0]).toBe(151));
  expect(ids(feed)).toEqual(Array.from({ length: 100 }, (_, index) => 151 - index));
  expect(feed.get().entries[1]?.key).toBe(cursors[149]);
  expect(server.urls(PATH)).toEqual([`${PATH}?tail=100`]);
});

test.each([
  ["a restart of its replica (1012)", (server: Server) => server.close(1012)],
  ["a loss of its TCP connection", (server: Server) => server.drop()],
  ["having read too slowly (4408)", (server: Server) => server.close(4408)],
])("after %s nothing is doubled and nothing missing", async (_, breaks) => {
  const server = await hostForTest();
  elasticTime();
  const feed = newFeed();
  show(feed);
  publish(server, 1);
  await until(() => expect(ids(feed)).toEqual([1]));
  for (const [time, first] of [2, 6, 10].entries()) {
    const cursor = publish(server, first);
    await until(() => expect(ids(feed)[0]).toBe(first));
    breaks(server);
    await until(() => expect(feed.get().connection.state).toBe("connecting"));
    publish(server, first + 1);
    publish(server, first + 2);
    await jump(5_000);
    await until(() => expect(feed.get().connection.reconnectCount).toBe(time + 1));
    publish(server, first + 3);
    await until(() => expect(ids(feed)[0]).toBe(first + 3));
    expect(server.urls(PATH).at(-1)).toBe(`${PATH}?since=${cursor}`);
  }
  expect(ids(feed)).toEqual(Array.from({ length: 13 }, (_, index) => 13 - index));
  expect(new Set(feed.get().entries.map(({ key }) => key)).size).toBe(13);
  expect(feed.get().gapAt).toBeNull();
});

test("where the history lost its place, the list starts over, and says since when", async () => {
  const server = await hostForTest();
  elasticTime();
  const feed = newFeed();
  show(feed);
  await until(() => expect(server.open(PATH)).toBe(1));
  for (const id of [1, 2, 3]) publish(server, id, `camera_${id}`);
  await until(() => expect(ids(feed)).toEqual([3, 2, 1]));
  server.drop();
  await until(() => expect(feed.get().connection.state).toBe("connecting"));
  server.trim(PATH);
  for (const id of [8, 9]) publish(server, id, `camera_${id}`);
  const before = Date.now();
  await jump(3_000);
  await until(() => expect(ids(feed)).toEqual([9, 8]));
  const { gapAt, lastByCamera } = feed.get();
  expect(gapAt).toBeGreaterThanOrEqual(before);
  expect(gapAt).toBeLessThanOrEqual(Date.now());
  expect([...lastByCamera.keys()]).toEqual(["camera_8", "camera_9"]);
  publish(server, 10);
  await until(() => expect(ids(feed)).toEqual([10, 9, 8]));
  server.drop();
  await jump(5_000);
  publish(server, 11);
  await until(() => expect(ids(feed)).toEqual([11, 10, 9, 8]));
  expect(feed.get().gapAt).toBe(gapAt);
});

test("that can come in the middle of a connection, too", async () => {
  const server = await hostForTest();
  const feed = newFeed();
  show(feed);
  await until(() => expect(server.open(PATH)).toBe(1));
  publish(server, 1);
  await until(() => expect(ids(feed)).toEqual([1]));
  server.say(PATH, { type: "resumed", data: { recovered: false, replayed: 1, since: "1-1" } });
  publish(server, 7);
  await until(() => expect(ids(feed)).toEqual([7]));
  expect(feed.get().gapAt).not.toBeNull();
  expect(server.peers).toHaveLength(1);
});

test("the last event of each camera is kept, however many others follow", async () => {
  const server = await hostForTest();
  const feed = newFeed();
  show(feed);
  await until(() => expect(server.open(PATH)).toBe(1));
  publish(server, 1, "garden");
  for (let id = 2; id <= 130; id += 1) publish(server, id, "street");
  await until(() => expect(ids(feed)[0]).toBe(130));
  expect(ids(feed)).not.toContain(1);
  const last = [...feed.get().lastByCamera].map(([camera, { id }]) => [camera, id]);
  expect(last).toEqual([
    ["garden", 1],
    ["street", 130],
  ]);
});

test("no event is lost to what it lacks, be it fields or a cursor", async () => {
  const server = await hostForTest();
  const feed = newFeed();
  show(feed);
  await until(() => expect(server.open(PATH)).toBe(1));
  const odd = [undefined, null, 5, "odd", [], {}, { camera_id: 5, risk_score: "high" }];
  for (const data of odd) server.say(PATH, { type: "event", data });
  publish(server, 8);
  // What has no cursor is of when it came, which may be before or after the other's.
  const found = () => ids(feed).toSorted((one, other) => Number(other) - Number(one));
  await until(() => expect(found()).toEqual([8, ...odd.map(() => null)]));
  expect(new Set(feed.get().entries.map(({ key }) => key)).size).toBe(8);
});

test("other messages are counted, as hints, and heartbeats and marks are not", async () => {
  const server = await hostForTest();
  const feed = newFeed();
  show(feed);
  await until(() => expect(server.open(PATH)).toBe(1));
  server.heartbeat(PATH);
  server.say(PATH, { type: "pong" });
  server.markAsSeen("1", "kitchen", "high");
  server.say(PATH, { type: "resumed", data: { recovered: true, replayed: 0, since: "0-0" } });
  publish(server, 1);
  server.publish(PATH, { type: "camera_status", data: { camera_id: "garden" } });
  server.say(PATH, { type: "weather" });
  await until(() => expect(feed.get().others).toBe(2));
  expect(ids(feed)).toEqual([1]);
});

test("cleared events are gone, and those to come are shown", async () => {
  const server = await hostForTest();
  const feed = newFeed();
  show(feed);
  await until(() => expect(server.open(PATH)).toBe(1));
  publish(server, 1);
  await until(() => expect(ids(feed)).toEqual([1]));
  feed.clear();
  expect(ids(feed)).toEqual([]);
  publish(server, 2);
  await until(() => expect(ids(feed)).toEqual([2]));
});

test("it outlives its last listener by two seconds, and then starts over", async () => {
  const server = await hostForTest();
  elasticTime();
  const feed = newFeed();
  const leave = show(feed);
  await until(() => expect(server.open(PATH)).toBe(1));
  publish(server, 1);
  await until(() => expect(ids(feed)).toEqual([1]));
  leave();
  await jump(1_500);
  const leaveAgain = show(feed);
  await jump(5_000);
  publish(server, 2);
  await until(() => expect(ids(feed)).toEqual([2, 1]));
  expect(server.peers).toHaveLength(1);
  leaveAgain();
  await jump(2_500);
  await until(() => expect(server.open(PATH)).toBe(0));
  expect(ids(feed)).toEqual([]);
  show(feed);
  await until(() => expect(ids(feed)).toEqual([2, 1]));
  expect(server.urls(PATH)).toEqual([`${PATH}?tail=100`, `${PATH}?tail=100`]);
});

// --- what is known of the last 15 minutes ---

/** A server whose heartbeats say the time, and whether it hears Redis. */
async function tellingHost(): Promise<Server> {
  const server = await hostForTest();
  server.heard = true;
  return server;
}

function grave(server: Server, id: number, ago: number, fields: object = {}): string {
  const data = { event_id: id, camera_id: "front_door", risk_score: 96, risk_level: "critical" };
  return server.publish(PATH, { type: "event", data: { ...data, ...fields } }, { ago });
}

function recentIds(feed: EventFeed): (number | null)[] {
  return feed.get().recent.map(({ id }) => id);
}

test("on connecting it pings, and learns what time it is and whether events are heard", async () => {
  const server = await tellingHost();
  server.ahead = -20 * MINUTE;
  elasticTime();
  const client = new RealtimeClient();
  const feed = eventFeeds.of(client);
  show(feed);
  await until(() => expect(server.peers[0]?.heard).toEqual(['{"type":"ping"}']));
  await until(() => expect(feed.get().pulse?.heard).toBe(true));
  expect(Math.abs(client.clock.now() - (Date.now() + server.ahead))).toBeLessThan(1_000);
  await jump(21_000);
  expect(server.peers[0]?.heard).toHaveLength(3);
  server.heard = false;
  await jump(10_000);
  await until(() => expect(feed.get().deafSince).not.toBeNull());
  server.heard = true;
  await jump(10_000);
  await until(() => expect(feed.get()).toMatchObject({ deafSince: null, pulse: { heard: true } }));
});

test("it knows the last 15 minutes, however many events they have", async () => {
  const server = await tellingHost();
  grave(server, 1, 14 * MINUTE);
  for (let id = 2; id <= 1_200; id += 1) publish(server, id);
  const feed = newFeed();
  show(feed);
  await until(() => expect(feed.get().window.state).toBe("complete"));
  expect(recentIds(feed)).toContain(1);
  expect(recentIds(feed)).toHaveLength(1_200);
  expect(ids(feed)).toHaveLength(100);
  const asked = server.asked.map(({ path }) => path);
  expect(asked).toContain("/api/events?limit=500&minutes=15");
  expect(asked.filter((path) => path.includes("before="))).toHaveLength(2);
});

test("a critical that has not ended is known for a day, and one that has for 15 minutes", async () => {
  const server = await tellingHost();
  grave(server, 1, 20 * MINUTE);
  grave(server, 2, 20 * MINUTE, { ended_at: "2026-11-27T12:00:00Z" });
  for (let id = 3; id <= 150; id += 1) {
    server.publish(
      PATH,
      { type: "event", data: { event_id: id, risk_score: 3 } },
      { ago: 19 * MINUTE },
    );
  }
  const feed = newFeed();
  show(feed);
  await until(() => expect(feed.get().window.state).toBe("complete"));
  expect(recentIds(feed)).toContain(1);
  expect(recentIds(feed)).not.toContain(2);
});

test("what the history does not know, or nobody answers, is no known window, until it is", async () => {
  const server = await tellingHost();
  server.complete = false;
  elasticTime();
  const feed = newFeed();
  show(feed);
  await until(() => expect(feed.get().window.state).toBe("incomplete"));
  server.complete = true;
  await jump(61_000);
  await until(() => expect(feed.get().window.state).toBe("complete"));
  server.answers.set("/api/events?limit=500&minutes=15", { status: 503, body: "{}" });
  server.say(PATH, { type: "resumed", data: { recovered: false, replayed: 0, since: "1-1" } });
  await until(() => expect(feed.get().window.state).toBe("failed"));
  const { since } = feed.get().window;
  await jump(6_000);
  expect(feed.get().window).toEqual({ state: "failed", since });
  server.answers.clear();
  await jump(11_000);
  await until(() => expect(feed.get().window.state).toBe("complete"));
});

test("a window that could not be read is read when Redis is heard again", async () => {
  const server = await tellingHost();
  server.heard = false;
  server.answers.set("/api/events?limit=500&minutes=15", { status: 503, body: "{}" });
  elasticTime();
  const feed = newFeed();
  show(feed);
  await until(() => expect(feed.get().window.state).toBe("failed"));
  await jump(40_000);
  server.answers.clear();
  server.heard = true;
  server.heartbeat(PATH);
  // All pages hear it at once: each asks at another moment.
  await jump(6_000);
  await until(() => expect(feed.get().window.state).toBe("complete"));
});

test("after a break the history is asked again, once", async () => {
  const server = await tellingHost();
  elasticTime();
  const feed = newFeed();
  show(feed);
  await until(() => expect(feed.get().window.state).toBe("complete"));
  const before = server.asked.length;
  server.drop();
  await jump(3_000);
  await until(() => expect(feed.get().connection.reconnectCount).toBe(1));
  await until(() => expect(server.asked).toHaveLength(2 * before));
  await jump(12_000);
  expect(server.asked).toHaveLength(2 * before);
});

test("a danger that is known stays known where the history forgot it, and is no longer shown", async () => {
  const server = await tellingHost();
  const feed = newFeed();
  show(feed);
  await until(() => expect(feed.get().window.state).toBe("complete"));
  grave(server, 1, 0);
  publish(server, 2);
  await until(() => expect(ids(feed)).toEqual([2, 1]));
  server.trim(PATH);
  server.say(PATH, { type: "resumed", data: { recovered: false, replayed: 0, since: "1-1" } });
  await until(() => expect(ids(feed)).toEqual([]));
  expect(recentIds(feed)).toContain(1);
});

test("an event that is told twice is one row, with what was told last", async () => {
  const server = await tellingHost();
  const feed = newFeed();
  show(feed);
  await until(() => expect(feed.get().window.state).toBe("complete"));
  grave(server, 1, 0);
  publish(server, 2);
  await until(() => expect(ids(feed)).toEqual([2, 1]));
  grave(server, 1, 0, { ended_at: "2026-11-27T12:00:00Z", summary: "Gone" });
  await until(() => expect(feed.get().entries[0]?.summary).toBe("Gone"));
  expect(ids(feed)).toEqual([1, 2]);
  expect(feed.get().entries[0]?.hasEnded).toBe(true);
  expect(feed.get().lastByCamera.get("front_door")?.summary).toBe("Gone");
});

test("events mean nothing before an answer came", async () => {
  const server = await tellingHost();
  const feed = newFeed();
  expect(feed.get().isAnswered).toBe(false);
  show(feed);
  await until(() => expect(feed.get().isAnswered).toBe(true));
  expect(server.peers).toHaveLength(1);
});

test("a listener is told each event at once, also while the page is hidden and has no frames", async () => {
  const server = await hostForTest();
  publish(server, 1);
  const feed = newFeed();
  const heard: [number | null, boolean][] = [];
  const frames = vi.spyOn(globalThis, "requestAnimationFrame").mockReturnValue(0);
  const release = feed.listen(({ id, isNew }) => heard.push([id, isNew]));
  await until(() => expect(heard).toEqual([[1, false]]));
  await until(() => expect(feed.get().pulse).not.toBeNull());
  publish(server, 2);
  await until(() =>
    expect(heard).toEqual([
      [1, false],
      [2, true],
    ]),
  );
  expect(frames).toHaveBeenCalled();
  release();
});
