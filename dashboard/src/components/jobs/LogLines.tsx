import type { LogBuffer } from "@hsi/realtime";
import { type KeyboardEvent, type ReactNode, useEffect, useState, type WheelEvent } from "react";
import { BEFORE_MESSAGE, LEVEL, LogRow, ROW, TIME, WRAPPED } from "./LogRow";
import { includes, type LineSelection } from "./lineSelection";
import type { Rows } from "./rows";
import { type Ruled, SAMPLE } from "./useColumns";
import type { useLogScroll } from "./useLogScroll";
import { FOLDED_AT } from "./wrapped";

interface Props {
  readonly label: string;
  readonly lines: LogBuffer;
  readonly rows: Rows;
  /** What is shown; another one is shown from its own left on. */
  readonly view: unknown;
  readonly rowHeight: number;
  readonly scroll: ReturnType<typeof useLogScroll>;
  readonly space: Ruled["space"];
  readonly sample: Ruled["sample"];
  readonly isWrapped: boolean;
  readonly unfolded: ReadonlySet<number>;
  readonly unfold: (number: number) => void;
  readonly selection: LineSelection | null;
  readonly select: (number: number, all: boolean) => void;
  /** What to mark in a line. */
  readonly patternFor: (number: number) => RegExp | null;
  /** The match that somebody went to. */
  readonly current: number | null;
  /** Called with each key that this does not know. */
  readonly onKey: (event: KeyboardEvent) => void;
}

const UPWARD = new Set(["ArrowUp", "PageUp", "Home"]);
/** Characters that say how much of a line is folded away. */
const FOLD = 30;

/** The lines of a log, of which only those in sight are drawn. */
export function LogLines(props: Props) {
  const { lines, rows, rowHeight, scroll, space, sample, isWrapped, unfolded, selection } = props;
  const { scroller, from, to, follow, onScroll, onLeave } = scroll;
  const { numbers } = rows;
  const digits = digitsOf(lines);
  const drawn: ReactNode[] = [];
  let longest = 0;
  for (let index = from; index < to; index += 1) {
    const number = numbers[index] ?? -1;
    const line = lines.at(number);
    if (!line) continue;
    const isUnfolded = unfolded.has(number);
    const length = line.plain.length + line.context.length + 1;
    longest = Math.max(longest, isUnfolded ? length : Math.min(length, FOLDED_AT + FOLD));
    drawn.push(
      <LogRow
        key={number}
        line={line}
        number={number}
        goesOn={line.continues && numbers[index - 1] === number - 1}
        pattern={props.patternFor(number)}
        height={(rows.before(index + 1) - rows.before(index)) * rowHeight}
        digits={digits}
        isWrapped={isWrapped}
        isUnfolded={isUnfolded}
        isSelected={includes(selection, number)}
        isCurrent={props.current === number}
        select={props.select}
        unfold={props.unfold}
      />,
    );
  }
  const width = useWidest(longest, props.view) + BEFORE_MESSAGE + digits;
  useMarkInSight(scroller, props.current);

  const onKeyDown = (event: KeyboardEvent) => {
    props.onKey(event);
    if (event.defaultPrevented || event.ctrlKey || event.altKey || event.metaKey) return;
    if (event.key === "End") {
      event.preventDefault();
      follow(true);
    }
    if (UPWARD.has(event.key) || (event.key === " " && event.shiftKey)) onLeave();
  };
  const onWheel = (event: WheelEvent) => {
    if (event.deltaY < 0) onLeave();
  };

  return (
    <div
      ref={scroller}
      role="log"
      // It would speak without end, and of old lines as they are scrolled to.
      aria-live="off"
      aria-label={props.label}
      // biome-ignore lint/a11y/noNoninteractiveTabindex: what scrolls has to be reached by keyboard
      tabIndex={0}
      onScroll={onScroll}
      onKeyDown={onKeyDown}
      onWheel={onWheel}
      className="absolute inset-0 overflow-x-auto contain-strict overflow-y-scroll font-mono text-[0.8125rem] [font-variant-ligatures:none] [overflow-anchor:none] focus-visible:-outline-offset-2"
      style={{ lineHeight: `${rowHeight}px` }}
    >
      <Ruler digits={digits} space={space} sample={sample} />
      {/* As wide as the widest line so far, so that scrolling down does not move it sideways. */}
      <div
        className="relative min-w-full"
        style={{ height: rows.count * rowHeight, ...(!isWrapped && { width: `${width}ch` }) }}
      >
        <div
          className="absolute min-w-full"
          style={{
            transform: `translateY(${rows.before(from) * rowHeight}px)`,
            ...(isWrapped && { width: "100%" }),
          }}
        >
          {drawn}
        </div>
      </div>
    </div>
  );
}

interface RulerProps extends Pick<Ruled, "space" | "sample"> {
  readonly digits: number;
}

/** A row that nobody sees: it tells how many characters fit into one. */
function Ruler({ digits, space, sample }: RulerProps) {
  return (
    <div aria-hidden className="relative h-0 overflow-hidden">
      <div className={ROW}>
        <span className="shrink-0" style={{ width: `${digits}ch` }} />
        <span className={TIME} />
        <span className={LEVEL} />
        <div ref={space} className={WRAPPED} />
      </div>
      <span ref={sample} className="absolute" style={{ width: `${SAMPLE}ch` }} />
    </div>
  );
}

/** The digits of the greatest number of a line. */
function digitsOf(lines: LogBuffer): number {
  return Math.max(3, String(lines.at(lines.end - 1)?.number ?? "").length);
}

/** The most characters of a line so far, of those that this view has shown. */
function useWidest(longest: number, view: unknown): number {
  const [widest, setWidest] = useState({ view, longest });
  if (widest.view === view && widest.longest >= longest) return widest.longest;
  // React renders again at once, before anything is drawn.
  setWidest({ view, longest });
  return longest;
}

/** Scrolls sideways to the first mark of the match that somebody goes to. */
function useMarkInSight(
  scroller: ReturnType<typeof useLogScroll>["scroller"],
  current: number | null,
): void {
  useEffect(() => {
    const element = scroller.current;
    const mark = current === null ? null : element?.querySelector("[data-current] mark");
    if (!element || !mark) return;
    const { left, right, width } = element.getBoundingClientRect();
    const place = mark.getBoundingClientRect();
    if (place.left >= left && place.right <= right) return;
    element.scrollBy({ left: place.left - left - width / 3 });
  }, [scroller, current]);
}
