import type { SecurityEvent } from "@hsi/realtime";
import { useCallback, useEffect, useLayoutEffect, useRef, useState } from "react";
import { flushSync } from "react-dom";
import { type Heights, indexAt, type Section, topOf } from "../../eventDays";

/** What is at the top of what is in sight. */
interface Place {
  readonly key: string;
  /** Pixels of it that are above. */
  readonly rest: number;
}

/**
 * Where a person is in a list that scrolls with the page: what is in sight stays there, whatever
 * comes above it. At the top, what comes is seen at once.
 */
export function useListScroll(
  events: readonly SecurityEvent[],
  sections: readonly Section[],
  heights: Heights,
) {
  const list = useRef<HTMLDivElement>(null);
  const [look, setLook] = useState({ top: 0, sight: 0 });
  /** The newest event when the top was left; null while the top is in sight. */
  const [leftAt, setLeftAt] = useState<string | null>(null);
  const place = useRef<Place | null>(null);
  const shown = useRef({ events, sections, heights });

  /** Notes what is in sight now. */
  const note = useCallback(() => {
    const element = list.current;
    if (!element) return;
    const { events, sections, heights } = shown.current;
    const top = -element.getBoundingClientRect().top;
    // A render for each row that goes by is enough.
    const step = Math.floor(top / heights.row) * heights.row;
    const sight = innerHeight + heights.row;
    setLook((look) => (look.top === step && look.sight === sight ? look : { top: step, sight }));
    const index = indexAt(sections, heights, top);
    const key = events[index]?.key;
    const isAtTop = top <= 0 || key === undefined;
    place.current = isAtTop ? null : { key, rest: top - topOf(sections, heights, index) };
    setLeftAt((left) => (isAtTop ? null : (left ?? events[0]?.key ?? null)));
  }, []);

  useEffect(() => {
    // Within the frame that scrolls: later, a part of it would be empty.
    const onScroll = () => flushSync(note);
    addEventListener("scroll", onScroll, { passive: true });
    addEventListener("resize", note);
    return () => {
      removeEventListener("scroll", onScroll);
      removeEventListener("resize", note);
    };
  }, [note]);

  // What is in sight stays there by itself: the browser would go back to where that was before.
  useEffect(() => {
    history.scrollRestoration = "manual";
    return () => {
      history.scrollRestoration = "auto";
    };
  }, []);

  // Before it is drawn: what is in sight has not moved then.
  useLayoutEffect(() => {
    shown.current = { events, sections, heights };
    const element = list.current;
    if (element && place.current) {
      const { key, rest } = place.current;
      const index = events.findIndex((event) => event.key === key);
      const top = -element.getBoundingClientRect().top;
      const moved = index < 0 ? 0 : topOf(sections, heights, index) + rest - top;
      if (Math.abs(moved) >= 1) scrollBy({ top: moved, behavior: "instant" });
    }
    note();
  }, [events, sections, heights, note]);

  const toTop = useCallback(() => {
    scrollTo({ top: 0, behavior: "instant" });
    list.current?.focus({ preventScroll: true });
  }, []);

  const newer =
    leftAt === null
      ? 0
      : Math.max(
          0,
          events.findIndex(({ key }) => key === leftAt),
        );
  return { list, ...look, newer, toTop };
}
