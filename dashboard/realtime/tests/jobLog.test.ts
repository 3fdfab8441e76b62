// @vitest-environment jsdom
import { expect, onTestFinished, test } from "vitest";
import { RealtimeClient } from "../src/client";
import { type JobLog, jobLogs } from "../src/jobLog";
import { golden } from "./golden";
import { elasticTime, hostForTest, jump, until } from "./page";

const PATH = "/ws/jobs/import-7/logs";

function newLog(): JobLog {
  return jobLogs.of(new RealtimeClient(), "import-7");
}

function show(log: JobLog): () => void {
  const release = log.subscribe(() => {});
  onTestFinished(release);
  return release;
}

function line(message: string, level = "INFO") {
  return { type: "log", data: { timestamp: "2026-01-17T10:32:05Z", level, message } };
}

/** The lines that are kept, in order. */
function lines(log: JobLog): string[] {
  const { lines: buffer } = log.get();
  return Array.from(
    { length: buffer.end - buffer.first },
    (_, index) => buffer.at(buffer.first + index)?.text ?? "",
  );
}

test("it is there from its first line on, and goes on after any break where it was", async () => {
  const server = await hostForTest();
  server.publish(PATH, line("one"));
  elasticTime();
  const log = newLog();
  show(log);
  const cursor = server.publish(PATH, line("two"));
  await until(() => expect(lines(log)).toEqual(["one", "two"]));
  server.close(1012);
  await until(() => expect(log.get().connection.state).toBe("connecting"));
  server.publish(PATH, line("three"));
  await jump(2_000);
  await until(() => expect(lines(log)).toEqual(["one", "two", "three"]));
  server.drop();
  await jump(5_000);
  server.publish(PATH, line("four"));
  await until(() => expect(lines(log)).toEqual(["one", "two", "three", "four"]));
  expect(log.get().trimmed).toBe(false);
  expect(server.urls(PATH).slice(0, 2)).toEqual([`${PATH}?since=0-0`, `${PATH}?since=${cursor}`]);
});

test("identical lines are all kept", async () => {
  const server = await hostForTest();
  const log = newLog();
  show(log);
  for (let count = 0; count < 50; count += 1) server.publish(PATH, line("retrying"));
  server.publish(PATH, line("done"));
  await until(() => expect(lines(log).at(-1)).toBe("done"));
  expect(lines(log)).toHaveLength(51);
});

test("a message of several lines is several lines", async () => {
  const server = await hostForTest();
  const log = newLog();
  show(log);
  server.publish(PATH, line("Traceback:\n  here\n  there", "ERROR"));
  server.publish(PATH, golden("log"));
  await until(() => expect(lines(log)).toHaveLength(4));
  expect(lines(log)).toEqual(["Traceback:", "  here", "  there", "Processing batch 2/3"]);
});

test("it knows how its job ended, and stays away", async () => {
  const server = await hostForTest();
  elasticTime();
  const log = newLog();
  show(log);
  server.publish(PATH, line("one"));
  await until(() => expect(lines(log)).toEqual(["one"]));
  expect(log.get()).toMatchObject({ status: "running", exitCode: null });
  server.publish(PATH, {
    type: "end",
    data: { job_id: "import-7", status: "failed", exit_code: 3 },
  });
  server.close(1000);
  await until(() => expect(log.get().connection.state).toBe("closed"));
  expect(log.get()).toMatchObject({ status: "failed", exitCode: 3 });
  await jump(31_000);
  expect(server.peers).toHaveLength(1);
  expect(lines(log)).toEqual(["one"]);
});

test("a job that runs again under its id has not ended", async () => {
  const server = await hostForTest();
  const log = newLog();
  show(log);
  server.publish(PATH, line("one"));
  server.publish(PATH, golden("end"));
  await until(() => expect(log.get().status).toBe("completed"));
  server.publish(PATH, line("again"));
  await until(() => expect(log.get()).toMatchObject({ status: "running", exitCode: null }));
  expect(lines(log)).toEqual(["one", "again"]);
});

test("lines that its history no longer has are said to be missing, at first and after a break", async () => {
  const server = await hostForTest();
  server.publish(PATH, line("lost"));
  server.trim(PATH);
  server.publish(PATH, line("two"));
  elasticTime();
  const log = newLog();
  show(log);
  await until(() => expect(lines(log)).toEqual(["two"]));
  expect(log.get().trimmed).toBe(true);
  const { end } = log.get().lines;
  server.drop();
  await until(() => expect(log.get().connection.state).toBe("connecting"));
  server.trim(PATH);
  server.publish(PATH, line("nine"));
  await jump(2_000);
  await until(() => expect(lines(log)).toEqual(["nine"]));
  expect(log.get().lines.first).toBeGreaterThanOrEqual(end);
});

test("a cleared log goes on with new lines, and with new numbers", async () => {
  const server = await hostForTest();
  const log = newLog();
  show(log);
  for (const text of ["one", "two"]) server.publish(PATH, line(text));
  await until(() => expect(lines(log)).toEqual(["one", "two"]));
  const before = log.get();
  log.clear();
  expect(lines(log)).toEqual([]);
  expect(log.get().version).toBeGreaterThan(before.version);
  server.publish(PATH, line("three"));
  await until(() => expect(lines(log)).toEqual(["three"]));
  expect(log.get().lines).toBe(before.lines);
  expect(log.get().lines.first).toBe(2);
});

test("each job has one log, at its own path", async () => {
  const server = await hostForTest();
  const client = new RealtimeClient();
  expect(jobLogs.of(client, "a")).toBe(jobLogs.of(client, "a"));
  for (const id of ["a", "b.c_d-1", "odd/../?id"]) show(jobLogs.of(client, id));
  await until(() => expect(server.peers).toHaveLength(3));
  expect(server.peers.map(({ url }) => url).sort()).toEqual([
    "/ws/jobs/a/logs?since=0-0",
    "/ws/jobs/b.c_d-1/logs?since=0-0",
    "/ws/jobs/odd%2F..%2F%3Fid/logs?since=0-0",
  ]);
});

test("once nobody looks, its lines are let go, and asked for again by who comes next", async () => {
  const server = await hostForTest();
  server.publish(PATH, line("one"));
  elasticTime();
  const log = newLog();
  const leave = show(log);
  await until(() => expect(lines(log)).toEqual(["one"]));
  leave();
  await jump(3_000);
  await until(() => expect(server.open()).toBe(0));
  expect(lines(log)).toEqual([]);
  show(log);
  await until(() => expect(lines(log)).toEqual(["one"]));
  expect(server.urls(PATH)).toEqual([`${PATH}?since=0-0`, `${PATH}?since=0-0`]);
});
