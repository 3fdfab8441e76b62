import type { LogLevel, LogLine } from "./lenient.ts";
import { LOG_LEVELS } from "./lenient.ts";

/** Lines that are kept, at least. */
export const KEPT_LINES = 100_000;
/** Lines that are dropped at once, when there are this many more. */
const SLACK = 5_000;

/** The last lines of a log. Each has a number for life, from 0 on. Pure. */
export class LogBuffer {
  #lines: LogLine[] = [];
  #first = 0;
  #trimmed = false;
  readonly #kept: number;

  constructor(kept = KEPT_LINES) {
    this.#kept = kept;
  }

  /** The number of the oldest line that is kept. */
  get first(): number {
    return this.#first;
  }

  /** The number that the next line will have. */
  get end(): number {
    return this.#first + this.#lines.length;
  }

  /** Whether lines were dropped since it was empty. */
  get trimmed(): boolean {
    return this.#trimmed;
  }

  at(number: number): LogLine | undefined {
    return this.#lines[number - this.#first];
  }

  push(lines: readonly LogLine[]): void {
    for (const line of lines) this.#lines.push(line);
    const many = this.#lines.length - this.#kept;
    if (many < Math.min(SLACK, this.#kept)) return;
    this.#lines = this.#lines.slice(many);
    this.#first += many;
    this.#trimmed = true;
  }

  /** Forget all lines; those to come are numbered on. */
  clear(): void {
    this.#first = this.end;
    this.#lines = [];
    this.#trimmed = false;
  }
}

/** What a viewer shows of a log. */
export interface LogFilter {
  /** Lines of this level and above. */
  readonly level: LogLevel;
  /** Lines with this text, in whatever case; empty: all. */
  readonly query: string;
}

export const NO_FILTER: LogFilter = { level: "DEBUG", query: "" };

/** The numbers of a buffer's lines that a filter lets through; looks at each line once. Pure. */
export class LogView {
  readonly #buffer: LogBuffer;
  readonly #filter: LogFilter;
  readonly #rank: number;
  readonly #query: string;
  #numbers: number[] = [];
  #seen = 0;

  constructor(buffer: LogBuffer, filter: LogFilter) {
    this.#buffer = buffer;
    this.#filter = filter;
    this.#rank = LOG_LEVELS.indexOf(filter.level);
    this.#query = filter.query.toLowerCase();
  }

  get filter(): LogFilter {
    return this.#filter;
  }

  /** Look at what is new, up to the line with this number, and return the numbers to show. */
  upTo(end: number): readonly number[] {
    const { first } = this.#buffer;
    if (this.#numbers.length > 0 && (this.#numbers[0] ?? 0) < first) {
      const kept = this.#numbers.findIndex((number) => number >= first);
      this.#numbers = kept < 0 ? [] : this.#numbers.slice(kept);
    }
    const upTo = Math.min(end, this.#buffer.end);
    for (let number = Math.max(this.#seen, first); number < upTo; number += 1) {
      const line = this.#buffer.at(number);
      if (line && this.#lets(line)) this.#numbers.push(number);
    }
    this.#seen = Math.max(this.#seen, upTo);
    return this.#numbers;
  }

  #lets(line: LogLine): boolean {
    if (LOG_LEVELS.indexOf(line.level) < this.#rank) return false;
    if (this.#query === "") return true;
    return `${line.plain} ${line.context}`.toLowerCase().includes(this.#query);
  }
}
