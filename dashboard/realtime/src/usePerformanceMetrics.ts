import { useMemo, useState } from "react";
import { wholeOf } from "./conform.ts";
import { merged, RANGE_LENGTHS, samplesOf, type TimeRange } from "./performanceHistory.ts";
import { useClient } from "./RealtimeProvider.tsx";
import { AHEAD, systemFeeds } from "./systemFeed.ts";
import { useApi } from "./useApi.ts";
import { useLatestPerformance } from "./useLatestPerformance.ts";
import { useObservable } from "./useObservable.ts";

const historyOf = (body: unknown) => wholeOf("PerformanceHistory", body);

/**
 * Performance figures, and their history over the chosen range (R55).
 *
 * The history is loaded at first, and again after a break, for what was missed meanwhile.
 */
export function usePerformanceMetrics(initialRange: TimeRange = "5m") {
  const { paused, ...latest } = useLatestPerformance();
  const { samples } = useObservable(systemFeeds.of(useClient()));
  const [timeRange, setTimeRange] = useState(initialRange);
  const { data, error, isLoading } = useApi(
    `/api/performance/history?range=${timeRange}`,
    historyOf,
    {
      // What the history has depends on them, too.
      version: `${latest.reconnectCount} ${paused}`,
      revalidateOnFocus: false,
      keepPreviousData: true,
    },
  );
  const history = useMemo(() => {
    // While another range is loaded, its predecessor's points would be the wrong ones.
    const all = data?.range === timeRange ? samplesOf(data.points) : [];
    const newest = samples.at(-1)?.at;
    // A point that is of a time to come would hide all that comes until then.
    const loaded = newest === undefined ? all : all.filter(({ at }) => at <= newest + AHEAD);
    const until = newest ?? loaded.at(-1)?.at ?? 0;
    return merged(loaded, samples, until - RANGE_LENGTHS[timeRange]);
  }, [data, samples, timeRange]);
  return {
    ...latest,
    history,
    alerts: latest.current?.alerts ?? [],
    timeRange,
    setTimeRange,
    isLoading,
    error,
  };
}
