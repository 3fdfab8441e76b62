/** Which lines of a log are selected, and the link to them. Pure. */

import { indexAt } from "./rows";

/** Lines by their numbers in the buffer: from where somebody began to where they are. */
export interface LineSelection {
  readonly anchor: number;
  readonly focus: number;
}

/** The first and the last selected line. */
export function endsOf({ anchor, focus }: LineSelection): readonly [first: number, last: number] {
  return anchor < focus ? [anchor, focus] : [focus, anchor];
}

export function includes(selection: LineSelection | null, number: number): boolean {
  if (selection === null) return false;
  const [first, last] = endsOf(selection);
  return first <= number && number <= last;
}

/** The selected ones of these rising numbers. */
export function selectedOf(
  numbers: readonly number[],
  selection: LineSelection,
): readonly number[] {
  const [first, last] = endsOf(selection);
  return numbers.slice(indexAt(numbers, first), indexAt(numbers, last + 1));
}

/** The selection, after going some of the shown lines up (negative) or down. */
export function extended(
  numbers: readonly number[],
  selection: LineSelection,
  by: number,
): LineSelection {
  const index = Math.min(Math.max(0, indexAt(numbers, selection.focus) + by), numbers.length - 1);
  return { ...selection, focus: numbers[index] ?? selection.focus };
}

/** Lines by their numbers in the log, as a link has them. */
export interface LineRange {
  readonly first: number;
  readonly last: number;
}

const HASH = /^#L(\d{1,14})(?:-L?(\d{1,14}))?$/;

/** The lines that an address names: `#L120`, `#L120-L130`; null where it names none. */
export function rangeIn(hash: string): LineRange | null {
  const found = HASH.exec(hash);
  if (!found) return null;
  const one = Number(found[1]);
  const other = Number(found[2] ?? found[1]);
  return { first: Math.min(one, other), last: Math.max(one, other) };
}

/** How an address names lines. */
export function hashOf({ first, last }: LineRange): string {
  return first === last ? `#L${first}` : `#L${first}-L${last}`;
}
