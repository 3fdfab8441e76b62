import { timeOf } from "./lenient.ts";
import type { PerformanceUpdateData } from "./messages.ts";
import type { Sample } from "./systemFeed.ts";

/** How far back a chart goes. */
export type TimeRange = "5m" | "15m" | "60m";

export const TIME_RANGES: readonly TimeRange[] = ["5m", "15m", "60m"];

const MINUTE = 60_000;
/** How long each range is, in milliseconds. */
export const RANGE_LENGTHS: Readonly<Record<TimeRange, number>> = {
  "5m": 5 * MINUTE,
  "15m": 15 * MINUTE,
  "60m": 60 * MINUTE,
};

/** Points of the history as samples, oldest first. Pure. */
export function samplesOf(points: readonly Readonly<Partial<PerformanceUpdateData>>[]): Sample[] {
  return points.flatMap((data) => {
    const at = timeOf(data.timestamp);
    return at === null ? [] : [{ at, data }];
  });
}

/**
 * What a chart of this range shows: the history up to where this page's own samples begin without
 * a break, then those. Pure.
 *
 * @param history From the collector, oldest first; made before the last of `live`.
 * @param live As they came, oldest first.
 * @param from Milliseconds since 1970; what is older is left out.
 */
export function merged(
  history: readonly Sample[],
  live: readonly Sample[],
  from: number,
): readonly Sample[] {
  const last = history.at(-1)?.at ?? Number.NEGATIVE_INFINITY;
  return [...history, ...live.filter(({ at }) => at > last)].filter(({ at }) => at >= from);
}
