import type { LogBuffer } from "@hsi/realtime";
import { useEffect, useMemo, useSyncExternalStore } from "react";
import { LineSearch, NOTHING_SEARCHED, type SearchState } from "./lineSearch";
import { startThread } from "./searchThread";

const nothing = () => NOTHING_SEARCHED;
const subscribeToNothing = () => () => {};

/**
 * The lines in which an expression matches.
 *
 * @param pattern Must be the same object while it says the same; null: nothing is searched.
 * @param end The number of the first line that is not looked at.
 */
export function useLineSearch(lines: LogBuffer, pattern: RegExp | null, end: number): SearchState {
  const search = useMemo(
    () => (pattern === null ? null : new LineSearch(lines, pattern, startThread)),
    [lines, pattern],
  );
  const state = useSyncExternalStore(
    search?.subscribe ?? subscribeToNothing,
    search?.get ?? nothing,
  );
  // After every change: of a log that grows, the lines are always the same object.
  useEffect(() => search?.upTo(end));
  return state;
}
