// @vitest-environment node
import { afterEach, expect, test, vi } from "vitest";
import { isUnanswered, Unanswered } from "../src/unanswered";

afterEach(() => void vi.useRealTimers());

test.each([
  [null, "No answer: Failed to fetch", true],
  [503, "Redis cannot be asked: TimeoutError; ask again soon", true],
  [502, "HTTP 502", true],
  [503, "the cameras cannot be listed: PostgreSQL does not answer", false],
  [404, "this event is no longer kept", false],
  [401, "a valid API key is required", false],
])("an answer %s %j found nobody who could answer: %s", (status, reason, expected) => {
  expect(isUnanswered(status, reason)).toBe(expected);
});

test("since when is of the first that failed, until each was answered", () => {
  vi.useFakeTimers({ now: 1_000 });
  const unanswered = new Unanswered();
  expect(unanswered.get()).toBeNull();
  unanswered.note("/api/events?limit=200", false);
  vi.setSystemTime(3_000);
  unanswered.note("/api/jobs", false);
  unanswered.note("/api/events?limit=200", false);
  expect(unanswered.get()).toBe(1_000);
  unanswered.note("/api/events?before=1-0", true);
  expect(unanswered.get()).toBe(3_000);
  unanswered.note("/api/jobs", true);
  expect(unanswered.get()).toBeNull();
});

test("what is not asked for again counts no more", () => {
  vi.useFakeTimers();
  const unanswered = new Unanswered();
  unanswered.note("/api/events/1-0", false);
  vi.advanceTimersByTime(19_000);
  expect(unanswered.get()).not.toBeNull();
  vi.advanceTimersByTime(2_000);
  expect(unanswered.get()).toBeNull();
});
