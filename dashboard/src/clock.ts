import { useSyncExternalStore } from "react";

const TICK = 1_000;

let now = Date.now();
let uptime = performance.now();
let ticking: ReturnType<typeof setInterval> | undefined;
const listeners = new Set<() => void>();

function tick(): void {
  look();
  for (const listener of [...listeners]) listener();
}

function look(): void {
  now = Date.now();
  uptime = performance.now();
}

function subscribe(listener: () => void): () => void {
  listeners.add(listener);
  if (ticking === undefined) {
    ticking = setInterval(tick, TICK);
    // It stood still while nobody looked.
    look();
  }
  return () => {
    listeners.delete(listener);
    if (listeners.size > 0) return;
    clearInterval(ticking);
    ticking = undefined;
  };
}

/** The time, ms since 1970, every second: one clock for the whole page. */
export function useNow(): number {
  return useSyncExternalStore(subscribe, () => now);
}

/** What is so at this time; drawn again only when that is something else. */
export function useAsOf(told: (now: number) => string): string {
  return useSyncExternalStore(subscribe, () => told(now));
}

/** Milliseconds since the page was loaded, every second: for how long something lasts. */
export function useUptime(): number {
  return useSyncExternalStore(subscribe, () => uptime);
}
