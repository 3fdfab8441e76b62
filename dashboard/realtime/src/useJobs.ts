import { useCallback } from "react";
import { listOf } from "./conform.ts";
import { useApi } from "./useApi.ts";

/** Milliseconds from one look at the list to the next, while the page is visible. */
const REFRESH = 5_000;

const jobsOf = (body: unknown) => listOf("Job", body);

/** The jobs that began last; the last list that could be had stays when the next one cannot. */
export function useJobs() {
  const { data, error, isLoading, mutate } = useApi("/api/jobs?limit=100", jobsOf, {
    refreshInterval: REFRESH,
  });
  const refresh = useCallback(() => void mutate(), [mutate]);
  return {
    /** Null while there is no list yet. */
    jobs: data ?? null,
    isLoading,
    error,
    refresh,
  };
}
