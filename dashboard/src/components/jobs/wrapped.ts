/** How many rows a line takes where it is wrapped as a terminal does: at the last column. Pure. */

/** Characters of a line that are shown before the rest of it is folded away. */
export const FOLDED_AT = 1_000;

const NOT_ONE_COLUMN = /[^\u0020-\u007e]/;
/** The browser's own. */
const TAB = 8;

/** The columns of a text, at most: what is not ASCII may be as wide as two, and a tab as eight. */
export function columnsOf(text: string): number {
  if (!NOT_ONE_COLUMN.test(text)) return text.length;
  let columns = 0;
  for (const character of text) {
    if (character === "\t") columns += TAB;
    else columns += NOT_ONE_COLUMN.test(character) ? 2 : 1;
  }
  return columns;
}

/** Whether a part of the line is folded away, unless somebody has asked for it. */
export function isLong(text: string): boolean {
  return text.length > FOLDED_AT;
}

/** The character at which a long text is folded: never in the middle of one. */
export function foldOf(text: string): number {
  const before = text.charCodeAt(FOLDED_AT - 1);
  return before >= 0xd800 && before <= 0xdbff ? FOLDED_AT - 1 : FOLDED_AT;
}

/**
 * The rows that a line takes.
 *
 * @param text As it is shown.
 * @param columns That fit beside each other.
 * @param unfolded Whether somebody has asked for all of it.
 */
export function rowsOf(text: string, columns: number, unfolded: boolean): number {
  const folded = isLong(text) && !unfolded;
  const shown = folded ? text.slice(0, foldOf(text)) : text;
  const wide = NOT_ONE_COLUMN.test(shown);
  // What is two columns wide does not fit into the last one.
  const fitting = Math.max(1, wide ? columns - 1 : columns);
  const rows = Math.max(1, Math.ceil(columnsOf(shown) / fitting));
  // What says how much is folded away has a row of its own.
  return rows + (folded ? 1 : 0);
}
