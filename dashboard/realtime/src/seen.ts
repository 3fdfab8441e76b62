/**
 * Whether somebody of the household has seen an event. A mark is of an event and of the level that it
 * had: what is told of it later is seen too, unless it is graver. The same in Python is hsi.seen, and
 * both pass tests/seen.json. Pure.
 */

import { arrivalOf, type SecurityEvent, timeOf } from "./lenient.ts";
import type { EventSeenData, SeenEvent, SeenEvents } from "./messages.ts";
import { RISK_LEVELS, type RiskLevel } from "./risk.ts";

/** Who has seen an event, and when. */
export interface Seen {
  /** By the services' clock, ms since 1970. */
  readonly at: number;
  /** Name of the key of who has; empty where no credential is asked for. */
  readonly by: string;
}

/** That, and what was seen. */
export interface SeenMark extends Seen {
  /** The event's level by then: at a higher one it is unseen again. */
  readonly riskLevel: RiskLevel | null;
}

/** Marks by their events' keys. */
export type SeenMarks = ReadonlyMap<string, SeenMark>;

export const NO_MARKS: SeenMarks = new Map();

/** What an event is called where it is marked: its id, else its cursor; null if it has neither. */
export function seenKeyOf({ id, key }: Pick<SecurityEvent, "id" | "key">): string | null {
  if (id !== null && Number.isSafeInteger(id) && id >= 0) return String(id);
  return arrivalOf(key) === null ? null : key;
}

/** Whether the services know an event by which it can be marked: one that the history has, or had. */
export function canBeMarked(event: Pick<SecurityEvent, "id" | "key">): boolean {
  return seenKeyOf(event) !== null && arrivalOf(event.key) !== null;
}

/** Who has seen an event; null while nobody has, or once it is graver than it was then. */
export function seenIn(
  marks: SeenMarks,
  event: Pick<SecurityEvent, "id" | "key" | "riskLevel">,
): SeenMark | null {
  const key = seenKeyOf(event);
  const mark = key === null ? undefined : marks.get(key);
  return mark && !isGraver(event.riskLevel, mark.riskLevel) ? mark : null;
}

/** Whether an event is graver than the level at which it was seen; without one it is medium. */
function isGraver(level: RiskLevel | null, seen: RiskLevel | null): boolean {
  return RISK_LEVELS.indexOf(level ?? "medium") > RISK_LEVELS.indexOf(seen ?? "medium");
}

/** The marks of an answer to `GET /api/events/seen`. */
export function marksOf({ seen }: SeenEvents): SeenMarks {
  return new Map(seen.map((one) => [one.id, markOf(one)]));
}

/** The marks after an `event_seen`; the same if it does not say of what it is. */
export function withChange(marks: SeenMarks, data: Readonly<Partial<EventSeenData>>): SeenMarks {
  const { id, seen } = data;
  if (id === undefined || seen === undefined) return marks;
  return withMark(marks, id, seen ? markOf(data) : null);
}

/** The marks with that of an event, or without. */
export function withMark(marks: SeenMarks, key: string, mark: SeenMark | null): SeenMarks {
  const changed = new Map(marks);
  if (mark === null) changed.delete(key);
  else changed.set(key, mark);
  return changed;
}

/** A mark as the services tell it. */
export function markOf({ at, by, risk_level }: Readonly<Partial<SeenEvent>>): SeenMark {
  return { at: timeOf(at) ?? 0, by: by ?? "", riskLevel: risk_level ?? null };
}
