/** Where the lines are that a link names. Pure. */

import type { LogBuffer } from "@hsi/realtime";
import type { LineRange } from "./lineSelection";

/** In the buffer; or no longer there, since the log begins later; or not there yet. */
export type Whereabouts =
  | {
      readonly state: "there";
      readonly first: number;
      readonly last: number;
      /** Whether no more of them can come. */
      readonly isComplete: boolean;
    }
  | { readonly state: "gone"; readonly begins: number }
  | { readonly state: "missing" };

/** Where these lines of the log are; of a range, those that are there. */
export function whereIs(lines: LogBuffer, range: LineRange): Whereabouts {
  let first: number | null = null;
  let last = -1;
  let begins: number | null = null;
  let isComplete = false;
  for (let number = lines.first; number < lines.end; number += 1) {
    const inLog = lines.at(number)?.number ?? null;
    if (inLog === null) continue;
    begins ??= inLog;
    isComplete ||= inLog >= range.last;
    if (inLog < range.first || inLog > range.last) continue;
    first ??= number;
    last = number;
  }
  if (first !== null) return { state: "there", first, last, isComplete };
  if (begins !== null && begins > range.last) return { state: "gone", begins };
  return { state: "missing" };
}
