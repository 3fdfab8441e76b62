/** Where a line stands among those that are shown, and how far down that is. Pure. */

/** Rows above and below those in sight: a frame may scroll so far before they are drawn. */
const OVERSCAN = 12;

/** The index of the first of these rising numbers that is at least this one. */
export function indexAt(numbers: readonly number[], number: number): number {
  let low = 0;
  let high = numbers.length;
  while (low < high) {
    const middle = (low + high) >>> 1;
    if ((numbers[middle] ?? 0) < number) low = middle + 1;
    else high = middle;
  }
  return low;
}

/**
 * The lines that are shown, each with how many rows it takes: one, or more where it is wrapped. So
 * where a line is, is arithmetic, and none has to be drawn to know it.
 */
export class Rows {
  /** The numbers of the lines; may be one array that grows. */
  readonly numbers: readonly number[];
  readonly #rowsOf: ((number: number) => number) | null;
  /** How many rows are before each line, and before the end. */
  readonly #before: number[] = [0];

  /** @param rowsOf How many rows a line takes; null: each takes one. */
  constructor(numbers: readonly number[], rowsOf: ((number: number) => number) | null = null) {
    this.numbers = numbers;
    this.#rowsOf = rowsOf;
  }

  /** Of all lines. */
  get count(): number {
    return this.before(this.numbers.length);
  }

  /** How many rows are before the line with this index. */
  before(index: number): number {
    if (this.#rowsOf === null) return index;
    this.#measure();
    return this.#before[Math.min(index, this.numbers.length)] ?? 0;
  }

  /** The index of the line that this row is of; of what is beyond the end, the last one. */
  indexOf(row: number): number {
    const last = this.numbers.length - 1;
    if (this.#rowsOf === null) return Math.max(0, Math.min(row, last));
    this.#measure();
    return Math.max(0, Math.min(indexAt(this.#before, row + 1) - 1, last));
  }

  /** Each line is looked at once. */
  #measure(): void {
    for (let index = this.#before.length - 1; index < this.numbers.length; index += 1) {
      const rows = this.#rowsOf?.(this.numbers[index] ?? -1) ?? 1;
      this.#before.push((this.#before[index] ?? 0) + rows);
    }
  }
}

/**
 * The lines to draw: from this index, up to that one without it.
 *
 * @param top Pixels above what is in sight.
 * @param sight Pixels that are in sight.
 * @param height Of a row, in pixels.
 */
export function linesInSight(
  rows: Rows,
  top: number,
  sight: number,
  height: number,
): { readonly from: number; readonly to: number } {
  const count = rows.numbers.length;
  if (count === 0) return { from: 0, to: 0 };
  const first = rows.indexOf(Math.max(0, Math.floor(top / height) - OVERSCAN));
  const last = rows.indexOf(Math.max(0, Math.ceil((top + sight) / height) + OVERSCAN - 1));
  return { from: first, to: Math.min(count, last + 1) };
}

/** A place in the log that stays where it is when lines before it go, or come. */
export interface Spot {
  /** The number of the line at the top. */
  readonly number: number;
  /** How much of it is above the top, in pixels. */
  readonly rest: number;
}

/** The place at so many pixels from the start; null where there is no line. */
export function spotAt(rows: Rows, top: number, height: number): Spot | null {
  const index = rows.indexOf(Math.floor(top / height));
  const number = rows.numbers[index];
  return number === undefined ? null : { number, rest: top - rows.before(index) * height };
}

/** How many pixels from the start a place is now. */
export function topOf(rows: Rows, spot: Spot, height: number): number {
  return rows.before(indexAt(rows.numbers, spot.number)) * height + spot.rest;
}
