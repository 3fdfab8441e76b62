import type { LogBuffer, LogView } from "@hsi/realtime";
import { type KeyboardEvent, type ReactNode, useState, type WheelEvent } from "react";
import { BEFORE_MESSAGE, LogRow } from "./LogRow";
import type { useLogScroll } from "./useLogScroll";

interface Props {
  readonly label: string;
  readonly lines: LogBuffer;
  readonly view: LogView;
  readonly numbers: readonly number[];
  readonly rowHeight: number;
  readonly scroll: ReturnType<typeof useLogScroll>;
}

const UPWARD = new Set(["ArrowUp", "PageUp", "Home"]);

/** The lines of a log, of which only those in sight are drawn. */
export function LogLines({ label, lines, view, numbers, rowHeight, scroll }: Props) {
  const { scroller, from, to, follow, onScroll, onLeave } = scroll;
  const query = view.filter.query.toLowerCase();
  const rows: ReactNode[] = [];
  let longest = 0;
  for (let index = from; index < to; index += 1) {
    const number = numbers[index] ?? -1;
    const line = lines.at(number);
    if (!line) continue;
    longest = Math.max(longest, line.plain.length + line.context.length + 1);
    const goesOn = line.continues && numbers[index - 1] === number - 1;
    rows.push(<LogRow key={number} line={line} goesOn={goesOn} query={query} height={rowHeight} />);
  }
  const width = useWidest(longest, view) + BEFORE_MESSAGE;

  const onKeyDown = (event: KeyboardEvent) => {
    if (event.ctrlKey || event.altKey || event.metaKey) return;
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
      aria-label={label}
      // biome-ignore lint/a11y/noNoninteractiveTabindex: what scrolls has to be reached by keyboard
      tabIndex={0}
      onScroll={onScroll}
      onKeyDown={onKeyDown}
      onWheel={onWheel}
      className="absolute inset-0 overflow-x-auto contain-strict overflow-y-scroll font-mono text-[0.8125rem] [font-variant-ligatures:none] [overflow-anchor:none] focus-visible:-outline-offset-2"
    >
      {/* As wide as the widest line so far, so that scrolling down does not move it sideways. */}
      <div
        className="relative min-w-full"
        style={{ height: numbers.length * rowHeight, width: `${width}ch` }}
      >
        <div
          className="absolute min-w-full"
          style={{ transform: `translateY(${from * rowHeight}px)` }}
        >
          {rows}
        </div>
      </div>
    </div>
  );
}

/** The most characters of a line so far, of those that this view has shown. */
function useWidest(longest: number, view: LogView): number {
  const [widest, setWidest] = useState({ view, longest });
  if (widest.view === view && widest.longest >= longest) return widest.longest;
  // React renders again at once, before anything is drawn.
  setWidest({ view, longest });
  return longest;
}
