import { useState } from "react";
import type { TimeRange } from "./performanceHistory.ts";
import { useLatestPerformance } from "./useLatestPerformance.ts";
import { usePerformanceHistory } from "./usePerformanceHistory.ts";

/** Performance figures, and their history over the chosen range (R55). */
export function usePerformanceMetrics(initialRange: TimeRange = "5m") {
  const { paused: _, ...latest } = useLatestPerformance();
  const [timeRange, setTimeRange] = useState(initialRange);
  const { history, isLoading, error } = usePerformanceHistory(timeRange);
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
