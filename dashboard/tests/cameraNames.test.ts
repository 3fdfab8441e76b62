import { expect, test } from "vitest";
import { NO_NAMES, nameOf, namesOf } from "../src/cameraNames";

test("a camera has the name that the home gave it, and without one its id, in words", () => {
  const names = namesOf([{ id: "cam_7f3a", name: "back_garden" }]);
  expect(nameOf("cam_7f3a", names)).toBe("back garden");
  expect(nameOf("front_door", names)).toBe("front door");
  expect(nameOf("cam_7f3a", NO_NAMES)).toBe("cam 7f3a");
});
