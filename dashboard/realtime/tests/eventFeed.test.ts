import { expect, onTestFinished, test } from "vitest";
import { RealtimeClient } from "../src/client";
import { type EventFeed, eventFeeds } from "../src/eventFeed";
import { elasticTime, hostForTest, jump, until } from "./page";
import type { Server } from "./server";

const PATH = "/ws/events";

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
  await until(() => expect(ids(feed)).toEqual([8, ...odd.map(() => null)]));
  expect(new Set(feed.get().entries.map(({ key }) => key)).size).toBe(8);
});

test("other messages are counted, as hints, and heartbeats are not", async () => {
  const server = await hostForTest();
  const feed = newFeed();
  show(feed);
  await until(() => expect(server.open(PATH)).toBe(1));
  server.heartbeat(PATH);
  server.say(PATH, { type: "pong" });
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
