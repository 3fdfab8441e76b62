import { JITTER } from "./backoff.ts";

/** Milliseconds before the first retry. */
const FIRST_DELAY = 5_000;
/** Milliseconds before a retry, at most. */
const LONGEST_DELAY = 15_000;
/** Milliseconds within which all are tried again once a service is back, so that not all of them come at once. */
const SPREAD = 500;

/**
 * Questions that found no answer, to be asked again: after 5, 10 and then every 15 s, each up to half
 * shorter, and at once when a connection to the services opens.
 */
export class Retries {
  readonly #waiting = new Map<() => void, ReturnType<typeof setTimeout>>();
  readonly #random: () => number;

  constructor(random: () => number = Math.random) {
    this.#random = random;
  }

  /**
   * Ask again, after a while.
   *
   * @param ask Asks, once.
   * @param count How often it has failed, from 1.
   */
  plan(ask: () => void, count: number): void {
    const delay = Math.min(FIRST_DELAY * count, LONGEST_DELAY);
    this.#askAfter(delay * (1 - JITTER * this.#random()), ask);
  }

  /** The services are back: ask all of it again now. */
  hurry(): void {
    for (const ask of [...this.#waiting.keys()]) this.#askAfter(SPREAD * this.#random(), ask);
  }

  #askAfter(delay: number, ask: () => void): void {
    clearTimeout(this.#waiting.get(ask));
    const timer = setTimeout(() => {
      this.#waiting.delete(ask);
      ask();
    }, delay);
    this.#waiting.set(ask, timer);
  }
}
