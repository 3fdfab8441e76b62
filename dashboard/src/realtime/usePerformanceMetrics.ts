import { useMemo, useState, useSyncExternalStore } from "react";
import useSWR from "swr";
import { getJson } from "./api";
import { LENGTHS, merged, samplesOf, type TimeRange } from "./figures";
import type { PerformanceHistory } from "./messages";
import { systemFeed } from "./systemFeed";
import { usePerformance } from "./usePerformance";

/**
 * Performance figures, and their history over the chosen range (seed: usePerformanceMetrics).
 *
 * The history is loaded at first, and again after a break, for what was missed meanwhile.
 */
export function usePerformanceMetrics(initialRange: TimeRange = "5m") {
  const { paused, ...latest } = usePerformance();
  const { samples } = useSyncExternalStore(systemFeed.subscribe, systemFeed.get);
  const [timeRange, setTimeRange] = useState(initialRange);
  const { data, error, isLoading } = useSWR<PerformanceHistory, Error>(
    [`/api/performance/history?range=${timeRange}`, latest.reconnectCount, paused],
    ([path]: [string]) => getJson<PerformanceHistory>(path),
    { revalidateOnFocus: false, keepPreviousData: true },
  );
  const newest = samples.at(-1)?.at;
  const history = useMemo(() => {
    const until = newest ?? Date.now();
    // While another range is loaded, its predecessor's points would be the wrong ones.
    const loaded = data?.range === timeRange ? samplesOf(data.points) : [];
    return merged(loaded, samples, until - LENGTHS[timeRange]);
  }, [data, samples, newest, timeRange]);
  return {
    ...latest,
    history,
    alerts: latest.current?.alerts ?? [],
    timeRange,
    setTimeRange,
    isLoading,
    error: error ?? null,
  };
}
