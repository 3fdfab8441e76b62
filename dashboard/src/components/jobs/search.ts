/** Looks for a text or an expression in lines. Pure. */

/** What somebody looks for. */
export interface Search {
  readonly text: string;
  readonly isExpression: boolean;
  readonly matchCase: boolean;
}

export const NO_SEARCH: Search = { text: "", isExpression: false, matchCase: false };

/** Places of a line that are marked, at most: no more can be told apart. */
const MOST_PLACES = 500;
/** Milliseconds in a line after which it is not looked at again just to mark its places. */
const SLOW = 8;

/** Where something stands: from this character on, up to that one without it. */
export type Place = readonly [from: number, to: number];

export type Pattern =
  | { readonly pattern: RegExp | null; readonly error: null }
  | { readonly pattern: null; readonly error: string };

/** What to look for, as an expression; none where nothing is searched. */
export function patternOf({ text, isExpression, matchCase }: Search): Pattern {
  if (text === "") return { pattern: null, error: null };
  const flags = matchCase ? "g" : "gi";
  if (!isExpression) return { pattern: new RegExp(escaped(text), `${flags}u`), error: null };
  try {
    return { pattern: expression(text, flags), error: null };
  } catch (error) {
    return { pattern: null, error: reasonOf(error) };
  }
}

/** What is wrong with an expression. Browsers quote it first, and a person has it before their eyes. */
function reasonOf(error: unknown): string {
  const message = error instanceof Error ? error.message : String(error);
  return message.slice(message.lastIndexOf(": ") + 1).trim();
}

/** In whole characters where it can be, else as one writes them for other programs (`\-`, `\_`). */
function expression(text: string, flags: string): RegExp {
  try {
    return new RegExp(text, `${flags}u`);
  } catch {
    return new RegExp(text, flags);
  }
}

function escaped(text: string): string {
  return text.replace(/[\\^$.*+?()[\]{}|/]/g, "\\$&");
}

/** Where an expression (with the flag g) matches, from left to right. */
export function placesIn(text: string, pattern: RegExp): Place[] {
  const places: Place[] = [];
  let left = MOST_PLACES;
  pattern.lastIndex = 0;
  for (const { 0: match, index } of text.matchAll(pattern)) {
    // An empty match is one, and there is nothing of it to mark.
    if (match !== "") places.push([index, index + match.length]);
    left -= 1;
    if (left === 0) break;
  }
  return places;
}

/** What was found in some lines. */
export interface Found {
  /** The indexes of those with a match. */
  readonly matching: readonly number[];
  /** Those of them in which it took long. */
  readonly slow: readonly number[];
}

/** The lines in which an expression matches. */
export function foundIn(
  lines: readonly string[],
  pattern: RegExp,
  now: () => number = () => performance.now(),
): Found {
  const matching: number[] = [];
  const slow: number[] = [];
  for (const [index, line] of lines.entries()) {
    pattern.lastIndex = 0;
    const began = now();
    if (!pattern.test(line)) continue;
    matching.push(index);
    // All of them, as the page does to mark them: then that takes no longer than it took here.
    placesIn(line, pattern);
    if (now() - began > SLOW) slow.push(index);
  }
  return { matching, slow };
}
