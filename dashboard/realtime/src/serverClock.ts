import { Observable } from "./observable.ts";

/** Milliseconds by which what heartbeats tell differs anyway: they take their time on the way. */
const JITTER = 250;

/**
 * How far the services' clock is ahead of the browser's, in milliseconds; null while none of them
 * has told. A browser's clock may be anything, so no age of an event counts by it.
 */
export class ServerClock extends Observable<number | null> {
  constructor() {
    super(null);
  }

  /** Note what a heartbeat says that the time is, ms since 1970. */
  note(now: number): void {
    const ahead = now - Date.now();
    const before = this.get();
    if (before === null || Math.abs(ahead - before) > JITTER) this.set(ahead);
  }

  /** The services' time, as far as it is known; else the browser's. */
  now(): number {
    return Date.now() + (this.get() ?? 0);
  }
}
