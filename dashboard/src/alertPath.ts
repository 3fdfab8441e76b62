/** Where the charts show an alert. Pure. */

import { type RaisedAlertData, timeOf } from "@hsi/realtime";
import { boundsAt, fitted, rangeFor } from "./chartSpan";
import { searchOf } from "./chartView";

/** Milliseconds that are seen before and after an alert at least, and as a part of its length. */
const MARGIN = 3 * 60_000;
const SHARE = 0.5;

type Shown = Pick<RaisedAlertData, "metric" | "since" | "ended" | "gpu">;

/**
 * The page's path of an alert in its chart, with some time before and after it; null where the
 * figures of that time are gone.
 *
 * @param chart The id of the chart.
 */
export function alertPath({ since, ended, gpu }: Shown, chart: string, now: number): string | null {
  const began = timeOf(since);
  const over = timeOf(ended) ?? now;
  const bounds = boundsAt(now);
  if (began === null || over < bounds.from) return null;
  const margin = Math.max(MARGIN, SHARE * (over - began));
  const span = fitted({ from: began - margin, to: over + margin }, bounds);
  const search = searchOf({ range: rangeFor(span, now), span, gpu: gpu ?? null });
  return `/performance?${search}#${chart}`;
}
