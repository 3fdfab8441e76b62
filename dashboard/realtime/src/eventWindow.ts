/** Which events a page keeps, and in which order. Pure. */

import type { SecurityEvent } from "./lenient.ts";

/** Events that are shown, newest first. */
export const KEPT_EVENTS = 100;
/** Milliseconds for which an event says something about now. */
export const RECENT = 15 * 60_000;
/** Milliseconds for which a critical event counts that has not ended: its end may never be told. */
export const UNENDED = 24 * 3_600_000;
/** Milliseconds that a message may be on its way to the page. */
const ON_THE_WAY = 2_000;
/** Events of low risk that are kept, at most: more of them change nothing that is said. */
const MAX_LOW = 2_000;

/** Whether an event says something about now, by the services' clock. */
export function counts(event: SecurityEvent, now: number): boolean {
  const age = now - event.arrivedAt;
  if (age <= RECENT) return true;
  return event.riskLevel === "critical" && !event.hasEnded && age <= UNENDED;
}

/**
 * Whether the first of two events arrived after the other, or at its place. What has no cursor is of
 * when the page heard it, which is some time after it was published.
 */
export function isLater(one: SecurityEvent, other: SecurityEvent): boolean {
  const [number, otherNumber] = [numberOf(one), numberOf(other)];
  const slack = number !== null && otherNumber === null ? ON_THE_WAY : 0;
  if (slack > 0 || one.arrivedAt !== other.arrivedAt) {
    return one.arrivedAt + slack > other.arrivedAt;
  }
  return number === null || otherNumber === null || number >= otherNumber;
}

/** The place within its millisecond that a cursor has; null without a cursor. */
function numberOf({ key }: SecurityEvent): number | null {
  const found = /^\d+-(\d+)$/.exec(key);
  return found ? Number(found[1]) : null;
}

/**
 * These events, newest first, with another one; what is told again of an event takes the place of
 * what was told before. The same list if that is old news.
 */
export function withEvent(
  events: readonly SecurityEvent[],
  event: SecurityEvent,
): readonly SecurityEvent[] {
  const before = events.find(({ identity }) => identity === event.identity);
  if (before && !isNews(event, before)) return events;
  const others = before ? events.filter((one) => one !== before) : events;
  const place = others.findIndex((one) => isLater(event, one));
  return place < 0 ? [...others, event] : others.toSpliced(place, 0, event);
}

/** The same with many, of the history: all at once, since there may be thousands. */
export function withEvents(
  events: readonly SecurityEvent[],
  added: readonly SecurityEvent[],
): readonly SecurityEvent[] {
  const all = new Map(events.map((event) => [event.identity, event]));
  for (const event of added) {
    const before = all.get(event.identity);
    if (!before || isNews(event, before)) all.set(event.identity, event);
  }
  return [...all.values()].sort(
    (one, other) =>
      other.arrivedAt - one.arrivedAt || (numberOf(other) ?? 0) - (numberOf(one) ?? 0),
  );
}

function isNews(event: SecurityEvent, before: SecurityEvent): boolean {
  return event.key !== before.key && isLater(event, before);
}

/**
 * Those of the events, newest first, that are shown or say something about now. It is time and not
 * their number that decides: no crowd of later ones pushes a danger out.
 */
export function kept(events: readonly SecurityEvent[], now: number): readonly SecurityEvent[] {
  if (events.length <= KEPT_EVENTS) return events;
  return events.filter(
    (event, index) =>
      index < KEPT_EVENTS || (counts(event, now) && (event.riskLevel !== "low" || index < MAX_LOW)),
  );
}
