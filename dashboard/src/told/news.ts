/** What of all that a page hears is new to a person: each event once, and again when it got worse. Pure. */

import type { SecurityEvent } from "@hsi/realtime";
import { levelOf } from "../homeVerdict";
import { rankOf } from "./rules";

/** Milliseconds after which an event is no longer told by itself: a machine slept, or was cut off. */
export const FRESH = 3 * 60_000;
/** Events that are remembered: more than come while one of them may be told again. */
const REMEMBERED = 5_000;

/**
 * `old`: known, or of before the page; `late`: new, and too long ago to tell by itself; `worse`: known,
 * and of a higher level now.
 */
export type News = "old" | "late" | "fresh" | "worse";

export class NewsDesk {
  /** The rank at which each event was heard of last, by its identity; the oldest first. */
  readonly #known = new Map<string, number>();
  readonly #beganAt: number;

  /** @param beganAt When the page was opened, ms since 1970 by the services' clock. */
  constructor(beganAt: number) {
    this.#beganAt = beganAt;
  }

  /** Take an event that was heard, and say what it is; `now` is the services' time. */
  take(event: SecurityEvent, now: number): News {
    const { identity, arrivedAt } = event;
    const before = this.#known.get(identity);
    if (before !== undefined && rankOf(levelOf(event)) <= before) return "old";
    this.remember(event);
    if (arrivedAt < this.#beganAt) return "old";
    if (now - arrivedAt > FRESH) return "late";
    return before === undefined ? "fresh" : "worse";
  }

  /** Know an event of before. */
  remember(event: SecurityEvent): void {
    const { identity } = event;
    this.#known.delete(identity);
    this.#known.set(identity, rankOf(levelOf(event)));
    if (this.#known.size <= REMEMBERED) return;
    for (const oldest of this.#known.keys()) {
      this.#known.delete(oldest);
      return;
    }
  }
}
