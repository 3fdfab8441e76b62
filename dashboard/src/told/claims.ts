/**
 * Which of a browser's tabs tells an event: the one that claims it first. A claim is a Web Lock; where
 * there are none, over plain HTTP, it is a word to the other tabs and a moment's wait.
 */

/** Milliseconds for which a claim counts: after that no event is told by itself any more. */
const HELD = 5 * 60_000;
/** Milliseconds that a tab without Web Locks waits for another's claim. */
const OBJECTION = 120;
/** Claims that are remembered. */
const REMEMBERED = 1_000;
const PREFIX = "hsi.told ";

/** What tabs say to each other. */
interface Word {
  readonly about: string;
  /** Of the tab that claims it, so that of two at once all tabs choose the same. */
  readonly by: string;
  readonly isTaken: boolean;
}

interface Tabs {
  /** Null where the browser has none. */
  readonly locks: Pick<LockManager, "request"> | null;
  readonly channel: Pick<BroadcastChannel, "postMessage" | "addEventListener">;
  /** Tells this tab from others. */
  readonly id: string;
}

export class Claims {
  readonly #tabs: Tabs;
  /** What was told, by this tab or another one that may be closed by now. */
  readonly #taken = new Set<string>();
  /** The least of the tabs that want something now. */
  readonly #wanted = new Map<string, string>();

  constructor(tabs: Tabs) {
    this.#tabs = tabs;
    tabs.channel.addEventListener("message", ({ data }) => this.#hear(data));
  }

  /** Claim something; of all tabs one gets it, once. */
  async claim(about: string): Promise<boolean> {
    if (this.#taken.has(about)) return false;
    const isOurs = (await this.#lock(about)) ?? (await this.#ask(about));
    if (!isOurs || this.#taken.has(about)) return false;
    this.#take(about);
    this.#say({ about, by: this.#tabs.id, isTaken: true });
    return true;
  }

  /** Whether this tab has got the lock; null where there are none. */
  #lock(about: string): Promise<boolean | null> {
    const { locks } = this.#tabs;
    if (!locks) return Promise.resolve(null);
    return new Promise((resolve) => {
      const hold = (lock: unknown) => {
        resolve(lock !== null);
        return lock === null ? undefined : pause(HELD);
      };
      // Where site data are blocked, locks are refused.
      locks.request(PREFIX + about, { ifAvailable: true }, hold).catch(() => resolve(null));
    });
  }

  async #ask(about: string): Promise<boolean> {
    const { id } = this.#tabs;
    this.#want(about, id);
    this.#say({ about, by: id, isTaken: false });
    await pause(OBJECTION);
    return this.#wanted.get(about) === id;
  }

  #hear(word: Word): void {
    if (word.isTaken) this.#take(word.about);
    else this.#want(word.about, word.by);
  }

  #want(about: string, by: string): void {
    const before = this.#wanted.get(about);
    if (before === undefined || by < before) this.#wanted.set(about, by);
    forgetOldest(this.#wanted);
  }

  #take(about: string): void {
    this.#taken.add(about);
    forgetOldest(this.#taken);
  }

  #say(word: Word): void {
    this.#tabs.channel.postMessage(word);
  }
}

function forgetOldest(all: Map<string, string> | Set<string>): void {
  if (all.size <= REMEMBERED) return;
  for (const oldest of all.keys()) {
    all.delete(oldest);
    return;
  }
}

function pause(milliseconds: number): Promise<void> {
  return new Promise((done) => setTimeout(done, milliseconds));
}
