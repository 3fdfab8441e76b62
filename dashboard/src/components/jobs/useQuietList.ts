import type { Job } from "@hsi/realtime";
import { type RefObject, useEffect, useState } from "react";
import { quietly } from "./quietList";

/**
 * A list that stays where it is while somebody reads it: points at it, is in it by keyboard, or has
 * scrolled it.
 *
 * @param list Where it is drawn.
 * @param key Which jobs are listed.
 */
export function useQuietList(
  list: RefObject<HTMLElement | null>,
  jobs: readonly Job[],
  key: string,
) {
  const isRead = useIsRead(list);
  const [held, setHeld] = useState({ jobs, key });
  const isHeld = isRead && held.key === key;
  // React renders again at once, before anything is drawn.
  if (!isHeld && (held.jobs !== jobs || held.key !== key)) setHeld({ jobs, key });
  const shown = isHeld ? quietly(held.jobs, jobs) : { jobs, newer: 0 };
  return { ...shown, showNewer: () => setHeld({ jobs, key }) };
}

function useIsRead(list: RefObject<HTMLElement | null>): boolean {
  const [isPointedAt, setPointedAt] = useState(false);
  const [isFocused, setFocused] = useState(false);
  const [isScrolled, setScrolled] = useState(false);
  useEffect(() => {
    const element = list.current;
    if (!element) return;
    const ending = new AbortController();
    const { signal } = ending;
    const options = { signal, passive: true };
    element.addEventListener("pointerenter", () => setPointedAt(true), options);
    element.addEventListener("pointerleave", () => setPointedAt(false), options);
    element.addEventListener("focusin", () => setFocused(true), options);
    element.addEventListener("focusout", () => setFocused(false), options);
    // On a small screen the page is what scrolls.
    const look = () =>
      setScrolled(element.scrollTop > 0 || element.getBoundingClientRect().top < 0);
    document.addEventListener("scroll", look, { ...options, capture: true });
    return () => ending.abort();
  }, [list]);
  return isPointedAt || isFocused || isScrolled;
}
