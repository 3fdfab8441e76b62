/** Asks for something at once and then at every interval, while it is on. */
export class Polling<T> {
  readonly #ask: () => Promise<T>;
  readonly #take: (answer: T | null) => void;
  readonly #interval: number;
  #timer: ReturnType<typeof setInterval> | undefined;

  /**
   * @param ask Asks once.
   * @param take Takes each answer; null where there was none.
   * @param interval Milliseconds between two questions.
   */
  constructor(ask: () => Promise<T>, take: (answer: T | null) => void, interval: number) {
    this.#ask = ask;
    this.#take = take;
    this.#interval = interval;
  }

  get isOn(): boolean {
    return this.#timer !== undefined;
  }

  turn(on: boolean): void {
    if (on === this.isOn) return;
    clearInterval(this.#timer);
    this.#timer = on ? setInterval(() => void this.#once(), this.#interval) : undefined;
    if (on) void this.#once();
  }

  async #once(): Promise<void> {
    const timer = this.#timer;
    // Why there is none is in the log: the client says so.
    const answer = await this.#ask().catch(() => null);
    // An answer that comes when it is off, or from before it was on again, is of the past.
    if (timer !== undefined && timer === this.#timer) this.#take(answer);
  }
}
