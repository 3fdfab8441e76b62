/** Where a line stands among those that are shown, and how far down that is. Pure. */

/** Rows that are laid out at once, ahead of the lines to come. */
const STEP = 4_096;

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
 * How many rows the virtualizer counts, for so many lines.
 *
 * Whenever its count changes it lays out all rows anew (2 ms for 100,000): so it changes seldom, not
 * with every frame.
 */
export function roomFor(lines: number): number {
  return Math.ceil(lines / STEP) * STEP;
}

/** A place in the log that stays where it is when lines before it go, or come. */
export interface Place {
  /** The number of the line at the top. */
  readonly number: number;
  /** How much of it is above the top, in pixels. */
  readonly rest: number;
}

/** The place at so many pixels from the start; null where there is no line. */
export function placeAt(numbers: readonly number[], top: number, height: number): Place | null {
  const index = Math.min(Math.floor(top / height), numbers.length - 1);
  const number = numbers[Math.max(0, index)];
  return number === undefined ? null : { number, rest: top - index * height };
}

/** How many pixels from the start a place is now. */
export function topOf(numbers: readonly number[], place: Place, height: number): number {
  return indexAt(numbers, place.number) * height + place.rest;
}
