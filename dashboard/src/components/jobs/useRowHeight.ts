import { useSyncExternalStore } from "react";

/** A row's height, as many times the page's font size. */
const ROW = 1.375;

function subscribe(listener: () => void): () => void {
  addEventListener("resize", listener);
  return () => removeEventListener("resize", listener);
}

function rowHeight(): number {
  const size = Number.parseFloat(getComputedStyle(document.documentElement).fontSize);
  return Math.round(ROW * (size || 16));
}

/** The height of a line of the log, in whole pixels: the page's font size grows with the window. */
export function useRowHeight(): number {
  return useSyncExternalStore(subscribe, rowHeight);
}
