// @vitest-environment node
import { expect, test } from "vitest";
import { fileName, fileOf, lineWithTime } from "../../src/components/jobs/downloads";
import { bufferOf, line } from "./lines";

const LINES = bufferOf([
  line("\u001b[32mtests\u001b[0m passed", {
    context: "batch_id=abc",
    fields: { batch_id: "abc", n: [1] },
  }),
  line("Traceback:", { level: "ERROR" }),
  line("  here", { level: "ERROR", continues: true }),
  line("no time", { at: null }),
]);
const text = (...parts: Parameters<typeof fileOf>) => [...fileOf(...parts)].join("");

test("as text, a file has times, levels and what is shown", () => {
  expect(text(LINES, "text", false)).toBe(
    [
      "2026-01-17T10:32:05.006Z INFO     tests passed batch_id=abc",
      "2026-01-17T10:32:05.006Z ERROR    Traceback:",
      "  here",
      "- INFO     no time",
      "",
    ].join("\n"),
  );
});

test("as JSON lines, a file has each message once, as the job wrote it", () => {
  const messages = text(LINES, "jsonl", false)
    .trimEnd()
    .split("\n")
    .map((one) => JSON.parse(one));
  expect(messages).toEqual([
    {
      time: "2026-01-17T10:32:05.006Z",
      level: "INFO",
      message: "\u001b[32mtests\u001b[0m passed",
      context: { batch_id: "abc", n: [1] },
    },
    {
      time: "2026-01-17T10:32:05.006Z",
      level: "ERROR",
      message: "Traceback:\n  here",
      context: null,
    },
    { time: null, level: "INFO", message: "no time", context: null },
  ]);
});

test("a file says when it does not hold the whole log", () => {
  const note = "Earlier lines of this log are no longer kept; this file holds the last 4.";
  expect(text(LINES, "text", true).split("\n")[0]).toBe(`# ${note}`);
  expect(JSON.parse(text(LINES, "jsonl", true).split("\n")[0] ?? "")).toEqual({
    time: null,
    level: null,
    message: note,
    context: null,
  });
});

test("a file of many lines comes in parts, and has every line", () => {
  const many = bufferOf(Array.from({ length: 12_345 }, (_, index) => line(`line ${index}`)));
  const parts = [...fileOf(many, "text", false)];
  expect(parts).toHaveLength(3);
  expect(parts.join("").trimEnd().split("\n")).toHaveLength(12_345);
  expect(text(bufferOf([]), "jsonl", false)).toBe("");
});

test("a file has its job's name", () => {
  expect(fileName("nightly-42", "text")).toBe("nightly-42.log");
  expect(fileName("nightly-42", "jsonl")).toBe("nightly-42.jsonl");
  expect(lineWithTime(line("  here", { continues: true }))).toBe("  here");
});
