import { type LogBuffer, type LogFilter, LogView } from "@hsi/realtime";
import { useEffect, useState } from "react";

/** Lines that a new filter looks at in one frame, so that none takes long. */
const BITE = 20_000;

/**
 * What a filter lets through, once it has looked at all lines; until then what the one before did.
 *
 * @param lines The log.
 * @param filter Must be the same object while it says the same.
 * @param limit The number of the first line that is not to be shown; null: show all.
 */
export function useLogView(lines: LogBuffer, filter: LogFilter, limit: number | null): LogView {
  const [view, setView] = useState(() => new LogView(lines, filter));
  useEffect(() => {
    if (view.filter === filter) return;
    const next = new LogView(lines, filter);
    let looked = 0;
    let frame = 0;
    const look = () => {
      const end = limit ?? lines.end;
      looked = Math.min(end, Math.max(looked, lines.first) + BITE);
      next.upTo(looked);
      if (looked < end) frame = requestAnimationFrame(look);
      else setView(next);
    };
    look();
    return () => cancelAnimationFrame(frame);
  }, [view, lines, filter, limit]);
  return view;
}
