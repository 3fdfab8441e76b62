import { useCallback, useEffect, useLayoutEffect, useRef, useState } from "react";
import { type Place, placeAt, rowsInSight, topOf } from "./rows";

/** Pixels that do not count as scrolling: browsers round. */
const SLACK = 1;

interface Look extends Place {
  /** The scroll offset at which it was. */
  readonly top: number;
}

const START: Look = { number: 0, rest: 0, top: 0 };

/** Where somebody went when they stopped following. */
interface Left {
  /** The number of the first line that came since. */
  readonly at: number;
  /** The line at the top. */
  readonly place: Place;
}

/**
 * Where a log is looked at: at its newest line, or where somebody scrolled to.
 *
 * Following means that the end is in sight after every change. A person who scrolls up ends that at
 * once, and nothing scrolls for them any more; then the line at the top stays there, whatever is
 * dropped before it or filtered out.
 *
 * @param numbers The numbers of the lines to show; may be one array that grows.
 * @param height Of a row, in pixels: with one height for all, which rows are in sight is arithmetic.
 */
export function useLogScroll(numbers: readonly number[], height: number) {
  const scroller = useRef<HTMLDivElement>(null);
  /** Null while it follows. */
  const [left, setLeft] = useState<Left | null>(null);
  /** How many pixels of the log are in sight. */
  const [sight, setSight] = useState(0);
  // Effects and events ask these: a render may lag behind what a person does.
  const following = useRef(true);
  const look = useRef(START);
  const shown = useRef({ numbers, height });

  const follow = useCallback((on: boolean) => {
    if (following.current === on) return;
    following.current = on;
    const at = (shown.current.numbers.at(-1) ?? -1) + 1;
    setLeft(on ? null : { at, place: look.current });
  }, []);

  /** Note what is at the top now. */
  const note = useCallback((element: HTMLElement) => {
    const { scrollTop: top } = element;
    const place = placeAt(shown.current.numbers, top, shown.current.height);
    look.current = { ...(place ?? look.current), top };
    // Where it follows, this is called with every frame: nothing is to be rendered for that.
    if (following.current) return;
    const { number } = look.current;
    setLeft((left) =>
      left === null || left.place.number === number ? left : { ...left, place: look.current },
    );
  }, []);

  const onScroll = useCallback(() => {
    const element = scroller.current;
    if (!element) return;
    const moved = element.scrollTop - look.current.top;
    const rest = element.scrollHeight - element.clientHeight - element.scrollTop;
    if (moved < -SLACK && rest > SLACK) follow(false);
    if (moved > 0 && rest <= SLACK) follow(true);
    note(element);
  }, [follow, note]);

  /** Scrolling up begins slowly; it must not be undone before it has moved anything. */
  const onLeave = useCallback(() => {
    if ((scroller.current?.scrollTop ?? 0) > 0) follow(false);
  }, [follow]);

  useEffect(() => {
    const element = scroller.current;
    if (!element) return;
    const watcher = new ResizeObserver(() => setSight(element.clientHeight));
    watcher.observe(element);
    return () => watcher.disconnect();
  }, []);

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

  // Where that effect will have scrolled to, so that the rows are the right ones at once, and not
  // when the browser tells of the scrolling, a frame later.
  const end = numbers.length * height - sight;
  const top = left === null ? end : Math.min(end, topOf(numbers, left.place, height));
  return {
    scroller,
    leftAt: left?.at ?? null,
    follow,
    onScroll,
    onLeave,
    ...rowsInSight(numbers.length, Math.max(0, top), sight, height),
  };
}
