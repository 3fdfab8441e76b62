/** What the charts show, as it stands in the page's address: a link shows the same. Pure. */

import { TIME_RANGES, type TimeRange } from "@hsi/realtime";
import { SHORTEST, type Span } from "./chartSpan";

export interface ChartView {
  readonly range: TimeRange;
  /** The stretch that was chosen; null follows what is new. */
  readonly span: Span | null;
  /** The GPU that is shown, by its index; null: the first. */
  readonly gpu: number | null;
}

const DEFAULT_RANGE: TimeRange = "5m";
export const FOLLOWING: ChartView = { range: DEFAULT_RANGE, span: null, gpu: null };

/** A time of a year that dates can have. */
const LAST_MOMENT = 8.64e15;

/**
 * The view of a query string, as in `range=24h&from=1764270000000&to=1764273600000&gpu=1`. What is
 * missing or makes no sense is as if nothing was said.
 */
export function viewIn(search: string): ChartView {
  const fields = new URLSearchParams(search);
  const range = TIME_RANGES.find((one) => one === fields.get("range")) ?? DEFAULT_RANGE;
  const from = countIn(fields.get("from"));
  const to = countIn(fields.get("to"));
  const isSpan = from !== null && to !== null && to - from >= SHORTEST;
  return { range, span: isSpan ? { from, to } : null, gpu: countIn(fields.get("gpu")) };
}

/** The query string of a view, without a question mark; empty for what the page shows by itself. */
export function searchOf({ range, span, gpu }: ChartView): string {
  const fields = new URLSearchParams();
  if (range !== DEFAULT_RANGE) fields.set("range", range);
  if (span) {
    fields.set("from", String(span.from));
    fields.set("to", String(span.to));
  }
  if (gpu !== null) fields.set("gpu", String(gpu));
  return fields.toString();
}

function countIn(text: string | null): number | null {
  if (text === null || !/^\d{1,16}$/.test(text)) return null;
  const count = Number(text);
  return count <= LAST_MOMENT ? count : null;
}
