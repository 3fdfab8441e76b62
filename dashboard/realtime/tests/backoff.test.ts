// @vitest-environment node
import fc from "fast-check";
import ReconnectingWebSocket from "partysocket/ws";
import { beforeEach, expect, test, vi } from "vitest";
import { CONNECT_TIMEOUT, LONGEST_DELAY, reconnection } from "../src/backoff";

const chance = fc.nat(999_999).map((millionths) => millionths / 1e6);

beforeEach(() => {
  vi.useFakeTimers({ toFake: ["Date", "setTimeout", "clearTimeout"] });
  return () => vi.useRealTimers();
});

/** The delays of the real reconnecting socket, in ms, where each attempt fails at once. */
async function delays(count: number, random?: () => number): Promise<number[]> {
  const times: number[] = [];
  const address = () => {
    times.push(Date.now());
    throw new Error("there is no way");
  };
  const socket = new ReconnectingWebSocket(address, null, reconnection(random));
  while (times.length <= count) await vi.advanceTimersToNextTimerAsync();
  socket.close();
  return times.slice(1).map((time, index) => time - (times[index] ?? 0));
}

test("without chance it comes back after 1, 2, 4, 8, 16 and then every 30 s", async () => {
  const seconds = (await delays(8, () => 0)).map((delay) => delay / 1_000);
  expect(seconds).toEqual([1, 2, 4, 8, 16, 30, 30, 30]);
});

test("whatever chance says, each delay is from half to all of that", async () => {
  await fc.assert(
    fc.asyncProperty(fc.array(chance, { minLength: 1, maxLength: 24 }), async (draws) => {
      let drawn = 0;
      const found = await delays(10, () => draws[drawn++ % draws.length] ?? 0);
      for (const [index, delay] of found.entries()) {
        const longest = Math.min(1_000 * 2 ** index, LONGEST_DELAY);
        // Timers are of whole milliseconds.
        expect(delay).toBeGreaterThanOrEqual(Math.floor(longest / 2));
        expect(delay).toBeLessThanOrEqual(longest);
      }
    }),
  );
});

test("it never stops trying", async () => {
  const found = await delays(2_000);
  expect(found.slice(5).every((delay) => delay >= 15_000 && delay <= 30_000)).toBe(true);
});

test("each delay is drawn by itself, so that clients that were lost together come back apart", async () => {
  const clients = await Promise.all([1, 2, 3].map(() => delays(30)));
  const longest = clients.map((found) => found.slice(5));
  expect(new Set(longest.flat()).size).toBeGreaterThan(60);
  expect(new Set(clients.map((found) => found.join())).size).toBe(3);
});

test("an attempt may take 10 s", () => {
  expect(CONNECT_TIMEOUT).toBe(10_000);
  expect(reconnection().connectionTimeout).toBe(CONNECT_TIMEOUT);
});
