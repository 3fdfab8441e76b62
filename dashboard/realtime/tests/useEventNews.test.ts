// @vitest-environment jsdom
import { expect, onTestFinished, test, vi } from "vitest";
import { RealtimeClient } from "../src/client";
import { newsOf } from "../src/useEventNews";
import { hostForTest, until } from "./page";

const PATH = "/ws/events";

test("what nobody has seen is known at once, also in a page that is hidden and has no frames", async () => {
  const server = await hostForTest();
  vi.spyOn(globalThis, "requestAnimationFrame").mockReturnValue(0);
  const news = newsOf(new RealtimeClient());
  const watched = vi.fn();
  onTestFinished(news.watch(watched));
  await until(() => expect(news.pulse()).not.toBeNull());
  const publish = (id: number, level: string) =>
    server.publish(PATH, { type: "event", data: { event_id: id, risk_level: level } });
  const see = (id: string, level: string) =>
    server.publish(PATH, {
      type: "event_seen",
      data: { id, seen: true, at: "2026-11-27T12:00:00Z", by: "owner", risk_level: level },
    });
  const ids = () => news.unseen().map(({ id }) => id);
  watched.mockClear();
  publish(1, "high");
  publish(2, "high");
  await until(() => expect(ids()).toEqual([2, 1]));
  await until(() => expect(watched).toHaveBeenCalled());
  see("1", "high");
  await until(() => expect(ids()).toEqual([2]));
  expect(news.seen().map(({ id }) => id)).toEqual([1]);
  publish(1, "critical");
  await until(() => expect(ids()).toEqual([1, 2]));
  expect(news.seen()).toEqual([]);
});
