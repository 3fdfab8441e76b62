import type { Job } from "@hsi/realtime";
import { expect, test } from "vitest";
import { ALL_JOBS, filterIn, more, queryOf } from "../../src/components/jobs/jobsFilter";
import { quietly } from "../../src/components/jobs/quietList";

test("the list's filter is in the address, and what is as usual is not", () => {
  expect(queryOf(ALL_JOBS)).toBe("");
  const filter = { text: "import 7&", status: "failed", limit: 150 } as const;
  expect(queryOf(filter)).toBe("?q=import+7%26&status=failed&limit=150");
  expect(filterIn(queryOf(filter).slice(1))).toEqual(filter);
  expect(filterIn("")).toEqual(ALL_JOBS);
});

test("an address that makes no sense shows what it can", () => {
  expect(filterIn("status=odd&limit=many")).toEqual(ALL_JOBS);
  expect(filterIn("limit=-3").limit).toBe(50);
  expect(filterIn("limit=99999").limit).toBe(1_000);
  expect(filterIn(`q=${"x".repeat(500)}`).text).toHaveLength(128);
});

test("there is more as long as a page is full", () => {
  expect(more(ALL_JOBS, 50)).toEqual({ ...ALL_JOBS, limit: 100 });
  expect(more(ALL_JOBS, 49)).toBeNull();
  expect(more({ ...ALL_JOBS, limit: 1_000 }, 1_000)).toBeNull();
});

function job(id: string, status: Job["status"] = "completed"): Job {
  return { id, status, started_at: null, ended_at: null, lines: 0 };
}
const ids = (jobs: readonly Job[]) => jobs.map(({ id }) => id);

test("a list that is read stays where it is, and its jobs are as they are now", () => {
  const before = [job("c", "running"), job("b"), job("a")];
  const now = [job("e"), job("d"), job("c", "failed"), job("b"), job("a")];
  const { jobs, newer } = quietly(before, now);
  expect(ids(jobs)).toEqual(["c", "b", "a"]);
  expect(jobs[0]?.status).toBe("failed");
  expect(newer).toBe(2);
});

test("a job that began again, or is gone, stays where it was; older ones come below", () => {
  const before = [job("c"), job("b"), job("gone")];
  const now = [job("b", "running"), job("c"), job("a"), job("0")];
  const { jobs, newer } = quietly(before, now);
  expect(ids(jobs)).toEqual(["c", "b", "gone", "a", "0"]);
  expect(jobs[1]?.status).toBe("running");
  expect(newer).toBe(0);
});

test("other jobs altogether are shown at once", () => {
  expect(quietly([job("a")], [job("x")])).toEqual({ jobs: [job("x")], newer: 0 });
});
