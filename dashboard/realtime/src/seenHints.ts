import { PerClient } from "./client.ts";
import type { RecentEvent } from "./messages.ts";
import { Observable } from "./observable.ts";
import { eventIn } from "./recentEvent.ts";
import { markOf, type SeenMark, seenKeyOf } from "./seen.ts";

/** Marks by their events' keys; null where nobody had seen the event. */
export type Hints = ReadonlyMap<string, SeenMark | null>;

/**
 * What answers about events say of who has seen them: so much is known while the marks are not, and
 * of events of which the marks, the latest thousand, do not tell.
 */
export class SeenHints extends Observable<Hints> {
  constructor() {
    super(new Map());
  }

  /** Take what an answer says of these. */
  note(entries: readonly RecentEvent[]): void {
    const hints = new Map(this.get());
    for (const entry of entries) {
      const event = entry.seen === undefined ? null : eventIn(entry);
      const key = event && seenKeyOf(event);
      if (key !== null) hints.set(key, entry.seen ? markOf(entry.seen) : null);
    }
    this.set(hints);
  }

  /** Keep those alone that this lets through. */
  keep(wanted: (key: string, mark: SeenMark | null) => boolean): void {
    this.set(new Map([...this.get()].filter(([key, mark]) => wanted(key, mark))));
  }
}

export const seenHints = new PerClient(() => new SeenHints());
