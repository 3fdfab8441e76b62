/** What an event says of itself, where a page has to be careful with it. Pure. */

import type { SecurityEvent } from "@hsi/realtime";
import { clock, dateAndClock } from "./format";
import { texts } from "./texts";
import { fieldsOf } from "./told/rules";

const words = texts.events.times;

/** Milliseconds by which the clocks of what told an event and of Redis may differ. */
const SKEW = 60_000;
/** Characters of what cannot be read that are shown. */
const QUOTED = 60;
/** Characters, and lines, from which on a summary is long. */
const LONG = 300;
const MANY_LINES = 6;

type Times = Pick<SecurityEvent, "startedAt" | "endedAt" | "arrivedAt">;

/** When an event began, with its date where it arrived on another day; null where nobody said so. */
export function beganWords({ startedAt, arrivedAt }: Times): string | null {
  if (startedAt === null) return null;
  const isSameDay = new Date(startedAt).toDateString() === new Date(arrivedAt).toDateString();
  const when = isSameDay ? clock(startedAt) : dateAndClock(startedAt);
  return isToCome({ startedAt, arrivedAt }) ? words.saidToBegin(when) : words.began(when);
}

/** What of an event's times cannot be. */
export function oddTimes({ startedAt, endedAt, arrivedAt }: Times): readonly string[] {
  const found: string[] = [];
  if (isToCome({ startedAt, arrivedAt })) found.push(words.arrivedBefore);
  if (startedAt !== null && endedAt !== null && endedAt < startedAt) found.push(words.endedBefore);
  return found;
}

function isToCome({ startedAt, arrivedAt }: Pick<Times, "startedAt" | "arrivedAt">): boolean {
  return startedAt !== null && startedAt > arrivedAt + SKEW;
}

/**
 * What a message says in the first of these fields that it has, though that is not what an event has
 * there: it is not shown as if it was not told. Null where it says nothing.
 */
export function unreadable(message: unknown, ...fields: readonly string[]): string | null {
  const { data: told } = fieldsOf(message);
  const data = fieldsOf(told);
  const said = fields.map((field) => data[field]).find((value) => value != null && value !== "");
  if (said === undefined) return null;
  const text = JSON.stringify(said);
  return text.length > QUOTED ? `${text.slice(0, QUOTED - 1)}…` : text;
}

/** Whether a summary would fill the place of all else. */
export function isLong(summary: string): boolean {
  return summary.length > LONG || summary.split("\n", MANY_LINES + 1).length > MANY_LINES;
}

/** The beginning of a summary that is long. */
export function shortened(summary: string): string {
  return summary.length > LONG ? `${summary.slice(0, LONG)}…` : summary;
}
