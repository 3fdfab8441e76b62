// @vitest-environment node
import fc from "fast-check";
import { expect, test } from "vitest";
import { LOG_LEVELS, type LogLine } from "../src/lenient";
import { KEPT_LINES, LogBuffer, type LogFilter, LogView, NO_FILTER } from "../src/logBuffer";

const letters = fc.string({ unit: fc.constantFrom("a", "B", "É", "é", " "), maxLength: 4 });

const line: fc.Arbitrary<LogLine> = fc
  .record({ level: fc.constantFrom(...LOG_LEVELS), plain: letters, context: letters })
  .map(({ plain, ...rest }) => ({
    ...rest,
    plain,
    text: `\u001b[1m${plain}`,
    number: null,
    at: null,
    fields: null,
    continues: false,
  }));

const filter: fc.Arbitrary<LogFilter> = fc.record({
  level: fc.constantFrom("DEBUG", ...LOG_LEVELS),
  query: fc.oneof(fc.constantFrom("", "a", "É"), letters),
});

/** Lines are pushed, the log is cleared, or somebody looks, at this many percent of what there is. */
const act = fc.oneof(
  { weight: 4, arbitrary: fc.array(line, { maxLength: 8 }).map((push) => ({ push })) },
  { weight: 1, arbitrary: fc.constant({ clear: true }) },
  { weight: 3, arbitrary: fc.nat(100).map((look) => ({ look })) },
);

/** What a buffer should be: all lines that ever came, and where those before the cut begin. */
class Naive {
  readonly all: LogLine[] = [];
  cleared = 0;

  lets(number: number, { level, query }: LogFilter): boolean {
    const found = this.all[number];
    if (!found) return false;
    const ranks = [found.level, level].map((one) => LOG_LEVELS.indexOf(one));
    const words = `${found.plain} ${found.context}`.toLowerCase();
    return (ranks[0] ?? 0) >= (ranks[1] ?? 0) && words.includes(query.toLowerCase());
  }
}

test("a buffer keeps the last lines, each under its number for life", () => {
  fc.assert(
    fc.property(fc.array(act, { maxLength: 30 }), fc.integer({ min: 1, max: 12 }), (acts, kept) => {
      const [buffer, naive] = [new LogBuffer(kept), new Naive()];
      for (const step of acts) {
        if ("push" in step) {
          buffer.push(step.push);
          naive.all.push(...step.push);
        } else if ("clear" in step) {
          buffer.clear();
          naive.cleared = naive.all.length;
        }
        expect(buffer.end).toBe(naive.all.length);
        const many = buffer.end - buffer.first;
        expect(buffer.first).toBeGreaterThanOrEqual(naive.cleared);
        expect(many).toBeGreaterThanOrEqual(Math.min(kept, buffer.end - naive.cleared));
        expect(many).toBeLessThanOrEqual(kept * 2);
        for (let number = -1; number <= buffer.end; number += 1) {
          expect(buffer.at(number)).toBe(number < buffer.first ? undefined : naive.all[number]);
        }
      }
    }),
  );
});

test("a view shows the lines that are kept, as far as it was asked to look, if they pass its filter", () => {
  fc.assert(
    fc.property(
      fc.array(act, { maxLength: 30 }),
      filter,
      fc.integer({ min: 1, max: 12 }),
      (acts, how, kept) => {
        const [buffer, naive] = [new LogBuffer(kept), new Naive()];
        const view = new LogView(buffer, how);
        expect(view.filter).toEqual(how);
        let seen = 0;
        for (const step of acts) {
          if ("push" in step) {
            buffer.push(step.push);
            naive.all.push(...step.push);
          } else if ("clear" in step) {
            buffer.clear();
          } else {
            // An end before what it has seen already is no reason to look away, and one beyond the
            // end is no promise of lines.
            const end = Math.round((step.look / 100) * (buffer.end + 3));
            seen = Math.max(seen, Math.min(end, buffer.end));
            const expected = [];
            for (let number = buffer.first; number < seen; number += 1) {
              if (naive.lets(number, how)) expected.push(number);
            }
            expect(view.upTo(end)).toEqual(expected);
          }
        }
      },
    ),
    { numRuns: 500 },
  );
});

function plain(text: string): LogLine {
  const rest = { number: null, at: null, fields: null, continues: false };
  return { ...rest, level: "INFO", text, plain: text, context: "" };
}

test("a view looks at each line once, however often it is asked", () => {
  let looks = 0;
  class Counted extends LogBuffer {
    override at(number: number): LogLine | undefined {
      looks += 1;
      return super.at(number);
    }
  }
  const buffer = new Counted();
  const view = new LogView(buffer, { level: "DEBUG", query: "7" });
  for (let count = 0; count < 100; count += 1) {
    buffer.push([plain(String(count)), plain("x")]);
    view.upTo(buffer.end);
    view.upTo(buffer.end);
  }
  expect(view.upTo(buffer.end)).toHaveLength(19);
  expect(looks).toBe(200);
});

test("without a filter all is shown", () => {
  const buffer = new LogBuffer();
  buffer.push(LOG_LEVELS.map((level) => ({ ...plain(""), level })));
  expect(new LogView(buffer, NO_FILTER).upTo(buffer.end)).toEqual([0, 1, 2, 3, 4]);
});

test("100,000 lines are kept, and 5,000 more before some are dropped", () => {
  expect(KEPT_LINES).toBe(100_000);
  const buffer = new LogBuffer();
  const piece = Array.from({ length: 1_000 }, () => plain("x"));
  const many = Array.from({ length: 230 }, () => {
    buffer.push(piece);
    return buffer.end - buffer.first;
  });
  expect(many.slice(0, 104)).toEqual(many.slice(0, 104).map((_, index) => (index + 1) * 1_000));
  expect(Math.min(...many.slice(100))).toBe(100_000);
  expect(Math.max(...many)).toBe(104_000);
  expect(buffer.end).toBe(230_000);
});
