import { useMemo, useSyncExternalStore } from "react";
import type { Heights } from "../../eventDays";

/** Heights of a day's heading and of a row, as many times the page's font size. */
const HEADING = 2.5;
const ROW = 4.5;

function subscribe(listener: () => void): () => void {
  addEventListener("resize", listener);
  return () => removeEventListener("resize", listener);
}

function fontSize(): number {
  return Number.parseFloat(getComputedStyle(document.documentElement).fontSize) || 16;
}

/** The heights in whole pixels: the page's font size grows with the window. */
export function useHeights(): Heights {
  const size = useSyncExternalStore(subscribe, fontSize);
  return useMemo(
    () => ({ heading: Math.round(HEADING * size), row: Math.round(ROW * size) }),
    [size],
  );
}
