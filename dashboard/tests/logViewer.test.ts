import { readFileSync } from "node:fs";
import { join } from "node:path";
import { CloseCode, type Job } from "@hsi/realtime";
import fc from "fast-check";
import { describe, expect, it, test } from "vitest";
import { type Segment, segmentsOf } from "../src/components/jobs/ansi";
import { type Color, contrast, readable } from "../src/components/jobs/contrast";
import { lengthOf, timeOfDay } from "../src/components/jobs/jobTimes";
import { type LogNews, logWords, type NoLines, noLineWords } from "../src/components/jobs/logWords";
import { withMarks } from "../src/components/jobs/marks";
import { indexAt, linesInSight, Rows, spotAt, topOf } from "../src/components/jobs/rows";
import { patternOf, placesIn } from "../src/components/jobs/search";
import { foldOf, isLong, rowsOf } from "../src/components/jobs/wrapped";

/** What a job writes, and what is shown of it: the command line's tests have the same. */
const LINES: { what: string; line: string; shown: string }[] = JSON.parse(
  readFileSync(join(import.meta.dirname, "../../tests/terminal_lines.json"), "utf8"),
);
const CSI = "\u001b[";
/** What is behind a line of a light page, and of a dark one. */
const GROUNDS: readonly Color[] = [
  [249, 233, 235],
  [40, 24, 25],
];
const textOf = (segments: readonly Segment[]) => segments.map(({ text }) => text).join("");

/** A colour as it is on a light page (0) or a dark one (1). */
function colorOf(css: string | null, scheme: number): Color | null {
  const found = css?.match(/rgb\([^)]*\)/g) ?? [];
  const [red, green, blue] = (found[scheme] ?? found[0] ?? "").match(/\d+/g)?.map(Number) ?? [];
  if (red === undefined || green === undefined || blue === undefined) return null;
  return [red, green, blue];
}

describe("terminal colours", () => {
  it("leaves a plain line in one piece, and an empty one in none", () => {
    expect(segmentsOf("as it <b>stands</b>").map(({ text }) => text)).toEqual([
      "as it <b>stands</b>",
    ]);
    expect(segmentsOf("")).toEqual([]);
  });

  it("gives each piece its own decorations, not those that follow", () => {
    const [bold, both, plain] = segmentsOf(`${CSI}1mbold ${CSI}4mboth${CSI}0m plain`);
    expect(bold).toMatchObject({ text: "bold ", bold: true, underline: false });
    expect(both).toMatchObject({ text: "both", bold: true, underline: true });
    expect(plain).toMatchObject({ text: " plain", bold: false, underline: false, color: null });
  });

  it("knows the 16 colours, the 256 and all others", () => {
    const colors = (codes: string) => segmentsOf(`${CSI}${codes}mx`)[0]?.color;
    expect(colors("31")).toMatch(/^light-dark\(rgb\(.*\), rgb\(255 125 136\)\)$/);
    expect(colors("38;5;9")).toBe(colors("91"));
    expect(colors("38;5;208")).toMatch(/, rgb\(255 135 0\)\)$/);
    expect(colors("38;5;250")).toMatch(/, rgb\(188 188 188\)\)$/);
    expect(colors("38;2;250;251;252")).toMatch(/, rgb\(250 251 252\)\)$/);
    expect(colors("38;2;1;2;3")).toMatch(/^light-dark\(rgb\(1 2 3\), /);
    expect(colors("39")).toBeNull();
  });

  it("swaps ink and ground where they are reversed, and shows what is hidden", () => {
    const [reverse] = segmentsOf(`${CSI}7mx`);
    expect(reverse?.background).toBe("light-dark(rgb(22 24 29), rgb(242 242 242))");
    const [hidden] = segmentsOf(`${CSI}8msecret`);
    expect(hidden).toMatchObject({ text: "secret" });
    expect(hidden?.color).not.toBeNull();
  });

  it.each(LINES)("does not show $what", ({ line, shown }) => {
    expect(textOf(segmentsOf(line))).toBe(shown);
  });

  test("all text can be read, on whatever ground", () => {
    const level = fc.integer({ min: 0, max: 255 });
    const code = fc.constantFrom("38;2;", "48;2;");
    const exact = fc.tuple(code, level, level, level).map(([kind, ...rgb]) => kind + rgb.join(";"));
    const named = fc.constantFrom("1", "2", "7", "8", "30", "34", "44", "47", "97", "100", "107");
    const numbered = fc
      .tuple(fc.constantFrom("38;5;", "48;5;"), level)
      .map((parts) => parts.join(""));
    fc.assert(
      fc.property(
        fc.array(fc.constantFrom(exact, named, numbered).chain((some) => some)),
        (codes) => {
          for (const { color, background } of segmentsOf(`${CSI}${codes.join(";")}mx`)) {
            if (background !== null) expect(color).not.toBeNull();
            for (const [scheme, behind] of GROUNDS.entries()) {
              const ink = colorOf(color, scheme);
              const ground = colorOf(background, scheme) ?? behind;
              if (ink) expect(contrast(ink, ground)).toBeGreaterThanOrEqual(4.5);
            }
          }
        },
      ),
    );
  });

  test("a colour that can be read stays as it is", () => {
    expect(readable([143, 208, 20], [18, 18, 18])).toEqual([143, 208, 20]);
    expect(contrast([255, 255, 255], [0, 0, 0])).toBeCloseTo(21);
  });
});

describe("marks", () => {
  /** The pieces, with the places of a text marked. */
  function markedIn(line: string, text: string): readonly Segment[] {
    const segments = segmentsOf(line);
    const { pattern } = patternOf({ text, isExpression: false, matchCase: false });
    return withMarks(segments, pattern ? placesIn(textOf(segments), pattern) : []);
  }
  const marked = (line: string, query: string) =>
    markedIn(line, query).map(({ text, marked }) => (marked ? `[${text}]` : text));

  it("stands wherever the query does, in whatever case", () => {
    expect(marked("No Such thing, no such", "no such")).toEqual([
      "[No Such]",
      " thing, ",
      "[no such]",
    ]);
    expect(marked("nothing", "xyz")).toEqual(["nothing"]);
    expect(marked("nothing", "")).toEqual(["nothing"]);
    expect(marked("aaa", "aa")).toEqual(["[aa]", "a"]);
  });

  it("goes from one colour into the next", () => {
    expect(marked(`err${CSI}31mor and${CSI}0m so`, "error")).toEqual([
      "[err]",
      "[or]",
      " and",
      " so",
    ]);
  });

  it("stands where it is, also in what is longer in lower case", () => {
    expect(marked("İstanbul", "STAN")).toEqual(["İ", "[stan]", "bul"]);
  });

  test("never changes the text", () => {
    const piece = fc.constantFrom("a", "ab", "b ", `${CSI}31m`, `${CSI}0m`, "A");
    fc.assert(
      fc.property(fc.array(piece), fc.constantFrom("a", "ab", "b a", "ba"), (pieces, query) => {
        const segments = segmentsOf(pieces.join(""));
        const cut = markedIn(pieces.join(""), query);
        expect(textOf(cut)).toBe(textOf(segments));
        const text = textOf(segments).toLowerCase();
        const all = text.split(query).length - 1;
        const length = textOf(cut.filter((segment) => segment.marked)).length;
        expect(length).toBe(all * query.length);
      }),
    );
  });
});

describe("rows", () => {
  const rising = fc.array(fc.integer({ min: 0, max: 50 })).map((steps) => {
    let number = 0;
    return steps.map((step) => {
      number += step + 1;
      return number;
    });
  });

  test("a line is where one would find it by looking at all", () => {
    fc.assert(
      fc.property(rising, fc.integer({ min: 0, max: 2_000 }), (numbers, number) => {
        const found = numbers.findIndex((one) => one >= number);
        expect(indexAt(numbers, number)).toBe(found < 0 ? numbers.length : found);
      }),
    );
  });

  test("a place is where it was, until lines before it go", () => {
    const numbers = Array.from({ length: 100 }, (_, index) => 1_000 + index);
    const top = (left: number[]) => topOf(new Rows(left), { number: 1_050, rest: 7 }, 22);
    expect(spotAt(new Rows(numbers), 50 * 22 + 7, 22)).toEqual({ number: 1_050, rest: 7 });
    expect(top(numbers)).toBe(50 * 22 + 7);
    expect(top(numbers.slice(30))).toBe(20 * 22 + 7);
    expect(top(numbers.slice(80))).toBe(7);
    expect(top(numbers.filter((number) => number % 2 === 0))).toBe(25 * 22 + 7);
  });

  test("there is no place where there is no line", () => {
    expect(spotAt(new Rows([]), 0, 22)).toBeNull();
    expect(linesInSight(new Rows([]), 0, 500, 22)).toEqual({ from: 0, to: 0 });
  });

  test("every row in sight is drawn, and few others", () => {
    const pixels = fc.integer({ min: 0, max: 4_000_000 });
    const counts = fc.integer({ min: 0, max: 20_000 });
    fc.assert(
      fc.property(counts, pixels, fc.integer({ min: 0, max: 3_000 }), (count, top, sight) => {
        const numbers = Array.from({ length: count }, (_, index) => index);
        const { from, to } = linesInSight(new Rows(numbers), top, sight, 22);
        expect(from).toBeGreaterThanOrEqual(0);
        expect(to).toBeLessThanOrEqual(count);
        expect(to - from).toBeLessThanOrEqual(sight / 22 + 27);
        for (const pixel of [top, top + sight / 2, top + sight - 1]) {
          const row = Math.floor(pixel / 22);
          if (pixel < top || row >= count) continue;
          expect(from).toBeLessThanOrEqual(row);
          expect(to).toBeGreaterThan(row);
        }
      }),
      { numRuns: 40 },
    );
  });

  test("wrapped lines are where their rows are, also those that come later", () => {
    const heights = fc.array(fc.integer({ min: 1, max: 9 }), { minLength: 1, maxLength: 60 });
    fc.assert(
      fc.property(heights, heights, (first, later) => {
        const all = [...first, ...later];
        const numbers = first.map((_, index) => index * 2);
        const rows = new Rows(numbers, (number) => all[number / 2] ?? 0);
        const sum = (count: number) => all.slice(0, count).reduce((one, next) => one + next, 0);
        expect(rows.count).toBe(sum(first.length));
        for (const _ of later) numbers.push(numbers.length * 2);
        expect(rows.count).toBe(sum(all.length));
        for (const [index, height] of all.entries()) {
          expect(rows.before(index)).toBe(sum(index));
          expect(rows.indexOf(sum(index))).toBe(index);
          expect(rows.indexOf(sum(index) + height - 1)).toBe(index);
          const spot = spotAt(rows, sum(index) * 22 + 5, 22);
          expect(spot).toEqual({ number: index * 2, rest: 5 });
          if (spot) expect(topOf(rows, spot, 22)).toBe(sum(index) * 22 + 5);
        }
        expect(rows.indexOf(1_000_000)).toBe(all.length - 1);
      }),
    );
  });

  test("a wrapped line takes the rows that its columns fill", () => {
    expect(rowsOf("", 80, false)).toBe(1);
    expect(rowsOf("x".repeat(80), 80, false)).toBe(1);
    expect(rowsOf("x".repeat(81), 80, false)).toBe(2);
    expect(rowsOf("犬".repeat(40), 81, false)).toBe(1);
    expect(rowsOf("犬".repeat(41), 81, false)).toBe(2);
    expect(rowsOf("x", 0, false)).toBe(1);
    const long = "x".repeat(12_000);
    expect(rowsOf(long, 100, true)).toBe(120);
    // Ten rows, and one that says how much more there is.
    expect(rowsOf(long, 100, false)).toBe(11);
  });

  test("a long line is not folded in the middle of a character", () => {
    const text = `${"x".repeat(999)}😀${"x".repeat(1_000)}`;
    expect(text.slice(0, foldOf(text))).toBe("x".repeat(999));
    expect(isLong("x".repeat(1_000))).toBe(false);
  });
});

describe("times", () => {
  const job: Job = {
    id: "a",
    status: "running",
    started_at: "2026-01-01T00:00:00Z",
    ended_at: null,
    lines: 0,
  };
  const NOW = Date.parse("2026-01-01T00:01:00Z");

  it("counts on while a job runs, and no longer", () => {
    expect(lengthOf(job, NOW)).toBe(60_000);
    expect(lengthOf({ ...job, ended_at: "2026-01-01T00:00:10Z" }, NOW)).toBe(10_000);
    expect(lengthOf({ ...job, status: null }, NOW)).toBeNull();
    expect(lengthOf({ ...job, started_at: null }, NOW)).toBeNull();
    expect(lengthOf(job, NOW - 3_600_000)).toBe(0);
  });

  it("tells the time of day to the millisecond", () => {
    expect(timeOfDay(new Date(2026, 0, 1, 3, 4, 5, 6).getTime())).toEqual({
      clock: "03:04:05",
      rest: ".006",
    });
  });
});

describe("words", () => {
  const live: LogNews = {
    connectionState: "live",
    staleSince: null,
    ended: null,
    status: null,
    exitCode: null,
    lines: 1_234,
    presence: "there",
  };
  const NONE = { lines: 0, presence: { missing: "no job a is known here" } } as const;
  const closed = (code: number, reason = "") =>
    ({ connectionState: "closed", ended: { code, reason } }) as const;
  const NORMAL = closed(CloseCode.NORMAL);

  it.each<[string, Partial<LogNews>, string, boolean]>([
    ["connecting", { connectionState: "connecting", lines: 0 }, "Connecting…", false],
    ["reconnecting", { connectionState: "connecting", staleSince: 1 }, "1,234 lines so far", true],
    ["live", {}, "Live", false],
    ["degraded", { connectionState: "degraded" }, "Live", false],
    ["stale", { connectionState: "stale", staleSince: 1 }, "No sign of the server since", true],
    ["ended, still open", { status: "failed", exitCode: 2 }, "Failed, exit code 2", false],
    ["completed", { ...NORMAL, status: "completed", exitCode: 0 }, "Completed, exit code 0", false],
    ["killed", { ...NORMAL, status: "failed", exitCode: 137 }, "Failed, ended by signal 9", false],
    ["cancelled", { ...NORMAL, status: "cancelled" }, "Cancelled", false],
    ["idle", closed(CloseCode.NORMAL, "Idle timeout"), "Nothing was said for a while", true],
    ["closed", NORMAL, "Closed, without word", true],
    ["of no job", NONE, "No such job", false],
    [
      "of no job, and idle",
      { ...NONE, ...closed(CloseCode.NORMAL, "Idle timeout") },
      "No such",
      true,
    ],
    ["of no job, without a key", { ...NONE, ...closed(CloseCode.UNAUTHORIZED) }, "Refused", false],
    ["of no job, connecting", { ...NONE, connectionState: "connecting" }, "Connecting…", false],
    ["silent", { silentSince: "11:42" }, "Connected; the job said nothing since 11:42", false],
    ["of a job that nobody knows", { lines: 0, presence: { unknown: "why" } }, "Not known", false],
    ["of a job that is asked for", { lines: 0, presence: "asked" }, "Connecting…", false],
    ["without a key", closed(CloseCode.UNAUTHORIZED), "Refused: an API key is needed", false],
    ["of another page", closed(CloseCode.FORBIDDEN_ORIGIN), "Refused: this page's", false],
  ])("says how a log is that is %s", (_name, news, text, again) => {
    const words = logWords({ ...live, ...news });
    expect(words.text).toContain(text);
    expect(words.again).toBe(again);
  });

  it("says why there is no line", () => {
    const none: NoLines = {
      kept: 0,
      paused: false,
      cleared: false,
      over: false,
      connectionState: "live",
      presence: "there",
    };
    const title = (how: Partial<NoLines>) => noLineWords({ ...none, ...how }).title;
    expect(title({})).toBe("No line yet");
    expect(title({ connectionState: "connecting" })).toBe("Connecting…");
    expect(title({ connectionState: "closed", cleared: true })).toBe("No lines");
    expect(title({ kept: 3 })).toBe("No line matches");
    expect(title({ kept: 3, paused: true })).toBe("Paused");
    expect(title({ cleared: true })).toBe("Cleared");
    expect(title({ over: true })).toBe("No lines");
    expect(title({ presence: "asked" })).toBe("Connecting…");
    expect(noLineWords({ ...none, kept: 1 }).hint).toBe("1 line does not.");
    const presence = { missing: "job a is gone" };
    expect(noLineWords({ ...none, presence })).toEqual({
      title: "No such job",
      hint: "Job a is gone. Should it begin, its lines show here at once.",
    });
    expect(noLineWords({ ...none, presence, connectionState: "closed" }).hint).toBe(
      "Job a is gone.",
    );
    const unknown = noLineWords({ ...none, presence: { unknown: "Redis does not answer" } });
    expect(unknown).toEqual({ title: "Not known", hint: "Redis does not answer." });
  });
});
