/**
 * A value that changes, for React's `useSyncExternalStore`. Who listens keeps it alive: the first
 * listener starts whatever feeds it, the last one ends that.
 *
 * Listeners are told at most once per frame, however often the value changes: a thousand messages a
 * second are sixty renders, and none while the page is hidden.
 */
export class Observable<T> {
  readonly #initial: T;
  #value: T;
  readonly #listeners = new Set<() => void>();
  readonly #linger: number;
  #told = true;
  #running = false;
  #ending: ReturnType<typeof setTimeout> | undefined;

  /**
   * @param initial The value before anything is known.
   * @param options.value What is known already.
   * @param options.linger Milliseconds for which it goes on without a listener: from one page to the
   *   next.
   */
  constructor(initial: T, { value = initial, linger = 0 }: { value?: T; linger?: number } = {}) {
    this.#initial = initial;
    this.#value = value;
    this.#linger = linger;
  }

  readonly get = (): T => this.#value;

  /** The value before anything is known: what a server renders, and a browser hydrates. */
  readonly getInitial = (): T => this.#initial;

  readonly subscribe = (listener: () => void): (() => void) => {
    clearTimeout(this.#ending);
    this.#listeners.add(listener);
    if (!this.#running) {
      this.#running = true;
      this.start();
    }
    return () => {
      this.#listeners.delete(listener);
      if (this.#listeners.size > 0 || !this.#running) return;
      if (this.#linger === 0) this.#stop();
      else this.#ending = setTimeout(() => this.#stop(), this.#linger);
    };
  };

  #stop(): void {
    this.#running = false;
    this.end();
  }

  /** Called when there is a listener again. */
  protected start(): void {}

  /** Called when nobody listens any more. */
  protected end(): void {}

  protected set(value: T): void {
    this.#value = value;
    if (!this.#told) return;
    this.#told = false;
    nextFrame(() => {
      this.#told = true;
      for (const listener of [...this.#listeners]) listener();
    });
  }

  protected change(changes: Partial<T>): void {
    this.set({ ...this.#value, ...changes });
  }
}

/** Outside of a browser there are no frames, and values may change there, too. */
function nextFrame(work: () => void): void {
  if (typeof requestAnimationFrame === "function") requestAnimationFrame(work);
  else setTimeout(work);
}
