import { expect, test } from "vitest";
import { behindOf } from "../src/behind";
import { eventPath } from "../src/eventPath";

test("an event that was opened from a page is over that page", () => {
  expect(behindOf({ behind: "/" })).toBe("/");
  expect(behindOf({ behind: "/events" })).toBe("/events");
});

test.each([null, undefined, 7, {}, { behind: 7 }, { behind: "" }, { behind: "//evil.example" }])(
  "%j is no page that an event was opened from",
  (state) => {
    expect(behindOf(state)).toBeNull();
  },
);

test("an event has a path of its own, whatever is in its cursor", () => {
  expect(eventPath("1732700000000-0")).toBe("/events/1732700000000-0");
  expect(eventPath("a/b?c")).toBe("/events/a%2Fb%3Fc");
});
