/** What makes jsdom a page of the test server's, and its time one that tests can hurry. */

import { CloseEvent as NativeCloseEvent, WebSocket as NativeWebSocket } from "undici";
import { onTestFinished, vi } from "vitest";
import { Credentials } from "../src/credentials";
import { Interception } from "../src/interception";
import { QUIET_LOGGER } from "../src/logger";
import { Retries } from "../src/retries";
import { ServerClock } from "../src/serverClock";
import type { StreamContext } from "../src/stream";
import { Unanswered } from "../src/unanswered";
import { Server } from "./server";

declare global {
  /** Vitest's jsdom. */
  var jsdom: { reconfigure(options: { url: string }): void };
}

// jsdom's WebSocket is undici's with a coat. Undici makes its `open` event of the global Event, but
// takes Node's alone, and Vitest has put jsdom's in its place (nodejs/undici#2663).
const NativeEvent: typeof Event = Object.getPrototypeOf(NativeCloseEvent);
const { dispatchEvent } = NativeWebSocket.prototype;
NativeWebSocket.prototype.dispatchEvent = function (event) {
  return dispatchEvent.call(this, event.type === "open" ? new NativeEvent("open") : event);
};

/** Real milliseconds for which a test waits for something. */
const PATIENCE = 20_000;

const { setTimeout: realTimeout } = globalThis;
const realNow = performance.now.bind(performance);

/** Make this server the host of the page. */
export function visit(server: Server): void {
  jsdom.reconfigure({ url: server.url });
  sessionStorage.clear();
}

/** Start a server for this test alone, as the host of the page. */
export async function hostForTest(): Promise<Server> {
  const server = await Server.start();
  onTestFinished(() => server.stop());
  visit(server);
  return server;
}

/** Let this many real milliseconds pass: to see that nothing comes of them. */
export function pass(milliseconds: number): Promise<void> {
  return new Promise((done) => realTimeout(done, milliseconds));
}

/** Wait, in real time, until this no longer throws; return what it returns. */
export async function until<T>(check: () => T | Promise<T>): Promise<T> {
  const latest = realNow() + PATIENCE;
  for (;;) {
    try {
      return await check();
    } catch (error) {
      if (realNow() > latest) throw error;
    }
    await pass(3);
  }
}

/** Time goes on as ever, and `jump` makes it go faster. */
export function elasticTime(): void {
  vi.useFakeTimers({
    shouldAdvanceTime: true,
    toFake: [
      "Date",
      "performance",
      "setTimeout",
      "clearTimeout",
      "setInterval",
      "clearInterval",
      // jsdom's frames are of an interval, and would end with it.
      "requestAnimationFrame",
      "cancelAnimationFrame",
    ],
  });
  onTestFinished(() => {
    vi.useRealTimers();
  });
}

/** Make this many milliseconds pass, second by second, in each of which real sockets can answer. */
export async function jump(milliseconds: number): Promise<void> {
  for (let left = milliseconds; left > 0; left -= 1_000) {
    await vi.advanceTimersByTimeAsync(Math.min(left, 1_000));
    await pass(5);
  }
}

/** What streams of this page share. */
export function contextOf(given: Partial<StreamContext> = {}): StreamContext {
  return {
    base: () => new URL("/", location.href),
    credentials: new Credentials(),
    logger: QUIET_LOGGER,
    clock: new ServerClock(),
    interception: new Interception(),
    unanswered: new Unanswered(),
    retries: new Retries(),
    ...given,
  };
}
