/** Milliseconds before the first attempt to come back. */
export const FIRST_DELAY = 1_000;
/** Milliseconds before an attempt, at most. */
export const LONGEST_DELAY = 30_000;
/** How much each delay may be shortened by chance, so that clients do not come back all at once. */
export const JITTER = 0.5;
/** Milliseconds that an attempt to connect may take. */
export const CONNECT_TIMEOUT = 10_000;
/** Milliseconds that a connection has to last before the delays start over. */
const STABLE_AFTER = 5_000;

/**
 * When the reconnecting socket comes back: 1 s, 2 s, 4 s … 30 s, each up to half shorter.
 *
 * The library reads its options for each attempt and multiplies them by powers of the factor; being
 * drawn on reading makes the jitter a different one each time.
 */
export function reconnection(random: () => number = Math.random) {
  const jittered = (delay: number) => delay * (1 - JITTER * random());
  return {
    connectionTimeout: CONNECT_TIMEOUT,
    minUptime: STABLE_AFTER,
    reconnectionDelayGrowFactor: 2,
    get minReconnectionDelay() {
      return jittered(FIRST_DELAY);
    },
    get maxReconnectionDelay() {
      return jittered(LONGEST_DELAY);
    },
  };
}
