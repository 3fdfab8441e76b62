// @vitest-environment node
import { afterEach, expect, test, vi } from "vitest";
import { LineSearch, type SearchThread } from "../../src/components/jobs/lineSearch";
import { matchAfter, withAround } from "../../src/components/jobs/matchView";
import { foundIn, NO_SEARCH, patternOf, placesIn } from "../../src/components/jobs/search";
import type { Question } from "../../src/components/jobs/searchWorker";
import { bufferOf, line } from "./lines";

afterEach(() => vi.useRealTimers());

function places(line: string, text: string, how: Partial<typeof NO_SEARCH> = {}) {
  const { pattern } = patternOf({ ...NO_SEARCH, text, ...how });
  return pattern && placesIn(line, pattern).map(([from, to]) => line.slice(from, to));
}

test("a text is found as it is written, in any case, or in its own", () => {
  expect(places("GET /a?b=(c) [d]", "/A?B=(C) [")).toEqual(["/a?b=(c) ["]);
  expect(places("error Error", "Error", { matchCase: true })).toEqual(["Error"]);
  expect(places("STRASSE 10 µs", "µS")).toEqual(["µs"]);
  expect(places("a\\b", "\\b")).toEqual(["\\b"]);
});

test("an expression is found, also one as other programs write it", () => {
  expect(places("took 12 ms, 340 ms", "\\d+ ms", { isExpression: true })).toEqual([
    "12 ms",
    "340 ms",
  ]);
  expect(places("a-b_c", "\\-b\\_", { isExpression: true })).toEqual(["-b_"]);
  expect(places("🐈🐈", "^.{2}$", { isExpression: true })).toEqual(["🐈🐈"]);
});

test("what is no expression says why, and no search has one", () => {
  const { pattern, error } = patternOf({ ...NO_SEARCH, text: "(", isExpression: true });
  expect(pattern).toBeNull();
  expect(error).toBe("Unterminated group");
  expect(patternOf(NO_SEARCH)).toEqual({ pattern: null, error: null });
});

test("what matches nothing of a line matches, marks nothing, and ends", () => {
  expect(places("abc", "x*", { isExpression: true })).toEqual([]);
  expect(foundIn(["abc", ""], /x*/g).matching).toEqual([0, 1]);
  expect(foundIn(["abc", ""], /^$/g).matching).toEqual([1]);
});

test("of a line, no more places are marked than can be told apart", () => {
  expect(places("a".repeat(12_000), "a")).toHaveLength(500);
});

test("lines that took long are told, so that nobody looks at them just to mark them", () => {
  let time = 0;
  const now = () => {
    time += 5;
    return time;
  };
  expect(foundIn(["a", "b"], /a/g, now).slow).toEqual([]);
  const late = () => {
    time += 20;
    return time;
  };
  expect(foundIn(["a", "b"], /a/g, late)).toEqual({ matching: [0], slow: [0] });
});

test("lines around matches are shown once each", () => {
  const numbers = [0, 2, 4, 6, 8, 10, 12, 14];
  expect(withAround(numbers, [4, 6], 1)).toEqual([2, 4, 6, 8]);
  expect(withAround(numbers, [0, 14], 2)).toEqual([0, 2, 4, 10, 12, 14]);
  expect(withAround(numbers, [], 3)).toEqual([]);
  expect(withAround(numbers, numbers, 3)).toEqual(numbers);
});

test("after the last match comes the first, and before the first the last", () => {
  const matching = [3, 5, 9];
  expect(matchAfter(matching, null, 1)).toBe(3);
  expect(matchAfter(matching, 3, 1)).toBe(5);
  expect(matchAfter(matching, 4, 1)).toBe(5);
  expect(matchAfter(matching, 9, 1)).toBe(3);
  expect(matchAfter(matching, 5, -1)).toBe(3);
  expect(matchAfter(matching, 3, -1)).toBe(9);
  expect(matchAfter(matching, null, -1)).toBe(9);
  expect(matchAfter([], 3, 1)).toBeNull();
});

/** A thread that answers when it is told to, as the real one would. */
class Thread implements SearchThread {
  readonly say: (data: unknown) => void;
  readonly questions: Question[] = [];
  ended = false;

  constructor(say: (data: unknown) => void) {
    this.say = say;
  }

  postMessage(question: Question): void {
    this.questions.push(question);
  }

  terminate(): void {
    this.ended = true;
  }

  answer(): void {
    const question = this.questions.at(-1);
    if (!question) throw new Error("nothing was asked");
    this.say(foundIn(question.lines, new RegExp(question.source, question.flags)));
  }
}

function searchOf(count: number, pattern: RegExp) {
  const lines = bufferOf(Array.from({ length: count }, (_, index) => line(`line ${index}`)));
  const threads: Thread[] = [];
  const search = new LineSearch(lines, pattern, (hear) => {
    const thread = new Thread(hear);
    threads.push(thread);
    return thread;
  });
  const release = search.subscribe(() => {});
  return { lines, search, threads, release };
}

test("a search looks at all lines, some at a time, and at new ones when they come", () => {
  const { lines, search, threads, release } = searchOf(4_500, /7$/g);
  search.upTo(lines.end);
  const [thread] = threads;
  expect(thread?.questions).toHaveLength(0);
  thread?.say("ready");
  for (const looked of [2_000, 4_000]) {
    thread?.answer();
    expect(search.get()).toMatchObject({ phase: "searching" });
    expect(search.get().matching).toHaveLength(looked / 10);
  }
  thread?.answer();
  expect(search.get()).toMatchObject({ phase: "searched" });
  expect(search.get().matching).toHaveLength(450);
  lines.push([line("line 8"), line("line 7")]);
  search.upTo(lines.end);
  thread?.answer();
  expect(search.get().matching.at(-1)).toBe(4_501);
  lines.clear();
  search.upTo(lines.end);
  expect(search.get().matching).toEqual([]);
  release();
  expect(thread?.ended).toBe(true);
});

test("an expression that would take minutes is given up after a second, with its thread", () => {
  vi.useFakeTimers();
  const { lines, search, threads } = searchOf(10, /(l+)+$/g);
  search.upTo(lines.end);
  threads[0]?.say("ready");
  vi.advanceTimersByTime(1_200);
  expect(search.get().phase).toBe("tooSlow");
  expect(threads[0]?.ended).toBe(true);
  search.upTo(lines.end);
  expect(threads).toHaveLength(1);
});

test("an answer that came while the page was busy still counts", () => {
  vi.useFakeTimers();
  const { lines, search, threads } = searchOf(10, /line/g);
  search.upTo(lines.end);
  threads[0]?.say("ready");
  vi.advanceTimersByTime(1_050);
  threads[0]?.answer();
  vi.advanceTimersByTime(1_000);
  expect(search.get().phase).toBe("searched");
});

test("where no thread can be had, that is said", () => {
  const search = new LineSearch(bufferOf([line("a")]), /a/g, () => {
    throw new Error("blocked");
  });
  search.upTo(1);
  expect(search.get().phase).toBe("failed");
});
