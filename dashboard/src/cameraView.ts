/** How many cameras are shown, and which of them. Pure. */

import type { Watched } from "./watched";

/** With more of them than this, each has a small tile. */
export const FEW = 12;

/** The cameras to show. */
export function shownOf(watched: readonly Watched[], onlyWithEvents: boolean): readonly Watched[] {
  return onlyWithEvents ? watched.filter(({ last }) => last !== null) : watched;
}
