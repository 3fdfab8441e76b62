import { type RefObject, useEffect, useRef, useState } from "react";

/** Characters that are measured at once: browsers round. */
export const SAMPLE = 100;

export interface Ruled {
  /** What is measured: an element as wide as a line's text may be, */
  readonly space: RefObject<HTMLDivElement | null>;
  /** and one as wide as `SAMPLE` characters. */
  readonly sample: RefObject<HTMLSpanElement | null>;
  /** How many characters fit beside each other; 0 while nobody knows. */
  readonly columns: number;
}

/** How many characters of a line fit beside each other: all are equally wide. */
export function useColumns(): Ruled {
  const space = useRef<HTMLDivElement>(null);
  const sample = useRef<HTMLSpanElement>(null);
  const [columns, setColumns] = useState(0);
  useEffect(() => {
    if (!space.current || !sample.current) return;
    // The window's width changes the one, a font that has come the other.
    const watcher = new ResizeObserver(() => {
      const all = space.current?.getBoundingClientRect().width ?? 0;
      const one = (sample.current?.getBoundingClientRect().width ?? 0) / SAMPLE;
      // Browsers round: a line that fits exactly must not count as too long.
      setColumns(one > 0 ? Math.floor(all / one + 0.01) : 0);
    });
    watcher.observe(space.current);
    watcher.observe(sample.current);
    return () => watcher.disconnect();
  }, []);
  return { space, sample, columns };
}
