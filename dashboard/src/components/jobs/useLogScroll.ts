import { useVirtualizer } from "@tanstack/react-virtual";
import { useCallback, useLayoutEffect, useRef, useState } from "react";
import { type Place, placeAt, roomFor, topOf } from "./rows";

/** Rows above and below those in sight: a frame may scroll so far before they are drawn. */
const OVERSCAN = 12;
/** Pixels that do not count as scrolling: browsers round. */
const SLACK = 1;

interface Look extends Place {
  /** The scroll offset at which it was. */
  readonly top: number;
}

const START: Look = { number: 0, rest: 0, top: 0 };

/**
 * Where a log is looked at: at its newest line, or where somebody scrolled to.
 *
 * Following means that the end is in sight after every change. A person who scrolls up ends that at
 * once, and nothing scrolls for them any more; then the line at the top stays there, whatever is
 * dropped before it or filtered out.
 *
 * @param numbers The numbers of the lines to show; may be one array that grows.
 * @param height Of a row, in pixels.
 */
export function useLogScroll(numbers: readonly number[], height: number) {
  const scroller = useRef<HTMLDivElement>(null);
  /** The number of the first line that came since following ended; null while it goes on. */
  const [leftAt, setLeftAt] = useState<number | null>(null);
  // Effects and events ask this one: a render may lag behind what a person does.
  const following = useRef(true);
  const look = useRef(START);
  const shown = useRef({ numbers, height });

  const virtualizer = useVirtualizer({
    count: roomFor(numbers.length),
    getScrollElement: () => scroller.current,
    estimateSize: () => height,
    overscan: OVERSCAN,
  });

  // Tell it what the effect below will do, so that the rows are the right ones at once and not when
  // the browser tells of the scrolling, a frame later.
  const sight = virtualizer.scrollRect?.height ?? 0;
  const top =
    leftAt === null
      ? Math.max(0, numbers.length * height - sight)
      : Math.max(0, topOf(numbers, look.current, height));
  if (virtualizer.scrollElement && Math.abs(top - look.current.top) > SLACK) {
    virtualizer.scrollOffset = top;
  }

  const follow = useCallback((on: boolean) => {
    if (following.current === on) return;
    following.current = on;
    setLeftAt(on ? null : (shown.current.numbers.at(-1) ?? -1) + 1);
  }, []);

  const note = useCallback((element: HTMLElement) => {
    const { scrollTop: top } = element;
    const place = placeAt(shown.current.numbers, top, shown.current.height);
    look.current = { ...(place ?? look.current), top };
  }, []);

  const onScroll = useCallback(() => {
    const element = scroller.current;
    if (!element) return;
    const moved = element.scrollTop - look.current.top;
    const left = element.scrollHeight - element.clientHeight - element.scrollTop;
    if (moved < -SLACK && left > SLACK) follow(false);
    if (moved > 0 && left <= SLACK) follow(true);
    note(element);
  }, [follow, note]);

  /** Scrolling up begins slowly; it must not be undone before it has moved anything. */
  const onLeave = useCallback(() => {
    if ((scroller.current?.scrollTop ?? 0) > 0) follow(false);
  }, [follow]);

  // biome-ignore lint/correctness/useExhaustiveDependencies: rows of another height are laid out anew
  useLayoutEffect(() => virtualizer.measure(), [height]);

  // After every change, whatever it was: lines came, went or are others, or the window changed.
  useLayoutEffect(() => {
    shown.current = { numbers, height };
    const element = scroller.current;
    if (!element) return;
    const end = Math.max(0, element.scrollHeight - element.clientHeight);
    const target = following.current ? end : Math.min(end, topOf(numbers, look.current, height));
    if (Math.abs(target - look.current.top) <= SLACK) return;
    element.scrollTop = target;
    note(element);
  });

  const items = virtualizer.getVirtualItems();
  return {
    scroller,
    leftAt,
    follow,
    onScroll,
    onLeave,
    /** The rows to draw: from this index, up to this one without it. */
    from: Math.min(items[0]?.index ?? 0, numbers.length),
    to: Math.min((items.at(-1)?.index ?? -1) + 1, numbers.length),
  };
}
