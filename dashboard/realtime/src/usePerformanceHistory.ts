import { useMemo } from "react";
import { wholeOf } from "./conform.ts";
import {
  merged,
  RANGE_LENGTHS,
  RANGE_STEPS,
  samplesOf,
  samplesOfTrend,
  type TimeRange,
} from "./performanceHistory.ts";
import { useClient } from "./RealtimeProvider.tsx";
import { AHEAD, type Sample, systemFeeds } from "./systemFeed.ts";
import { useApi } from "./useApi.ts";
import { useLatestPerformance } from "./useLatestPerformance.ts";
import { useObservable } from "./useObservable.ts";

interface Loaded {
  readonly range: TimeRange;
  readonly samples: readonly Sample[];
}

/** What a range is loaded by. */
interface Source {
  readonly path: string;
  readonly read: (body: unknown) => Loaded | null;
  /** Milliseconds after which what came live no longer reaches back to what was loaded; 0: it does. */
  readonly refreshInterval: number;
}

function historyOf(body: unknown): Loaded | null {
  const found = wholeOf("PerformanceHistory", body);
  return found && { range: found.range, samples: samplesOf(found.points) };
}

function trendOf(body: unknown): Loaded | null {
  const found = wholeOf("PerformanceTrend", body);
  return found && { range: found.range, samples: samplesOfTrend(found) };
}

function sourceOf(range: TimeRange): Source {
  if (range === "24h" || range === "7d") {
    const refreshInterval = Math.min(5 * RANGE_STEPS[range], RANGE_LENGTHS["60m"] / 2);
    return { path: `/api/performance/trend?range=${range}`, read: trendOf, refreshInterval };
  }
  return {
    path: `/api/performance/history?range=${range}`,
    read: historyOf,
    refreshInterval: 0,
  };
}

/**
 * Performance figures over a range: what the collector kept, then what came to this page. Those of
 * a day and a week are means of some time, with the lowest and the highest beside them.
 *
 * They are loaded at first, and again after a break, for what was missed meanwhile.
 */
export function usePerformanceHistory(range: TimeRange) {
  const { paused, reconnectCount } = useLatestPerformance();
  const { samples } = useObservable(systemFeeds.of(useClient()));
  const { path, read, refreshInterval } = sourceOf(range);
  const { data, error, isLoading } = useApi(path, read, {
    // What the history has depends on them, too.
    version: `${reconnectCount} ${paused}`,
    revalidateOnFocus: false,
    keepPreviousData: true,
    refreshInterval,
  });
  const history = useMemo(() => {
    // While another range is loaded, its predecessor's points would be the wrong ones.
    const all = data?.range === range ? data.samples : [];
    const newest = samples.at(-1)?.at;
    // A point that is of a time to come would hide all that comes until then.
    const loaded = newest === undefined ? all : all.filter(({ at }) => at <= newest + AHEAD);
    const until = newest ?? loaded.at(-1)?.at ?? 0;
    return merged(loaded, samples, until - RANGE_LENGTHS[range]);
  }, [data, samples, range]);
  return {
    history,
    /** Whether it is this range's: until it was loaded, there is only what came to this page. */
    isLoaded: data?.range === range,
    isLoading,
    error,
  };
}
