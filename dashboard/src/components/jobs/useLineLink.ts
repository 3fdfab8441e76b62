import type { LogBuffer } from "@hsi/realtime";
import { useCallback, useEffect, useMemo, useState } from "react";
import { whereIs } from "./lineLink";
import { type LineRange, rangeIn } from "./lineSelection";

/**
 * The lines that the page's address names, until they have come.
 *
 * @param version Grows with every change of the lines.
 * @param isOver Whether no more lines come.
 * @param onThere Called with the first and the last of them, once they are there.
 */
export function useLineLink(
  lines: LogBuffer,
  version: number,
  isOver: boolean,
  onThere: (first: number, last: number) => void,
) {
  const [range, setRange] = useState<LineRange | null>(() => rangeIn(location.hash));
  useEffect(() => {
    const follow = () => setRange(rangeIn(location.hash));
    addEventListener("hashchange", follow);
    return () => removeEventListener("hashchange", follow);
  }, []);
  // The lines are always the same object: that they are others now is told by the version.
  const place = useMemo(
    () => (range === null || version < 0 ? null : whereIs(lines, range)),
    [range, lines, version],
  );
  const [found, setFound] = useState<readonly [first: number, last: number] | null>(null);
  // React renders again at once, before anything is drawn.
  if (place?.state === "there" && (place.isComplete || isOver)) {
    setFound([place.first, place.last]);
    setRange(null);
  }
  useEffect(() => {
    if (found) onThere(...found);
  }, [found, onThere]);
  const forget = useCallback(() => setRange(null), []);
  return { range, place, forget };
}
