import type { LogBuffer } from "@hsi/realtime";
import { useCallback, useEffect, useRef, useState } from "react";
import { type Around, matchAfter } from "./matchView";
import { indexAt } from "./rows";
import { placesIn } from "./search";
import { shownLine } from "./shown";
import { FOLDED_AT, isLong } from "./wrapped";

/**
 * Goes from match to match, also with F3.
 *
 * @param matches The numbers of the lines, rising.
 * @param pattern What is looked for; null: nothing.
 * @param around What is shown with the matches: when that changes, the match is gone to again.
 * @param show Called with the line to go to, and whether its match is in the part that is folded away.
 */
export function useMatches(
  lines: LogBuffer,
  matches: readonly number[],
  pattern: RegExp | null,
  around: Around,
  show: (number: number, isFolded: boolean) => void,
) {
  const [current, setCurrent] = useState<number | null>(null);
  const index = current === null ? -1 : indexAt(matches, current);
  const isMatch = index >= 0 && matches[index] === current;

  const goTo = useCallback(
    (direction: 1 | -1) => {
      const number = matchAfter(matches, current, direction);
      const line = number === null ? undefined : lines.at(number);
      if (number === null || !line || pattern === null) return;
      const text = shownLine(line);
      const isFolded = isLong(text) && (placesIn(text, pattern)[0]?.[1] ?? 0) > FOLDED_AT;
      setCurrent(number);
      show(number, isFolded);
    },
    [lines, matches, current, pattern, show],
  );

  const shown = isMatch ? current : null;
  const latest = useRef({ shown, show });
  useEffect(() => {
    latest.current = { shown, show };
  });
  useEffect(() => {
    const { shown, show } = latest.current;
    if (shown !== null) show(shown, false);
  }, [around]);

  useEffect(() => {
    if (pattern === null) return;
    const onKeyDown = (event: KeyboardEvent) => {
      if (event.key !== "F3" || event.ctrlKey || event.altKey || event.metaKey) return;
      event.preventDefault();
      goTo(event.shiftKey ? -1 : 1);
    };
    document.addEventListener("keydown", onKeyDown);
    return () => document.removeEventListener("keydown", onKeyDown);
  }, [pattern, goTo]);

  return {
    current: shown,
    /** From 1 on; null while nobody is at one. */
    position: isMatch ? index + 1 : null,
    goTo,
  };
}
