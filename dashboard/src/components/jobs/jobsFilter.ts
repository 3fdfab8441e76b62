/** Which jobs the list shows, as the page's address says it. Pure. */

import type { Job } from "@hsi/realtime";

export type JobStatusName = NonNullable<Job["status"]>;

export const STATUSES: readonly JobStatusName[] = [
  "running",
  "failed",
  "completed",
  "cancelled",
  "pending",
];

/** Jobs that are shown more, each time that somebody asks for more. */
export const PAGE = 50;
/** Of all that are kept. */
const MOST = 1_000;
const LONGEST_ID = 128;

export interface JobsFilter {
  /** A part of the id. */
  readonly text: string;
  /** Null: any. */
  readonly status: JobStatusName | null;
  /** How many, at most. */
  readonly limit: number;
}

export const ALL_JOBS: JobsFilter = { text: "", status: null, limit: PAGE };

/** The filter of an address, from what is behind its `?`; what makes no sense counts for nothing. */
export function filterIn(query: string): JobsFilter {
  const given = new URLSearchParams(query);
  const limit = Math.round(Number(given.get("limit") ?? PAGE)) || PAGE;
  return {
    text: (given.get("q") ?? "").slice(0, LONGEST_ID),
    status: STATUSES.find((status) => status === given.get("status")) ?? null,
    limit: Math.min(MOST, Math.max(PAGE, limit)),
  };
}

/** What is behind the `?` of an address with this filter, and it; empty where all jobs are shown. */
export function queryOf({ text, status, limit }: JobsFilter): string {
  const given = new URLSearchParams();
  if (text !== "") given.set("q", text);
  if (status !== null) given.set("status", status);
  if (limit !== PAGE) given.set("limit", String(limit));
  const query = given.toString();
  return query === "" ? "" : `?${query}`;
}

/** The filter that shows a page more; null where there is no more. */
export function more(filter: JobsFilter, shown: number): JobsFilter | null {
  if (shown < filter.limit || filter.limit >= MOST) return null;
  return { ...filter, limit: Math.min(MOST, filter.limit + PAGE) };
}
