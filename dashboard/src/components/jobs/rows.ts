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
 * The rows to draw: from this index, up to this one without it.
 *
 * @param count Of all rows.
 * @param top Pixels above what is in sight.
 * @param sight Pixels that are in sight.
 * @param height Of a row, in pixels.
 */
export function rowsInSight(
  count: number,
  top: number,
  sight: number,
  height: number,
): { readonly from: number; readonly to: number } {
  const from = Math.max(0, Math.min(count, Math.floor(top / height) - OVERSCAN));
  return { from, to: Math.min(count, Math.ceil((top + sight) / height) + OVERSCAN) };
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
