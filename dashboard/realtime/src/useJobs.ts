import { useCallback } from "react";
import { listOf } from "./conform.ts";
import type { Job } from "./messages.ts";
import { useApi } from "./useApi.ts";

/** Milliseconds from one look at the list to the next, while the page is visible. */
const REFRESH = 5_000;
const LIMIT = 100;

/** Which jobs are asked for; by default those that began last. */
export interface JobsQuery {
  /** How many, beside older ones that run. */
  readonly limit?: number;
  /** Those with this text in their id, in any case; empty: all. */
  readonly text?: string;
  /** Those that are so; empty: all. */
  readonly statuses?: readonly NonNullable<Job["status"]>[];
}

/** Jobs, and by which query they were asked for. */
interface Answer {
  readonly jobs: readonly Job[];
  readonly query: JobsQuery;
}

/**
 * Jobs, youngest first; the last list that could be had stays when the next one cannot, and while
 * another query is asked for the first time.
 */
export function useJobs(query: JobsQuery = {}) {
  const { limit = LIMIT, text = "", statuses = [] } = query;
  const asked = new URLSearchParams({ limit: String(limit) });
  if (text !== "") asked.set("q", text);
  for (const status of statuses) asked.append("status", status);
  const answer = (body: unknown): Answer | null => {
    const jobs = listOf("Job", body);
    return jobs && { jobs, query };
  };
  const { data, error, isLoading, mutate } = useApi(`/api/jobs?${asked}`, answer, {
    refreshInterval: REFRESH,
    keepPreviousData: true,
  });
  const refresh = useCallback(() => void mutate(), [mutate]);
  return {
    /** Null while there is no list yet. */
    jobs: data?.jobs ?? null,
    /** The query that they are the answer to: it may be the one before. */
    answered: data?.query ?? query,
    isLoading,
    error,
    refresh,
  };
}
