import { useSyncExternalStore } from "react";
import { Observable } from "./realtime/observable";

const TICK = 1_000;

class Clock extends Observable<number> {
  #ticking: ReturnType<typeof setInterval> | undefined;

  protected override start(): void {
    this.set(Date.now());
    this.#ticking = setInterval(() => this.set(Date.now()), TICK);
  }

  protected override end(): void {
    clearInterval(this.#ticking);
  }
}

const pageClock = new Clock(Date.now());

/** The time, ms since 1970, every second: one clock for the whole page. */
export function useNow(): number {
  return useSyncExternalStore(pageClock.subscribe, pageClock.get);
}
