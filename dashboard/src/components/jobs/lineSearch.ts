import type { LogBuffer } from "@hsi/realtime";
import { indexAt } from "./rows";
import type { Found } from "./search";
import type { Question } from "./searchWorker";
import { shownLine } from "./shown";

/** Lines, or characters of them, that a thread is asked about at once. */
const MOST_LINES = 2_000;
const MOST_CHARACTERS = 200_000;
/** Milliseconds that it may take over them. Without backtracking it takes a few. */
const LIMIT = 1_000;
/** Milliseconds more, in which an answer that came while the page was busy is read. */
const GRACE = 100;

/** A thread that looks at lines; a `Worker` is one. */
export interface SearchThread {
  postMessage(question: Question): void;
  terminate(): void;
}

/** Starts a thread, which calls `hear` with what it says, and `fail` if it cannot run. */
export type StartThread = (hear: (data: unknown) => void, fail: () => void) => SearchThread;

/** How a search is: under way, through with all that there is, or given up. */
export type SearchPhase = "searching" | "searched" | "tooSlow" | "failed";

export interface SearchState {
  readonly phase: SearchPhase;
  /** The numbers of the lines with a match, rising; one array that grows, so look at its length. */
  readonly matching: readonly number[];
  /** Those of them that take long: nothing is marked in them. */
  readonly slow: ReadonlySet<number>;
}

export const NOTHING_SEARCHED: SearchState = { phase: "searched", matching: [], slow: new Set() };

/**
 * Looks for an expression in a log, in a thread of its own: an expression can take minutes for one
 * line (`(a+)+$`), and nothing but the end of its thread stops it. What takes over a second is given
 * up. While somebody subscribes, it looks at new lines, too.
 */
export class LineSearch {
  readonly pattern: RegExp;
  readonly #lines: LogBuffer;
  readonly #start: StartThread;
  readonly #listeners = new Set<() => void>();
  #thread: SearchThread | null = null;
  #isReady = false;
  /** The lines that the thread looks at; null while it has nothing to do. */
  #asked: readonly [from: number, to: number] | null = null;
  #timer: ReturnType<typeof setTimeout> | undefined;
  #looked = 0;
  #end = 0;
  #matching: number[] = [];
  readonly #slow = new Set<number>();
  #state: SearchState;

  /** @param start Starts a thread. */
  constructor(lines: LogBuffer, pattern: RegExp, start: StartThread) {
    this.#lines = lines;
    this.pattern = pattern;
    this.#start = start;
    this.#state = { phase: "searching", matching: this.#matching, slow: this.#slow };
  }

  readonly get = (): SearchState => this.#state;

  readonly subscribe = (listener: () => void): (() => void) => {
    this.#listeners.add(listener);
    return () => {
      this.#listeners.delete(listener);
      if (this.#listeners.size === 0) this.#stop();
    };
  };

  /** Look at all lines up to the one with this number. */
  readonly upTo = (end: number): void => {
    this.#end = end;
    const { phase } = this.#state;
    if (phase === "tooSlow" || phase === "failed") return;
    this.#forget();
    if (this.#thread === null && this.#looked < end) this.#begin();
    else this.#ask();
    if (this.#looked >= end && phase === "searching") this.#tell("searched");
  };

  #begin(): void {
    try {
      this.#thread = this.#start(this.#hear, () => this.#giveUp("failed"));
    } catch {
      this.#tell("failed");
    }
  }

  readonly #hear = (data: unknown): void => {
    if (data === "ready") this.#isReady = true;
    else if (isFound(data)) this.#take(data);
    this.#ask();
  };

  #ask(): void {
    const from = Math.max(this.#looked, this.#lines.first);
    if (!this.#thread || !this.#isReady || this.#asked || from >= this.#end) return;
    const lines: string[] = [];
    let characters = 0;
    let number = from;
    while (number < this.#end && lines.length < MOST_LINES && characters < MOST_CHARACTERS) {
      const line = this.#lines.at(number);
      const text = line ? shownLine(line) : "";
      lines.push(text);
      characters += text.length;
      number += 1;
    }
    this.#asked = [from, number];
    this.#timer = setTimeout(() => {
      this.#timer = setTimeout(() => this.#giveUp("tooSlow"), GRACE);
    }, LIMIT);
    const { source, flags } = this.pattern;
    this.#thread.postMessage({ source, flags, lines });
  }

  #take({ matching, slow }: Found): void {
    clearTimeout(this.#timer);
    if (!this.#asked) return;
    const [from, to] = this.#asked;
    this.#asked = null;
    this.#looked = to;
    for (const index of matching) this.#matching.push(from + index);
    for (const index of slow) this.#slow.add(from + index);
    this.#forget();
    this.#tell(this.#looked >= this.#end ? "searched" : this.#state.phase);
  }

  /** What is no longer kept is no longer found. */
  #forget(): void {
    const { first } = this.#lines;
    if ((this.#matching[0] ?? first) >= first) return;
    this.#matching = this.#matching.slice(indexAt(this.#matching, first));
    for (const number of this.#slow) if (number < first) this.#slow.delete(number);
    this.#tell(this.#state.phase);
  }

  #giveUp(phase: SearchPhase): void {
    this.#stop();
    this.#tell(phase);
  }

  #stop(): void {
    clearTimeout(this.#timer);
    this.#thread?.terminate();
    this.#thread = null;
    this.#asked = null;
    this.#isReady = false;
  }

  #tell(phase: SearchPhase): void {
    this.#state = { phase, matching: this.#matching, slow: this.#slow };
    for (const listener of [...this.#listeners]) listener();
  }
}

/** Of its own thread, whose answers are as it makes them. */
function isFound(value: unknown): value is Found {
  return typeof value === "object" && value !== null && "matching" in value && "slow" in value;
}
