import { expect, test } from "vitest";
import { csvOf } from "../src/csv";
import { texts } from "../src/texts";

const cpu = {
  heading: "Host: CPU (%)",
  of: ({ host }: { host?: { cpu_percent?: number | null } | null }) => host?.cpu_percent,
};
const words = texts.performance.csv;

function sample(minute: number, value: number | null, low?: number, high?: number) {
  const figures = (cpu_percent: number | null) => ({ host: { cpu_percent } });
  const at = Date.UTC(2026, 0, 1, 12, minute);
  return low === undefined || high === undefined
    ? { at, data: figures(value) }
    : { at, data: figures(value), low: figures(low), high: figures(high) };
}

const ALL = { from: 0, to: Date.UTC(2100, 0) };

test("a row has its time in UTC, and nothing where nobody measured", () => {
  const samples = [sample(0, 12.5), sample(1, null)];
  expect(csvOf([cpu], samples, ALL, words)).toBe(
    "time (UTC),Host: CPU (%)\r\n2026-01-01T12:00:00.000Z,12.5\r\n2026-01-01T12:01:00.000Z,\r\n",
  );
});

test("what stands for some time has its extremes beside it, what is of a moment is its own", () => {
  const [heading, first, second] = csvOf(
    [cpu],
    [sample(0, 20, 10, 99), sample(2, 30)],
    ALL,
    words,
  ).split("\r\n");
  expect(heading).toBe('time (UTC),Host: CPU (%),"Host: CPU (%), lowest","Host: CPU (%), highest"');
  expect(first).toMatch(/,20,10,99$/);
  expect(second).toMatch(/,30,30,30$/);
});

test("only what is shown is there", () => {
  const samples = [0, 1, 2, 3].map((minute) => sample(minute, minute));
  const span = { from: samples[1]?.at ?? 0, to: samples[2]?.at ?? 0 };
  expect(csvOf([cpu], samples, span, words).split("\r\n")).toHaveLength(4);
  expect(csvOf([], samples, span, words)).not.toContain("CPU");
});

test("no heading breaks the table, or is taken for a formula", () => {
  const odd = { ...cpu, heading: '=1+"2",3\n' };
  expect(csvOf([odd], [], ALL, words)).toBe(`time (UTC),"'=1+""2"",3\n"\r\n`);
});
