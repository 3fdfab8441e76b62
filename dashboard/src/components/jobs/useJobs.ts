import useSWR from "swr";
import { type ApiError, getJson, type Job } from "../../realtime";

/** Milliseconds from one look at the list to the next, while the page is visible. */
const REFRESH = 5_000;

/** The jobs that began last; the last list that could be had stays when the next one cannot. */
export function useJobs() {
  return useSWR<Job[], ApiError>("/api/jobs?limit=100", getJson<Job[]>, {
    refreshInterval: REFRESH,
  });
}
