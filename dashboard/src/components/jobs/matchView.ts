/** Which lines a log with a search shows. Pure. */

import { indexAt } from "./rows";

/** The lines around each match that are shown with it; null: all lines are shown. */
export type Around = number | null;

export const AROUND: readonly Around[] = [0, 3, 10, null];

/**
 * The numbers to show: those of the matches, and of so many before and after each.
 *
 * @param numbers Of all lines that could be shown, rising.
 * @param matching Some of them, rising.
 */
export function withAround(
  numbers: readonly number[],
  matching: readonly number[],
  around: number,
): readonly number[] {
  if (around === 0) return matching;
  const shown: number[] = [];
  let next = 0;
  for (const match of matching) {
    const index = indexAt(numbers, match);
    const end = Math.min(numbers.length, index + around + 1);
    for (let at = Math.max(next, index - around); at < end; at += 1) {
      const number = numbers[at];
      if (number !== undefined) shown.push(number);
    }
    next = Math.max(next, end);
  }
  return shown;
}

/**
 * The match to go to: the next one, or the one before; after the last one the first again.
 *
 * @param matching The numbers of the matches, rising.
 * @param from The number of the line where somebody is; null: at the start.
 */
export function matchAfter(
  matching: readonly number[],
  from: number | null,
  direction: 1 | -1,
): number | null {
  if (matching.length === 0) return null;
  if (direction === 1) {
    return matching[indexAt(matching, from === null ? 0 : from + 1)] ?? matching[0] ?? null;
  }
  return matching[indexAt(matching, from ?? 0) - 1] ?? matching.at(-1) ?? null;
}
