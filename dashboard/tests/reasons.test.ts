// @vitest-environment node
import { expect, test } from "vitest";
import { reasonOf } from "../src/reasons";

test.each([
  ["Redis cannot be asked: TimeoutError; ask again soon", "Redis does not answer"],
  ["Redis cannot be asked: ConnectionError; ask again soon", "Redis does not answer"],
  ["Redis cannot be asked: OSError", "Redis does not answer"],
  ["PostgreSQL cannot be asked: OSError", "PostgreSQL does not answer"],
  ["No answer: Failed to fetch", "no answer: is this home reachable?"],
  ["No answer: signal timed out", "no answer: is this home reachable?"],
  ["HTTP 503", "this home does not answer as it should (HTTP 503)"],
  ["the history has no such event", "the history has no such event"],
])("of %j a person reads %j", (said, read) => {
  expect(reasonOf(said)).toBe(read);
});
