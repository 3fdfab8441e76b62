/**
 * Ends, with a file of tests, what it left to happen later. Feeds and streams outlive their last
 * listener by seconds, and a timer that goes off when the page is gone finds neither document nor
 * socket: an error of no test, which fails them all.
 */
import { afterAll } from "vitest";

const started = new Set<NodeJS.Timeout>();

function noted<T extends typeof setTimeout | typeof setInterval>(start: T): T {
  return new Proxy(start, {
    apply(_, self, given) {
      const timer: NodeJS.Timeout = Reflect.apply(start, self, given);
      started.add(timer);
      return timer;
    },
  });
}

globalThis.setTimeout = noted(setTimeout);
globalThis.setInterval = noted(setInterval);

afterAll(() => {
  for (const timer of started) clearTimeout(timer);
  started.clear();
});
