// @vitest-environment node
import { expect, test } from "vitest";
import { activityCount } from "../src/activityCount";

test("how many events there are is said only where it is known", () => {
  expect(activityCount(0, false)).toBe("");
  expect(activityCount(0, true)).toBe("0 events");
  expect(activityCount(1, false)).toBe("1 event");
  expect(activityCount(99, true)).toBe("99 events");
});

test("a full list says that it is the latest ones", () => {
  expect(activityCount(100, true)).toBe("the latest 100");
});
