/** Whether the queues of the AI move. Pure. */

/** Milliseconds in which a queue that is not empty becomes shorter, unless it stands still. */
export const QUEUE_PATIENCE = 120_000;
/** Milliseconds between two samples that are a break, of which nobody knows more. */
const GAP = 60_000;

export type QueueName = "detection" | "analysis";

export interface Queues {
  readonly state: "moving" | "stuck" | "unknown";
  /** The one that stands still. */
  readonly queue: QueueName | null;
  /** Since when, by the clock of what was noted. */
  readonly since: number | null;
}

type Depths = Readonly<Record<QueueName, number | null>>;

export const UNKNOWN_QUEUES: Queues = { state: "unknown", queue: null, since: null };
const MOVING: Queues = { state: "moving", queue: null, since: null };

/** Learns from the depths of the queues whether they move. */
export class QueueWatch {
  readonly #last = new Map<QueueName, number>();
  /** Since when each of them has not become shorter, though something waits. */
  readonly #since = new Map<QueueName, number>();
  #at: number | null = null;

  /** Note the depths of a moment, null where nobody knows; return whether they move. */
  note(at: number, depths: Depths): Queues {
    if (this.#at !== null && at - this.#at > GAP) this.#since.clear();
    this.#at = at;
    this.#follow("detection", at, depths.detection);
    this.#follow("analysis", at, depths.analysis);
    if (depths.detection === null || depths.analysis === null) return UNKNOWN_QUEUES;
    for (const [queue, since] of this.#since) {
      if (at - since >= QUEUE_PATIENCE) return { state: "stuck", queue, since };
    }
    return MOVING;
  }

  forget(): void {
    this.#last.clear();
    this.#since.clear();
    this.#at = null;
  }

  #follow(name: QueueName, at: number, depth: number | null): void {
    const before = this.#last.get(name);
    if (!depth || (before !== undefined && depth < before)) this.#since.delete(name);
    if (depth === null) return;
    this.#last.set(name, depth);
    if (depth > 0 && !this.#since.has(name)) this.#since.set(name, at);
  }
}
