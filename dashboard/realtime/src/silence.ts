/** Whether an open connection is alive: `ask` means that a ping is due. */
export type Liveness = "live" | "ask" | "stale" | "dead";

/** Milliseconds that an answer to a ping may take before what is shown counts as stale. */
export const STALE_AFTER = 5_000;
/** Milliseconds without an answer after which the connection is given up, and a new one made. */
export const DEAD_AFTER = 12_000;

/**
 * Judges whether a silent connection is alive. Pure.
 *
 * A socket whose network is gone stays open for minutes, as far as a browser can tell. So silence
 * that is longer than it should be is answered with a ping, and only a ping without an answer says
 * that nobody is there; a page that slept, or whose timers are throttled, asks first, too.
 *
 * @param now Milliseconds, of the same clock as the others.
 * @param heardAt When anything was last heard.
 * @param askedAt When a ping was sent that nothing has answered; null if there is none.
 * @param quiet Milliseconds of silence that are nothing special here.
 */
export function livenessOf(
  now: number,
  { heardAt, askedAt, quiet }: { heardAt: number; askedAt: number | null; quiet: number },
): Liveness {
  if (askedAt === null) return now - heardAt < quiet ? "live" : "ask";
  if (now - askedAt < STALE_AFTER) return "live";
  return now - askedAt < DEAD_AFTER ? "stale" : "dead";
}

/** Milliseconds after which a periodic figure is stale even if it was due every second. */
export const LEAST_PATIENCE = 15_000;
const REMEMBERED = 3;
const PATIENCE = 2.5;

/** Learns how often something comes, and so when it is late. Pure. */
export class Rhythm {
  #last: number | null = null;
  #gaps: number[] = [];

  /** Note that it came, at this time in milliseconds. */
  note(now: number): void {
    if (this.#last !== null) this.#gaps = [...this.#gaps, now - this.#last].slice(-REMEMBERED);
    this.#last = now;
  }

  /** Forget how often it came: what sends it may be another one now, and a break is no gap. */
  forget(): void {
    this.#last = null;
    this.#gaps = [];
  }

  /** Milliseconds after the last one at which the next one is late. */
  get patience(): number {
    return Math.max(LEAST_PATIENCE, PATIENCE * this.#usual);
  }

  /** The gap in the middle: one outage does not count as how often something comes. */
  get #usual(): number {
    const sorted = [...this.#gaps].sort((one, other) => one - other);
    return sorted[Math.floor(sorted.length / 2)] ?? 0;
  }
}
