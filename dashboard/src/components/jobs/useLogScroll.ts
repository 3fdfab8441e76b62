import { useCallback, useEffect, useLayoutEffect, useRef, useState } from "react";
import { indexAt, linesInSight, type Rows, type Spot, spotAt, topOf } from "./rows";

/** Pixels that do not count as scrolling: browsers round. */
const SLACK = 1;
/** How far down a line is that somebody goes to, as a part of what is in sight. */
const AIM = 1 / 3;

interface Look extends Spot {
  /** The scroll offset at which it was. */
  readonly top: number;
}

const START: Look = { number: 0, rest: 0, top: 0 };

/** Where somebody went when they stopped following. */
interface Left {
  /** The number of the first line that came since. */
  readonly at: number;
  /** The line at the top. */
  readonly spot: Spot;
}

/**
 * Where a log is looked at: at its newest line, or where somebody scrolled to.
 *
 * Following means that the end is in sight after every change. A person who scrolls up ends that at
 * once, and nothing scrolls for them any more; then the line at the top stays there, whatever is
 * dropped before it or filtered out.
 *
 * @param rows The lines to show.
 * @param height Of a row, in pixels: so which lines are in sight is arithmetic.
 */
export function useLogScroll(rows: Rows, height: number) {
  const scroller = useRef<HTMLDivElement>(null);
  /** Null while it follows. */
  const [left, setLeft] = useState<Left | null>(null);
  /** How many pixels of the log are in sight. */
  const [sight, setSight] = useState(0);
  // Effects and events ask these: a render may lag behind what a person does.
  const following = useRef(true);
  const look = useRef(START);
  const shown = useRef({ rows, height });

  const follow = useCallback((on: boolean) => {
    if (following.current === on) return;
    following.current = on;
    const at = (shown.current.rows.numbers.at(-1) ?? -1) + 1;
    setLeft(on ? null : { at, spot: look.current });
  }, []);

  /** Go to a line, unless it is in sight already. */
  const show = useCallback((number: number) => {
    const { rows, height } = shown.current;
    const element = scroller.current;
    const index = indexAt(rows.numbers, number);
    const top = rows.before(index) * height;
    const bottom = rows.before(index + 1) * height;
    const inSight = element?.clientHeight ?? 0;
    const { top: from } = look.current;
    const at = (rows.numbers.at(-1) ?? -1) + 1;
    following.current = false;
    if (top < from || Math.min(bottom, top + inSight) > from + inSight) {
      look.current = { ...look.current, number, rest: -Math.round(inSight * AIM) };
    }
    const spot = look.current;
    setLeft((left) => ({ at: left?.at ?? at, spot }));
  }, []);

  const focus = useCallback(() => scroller.current?.focus({ preventScroll: true }), []);

  /** Note what is at the top now. */
  const note = useCallback((element: HTMLElement) => {
    const { scrollTop: top } = element;
    const spot = spotAt(shown.current.rows, top, shown.current.height);
    look.current = { ...(spot ?? look.current), top };
    // Where it follows, this is called with every frame: nothing is to be rendered for that.
    if (following.current) return;
    const { number } = look.current;
    setLeft((left) =>
      left === null || left.spot.number === number ? left : { ...left, spot: look.current },
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
    shown.current = { rows, height };
    const element = scroller.current;
    if (!element) return;
    const end = Math.max(0, element.scrollHeight - element.clientHeight);
    const target = following.current
      ? end
      : Math.min(end, Math.max(0, topOf(rows, look.current, height)));
    if (Math.abs(target - look.current.top) <= SLACK) return;
    element.scrollTop = target;
    note(element);
  });

  // Where that effect will have scrolled to, so that the rows are the right ones at once, and not
  // when the browser tells of the scrolling, a frame later.
  const end = rows.count * height - sight;
  const top = left === null ? end : Math.min(end, topOf(rows, left.spot, height));
  return {
    scroller,
    leftAt: left?.at ?? null,
    follow,
    show,
    focus,
    onScroll,
    onLeave,
    ...linesInSight(rows, Math.max(0, top), sight, height),
  };
}
