import type { RiskLevel } from "@hsi/realtime";

/** Milliseconds within which a browser that lets a page sound has begun to. */
const BEGINNING = 300;
/** Milliseconds between two sounds: of events that come at once, one is enough. */
const APART = 1_500;
const LOUDNESS = 0.25;
/** Seconds from one tone to the next. */
const BEAT = 0.22;

/** Hertz, one tone after the other: graver ones are higher and longer. */
const TONES: Readonly<Record<RiskLevel, readonly number[]>> = {
  low: [523],
  medium: [523, 659],
  high: [659, 880],
  critical: [880, 659, 880, 659, 880],
};

/** The sound of an event, made by the browser itself: there is no file to load. */
export class Sound {
  #context: AudioContext | null = null;
  #isBlocked = false;
  #waitsForClick = false;
  #soundedAt = Number.NEGATIVE_INFINITY;
  readonly #listeners = new Set<() => void>();

  /** Whether the browser let the page make no sound when it last tried to. */
  readonly isBlocked = (): boolean => this.#isBlocked;

  readonly subscribe = (listener: () => void): (() => void) => {
    this.#listeners.add(listener);
    return () => {
      this.#listeners.delete(listener);
    };
  };

  /** Find out whether the page may sound, without a sound; browsers want a click or a key first. */
  async prepare(): Promise<boolean> {
    if (typeof AudioContext !== "function") return this.#note(false);
    this.#context ??= new AudioContext();
    const context = this.#context;
    if (context.state !== "running") {
      // It waits for a click without end where the browser wants one.
      await Promise.race([context.resume(), pause(BEGINNING)]).catch(() => {});
    }
    const isAllowed = context.state === "running";
    if (!isAllowed) this.#tryAgainOnClick();
    return this.#note(isAllowed);
  }

  /** Sound as for this level; returns whether the browser lets the page. */
  async play(level: RiskLevel): Promise<boolean> {
    const isAllowed = await this.prepare();
    const now = performance.now();
    if (!isAllowed || !this.#context || now - this.#soundedAt < APART) return isAllowed;
    this.#soundedAt = now;
    for (const [index, pitch] of TONES[level].entries()) ring(this.#context, pitch, index * BEAT);
    return true;
  }

  #tryAgainOnClick(): void {
    if (this.#waitsForClick) return;
    this.#waitsForClick = true;
    const clicked = new AbortController();
    const again = () => {
      this.#waitsForClick = false;
      clicked.abort();
      void this.prepare();
    };
    for (const type of ["pointerup", "keydown"]) {
      addEventListener(type, again, { signal: clicked.signal });
    }
  }

  #note(isAllowed: boolean): boolean {
    if (this.#isBlocked === isAllowed) {
      this.#isBlocked = !isAllowed;
      for (const listener of [...this.#listeners]) listener();
    }
    return isAllowed;
  }
}

/** One tone, which begins in so many seconds. */
function ring(context: AudioContext, pitch: number, delay: number): void {
  const begin = context.currentTime + delay;
  const gain = context.createGain();
  // Without a ramp it clicks.
  gain.gain.setValueAtTime(0, begin);
  gain.gain.linearRampToValueAtTime(LOUDNESS, begin + 0.02);
  gain.gain.exponentialRampToValueAtTime(0.001, begin + BEAT);
  gain.connect(context.destination);
  const tone = new OscillatorNode(context, { frequency: pitch });
  tone.connect(gain);
  tone.start(begin);
  tone.stop(begin + BEAT);
}

function pause(milliseconds: number): Promise<void> {
  return new Promise((done) => setTimeout(done, milliseconds));
}
