/** A list of jobs that stays where it is while somebody reads it. Pure. */

import type { Job } from "@hsi/realtime";

/** What is shown of a list that has changed. */
export interface QuietList {
  /** The jobs that were there, as they are now, and older ones that were asked for. */
  readonly jobs: readonly Job[];
  /** How many more there are by now, that would move them. */
  readonly newer: number;
}

/**
 * The list as somebody reads it.
 *
 * @param before As it was when they began.
 * @param now As it is, youngest first.
 */
export function quietly(before: readonly Job[], now: readonly Job[]): QuietList {
  const byId = new Map(now.map((job) => [job.id, job]));
  const known = new Set(before.map(({ id }) => id));
  const last = now.findLastIndex(({ id }) => known.has(id));
  const older = now.filter(({ id }, index) => index > last && !known.has(id));
  // Of other jobs altogether: nothing would stay where it is.
  if (last < 0) return { jobs: now, newer: 0 };
  return {
    jobs: [...before.map((job) => byId.get(job.id) ?? job), ...older],
    newer: now.filter(({ id }, index) => index <= last && !known.has(id)).length,
  };
}
