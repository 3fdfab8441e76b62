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

/** Milliseconds after which a job that runs and says nothing may have died. */
const SILENCE = 60_000;

/** A job, with when it last said something where its service tells that. */
type Saying = Job & { readonly last_said_at?: string | null };

/** Since when a job that runs has said nothing, where that is long; else null. Pure. */
export function silentSince({ status, last_said_at }: Saying, now: number): number | null {
  const said = status === "running" ? timeOf(last_said_at) : null;
  return said !== null && now - said >= SILENCE ? said : null;
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
