/**
 * What screen readers are told: in order, one text at a time, and none of them lost. A text that
 * replaces another too soon is never read, so each stands for a while, with a gap after it.
 */

import { texts } from "./texts";

/** Milliseconds for which a text stands: screen readers have noticed it by then. */
const STANDS = 1_000;
/** Milliseconds between two texts, so that the same words again are another text. */
const GAP = 100;
/** Texts that may wait; of more, the oldest are told by their number. */
const MAX_WAITING = 50;

interface Options {
  /** Whether it interrupts what is being read: for what is critical. */
  readonly assertive?: boolean;
}

/** One live region: the text that stands in it, and those that wait for their turn. */
class Voice {
  text = "";
  readonly #changed: () => void;
  #waiting: string[] = [];
  #left = 0;
  #isBusy = false;

  constructor(changed: () => void) {
    this.#changed = changed;
  }

  say(text: string): void {
    this.#waiting.push(text);
    const surplus = this.#waiting.length - MAX_WAITING;
    if (surplus > 0) {
      this.#waiting = this.#waiting.slice(surplus);
      this.#left += surplus;
    }
    if (!this.#isBusy) this.#next();
  }

  #next(): void {
    const text = this.#take();
    this.#isBusy = text !== undefined;
    if (text === undefined) return;
    this.#show(text);
    setTimeout(() => {
      this.#show("");
      setTimeout(() => this.#next(), GAP);
    }, STANDS);
  }

  #take(): string | undefined {
    if (this.#left === 0) return this.#waiting.shift();
    const left = this.#left;
    this.#left = 0;
    return texts.page.announcedEarlier(left);
  }

  #show(text: string): void {
    this.text = text;
    this.#changed();
  }
}

/** What stands in the page's live regions, for React's `useSyncExternalStore`. */
export class Announcements {
  readonly #listeners = new Set<() => void>();
  readonly #changed = () => {
    for (const listener of [...this.#listeners]) listener();
  };
  readonly #polite = new Voice(this.#changed);
  readonly #assertive = new Voice(this.#changed);

  readonly announce = (text: string, { assertive = false }: Options = {}): void => {
    (assertive ? this.#assertive : this.#polite).say(text);
  };

  readonly polite = (): string => this.#polite.text;
  readonly assertive = (): string => this.#assertive.text;

  readonly subscribe = (listener: () => void): (() => void) => {
    this.#listeners.add(listener);
    return () => {
      this.#listeners.delete(listener);
    };
  };
}

/** The page's own. */
export const announcements = new Announcements();

/** Tell a screen reader: politely, or at once where it is critical. */
export const announce = announcements.announce;
