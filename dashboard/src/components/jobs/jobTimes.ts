import type { Job } from "@hsi/realtime";
import { timeOf } from "@hsi/realtime";

/** How long a job took, or takes until now, in milliseconds; null where nobody knows. Pure. */
export function lengthOf(job: Job, now: number): number | null {
  const began = timeOf(job.started_at);
  const ended = timeOf(job.ended_at);
  if (began === null) return null;
  if (ended !== null) return Math.max(0, ended - began);
  return job.status === "running" ? Math.max(0, now - began) : null;
}

/** A time of day as a log needs it: to the second, and the milliseconds after that. Pure. */
export function timeOfDay(time: number): { readonly clock: string; readonly rest: string } {
  const date = new Date(time);
  const parts = [date.getHours(), date.getMinutes(), date.getSeconds()];
  return {
    clock: parts.map((part) => String(part).padStart(2, "0")).join(":"),
    rest: `.${String(date.getMilliseconds()).padStart(3, "0")}`,
  };
}
