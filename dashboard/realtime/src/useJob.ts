import { wholeOf } from "./conform.ts";
import type { Job } from "./messages.ts";
import { useApi } from "./useApi.ts";

/** Milliseconds from one look at the job to the next, while the page is visible. */
const REFRESH = 5_000;

interface Found {
  readonly job: Job | null;
  /** Why there is no such job; null if there is. */
  readonly missing: string | null;
}

function found(body: unknown): Found | null {
  const job = wholeOf("Job", body);
  return job && { job, missing: null };
}

const missing = (why: string): Found => ({ job: null, missing: why });

/**
 * One job: how it is, or why there is none of this id. It never was, or it is gone; and it may begin,
 * so it is asked for again.
 *
 * @param id Null asks for none.
 */
export function useJob(id: string | null) {
  const path = id === null ? null : `/api/jobs/${encodeURIComponent(id)}`;
  const { data, error, isLoading } = useApi<Found>(path, found, {
    refreshInterval: REFRESH,
    missing,
  });
  return {
    /** Null while it is not known, and where there is none. */
    job: data?.job ?? null,
    /** What the service says where there is no such job; null where there is, or nobody knows. */
    missing: data?.missing ?? null,
    isLoading,
    error,
  };
}
