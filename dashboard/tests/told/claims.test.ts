import { afterEach, beforeEach, expect, test, vi } from "vitest";
import { Claims } from "../../src/told/claims";

/** Tabs of a browser: what one says, all others hear a moment later. */
class Tabs {
  readonly #channels: EventTarget[] = [];
  readonly #held = new Set<string>();
  readonly #hasLocks: boolean;

  constructor(hasLocks: boolean) {
    this.#hasLocks = hasLocks;
  }

  open(id: string): Claims {
    const channel = new EventTarget();
    this.#channels.push(channel);
    const postMessage = (data: unknown) => {
      for (const other of this.#channels) {
        if (other === channel) continue;
        setTimeout(() => other.dispatchEvent(new MessageEvent("message", { data })), 5);
      }
    };
    const locks = this.#hasLocks ? ({ request: this.#request } as unknown as LockManager) : null;
    return new Claims({ id, locks, channel: Object.assign(channel, { postMessage }) });
  }

  /** A tab that is closed holds nothing any more. */
  releaseAll(): void {
    this.#held.clear();
  }

  readonly #request = async (
    name: string,
    _: object,
    hold: (lock: object | null) => Promise<void> | undefined,
  ) => {
    await Promise.resolve();
    if (this.#held.has(name)) return hold(null);
    this.#held.add(name);
    await hold({});
    this.#held.delete(name);
  };
}

beforeEach(() => {
  vi.useFakeTimers();
});

afterEach(() => {
  vi.useRealTimers();
});

async function winners(claims: readonly Claims[], about: string): Promise<number> {
  const all = Promise.all(claims.map((one) => one.claim(about)));
  await vi.advanceTimersByTimeAsync(1_000);
  return (await all).filter(Boolean).length;
}

test.each([
  ["with Web Locks", true],
  ["without", false],
])("of three tabs that claim at once one gets it, %s", async (_, hasLocks) => {
  const tabs = new Tabs(hasLocks);
  const claims = ["b", "a", "c"].map((id) => tabs.open(id));
  expect(await winners(claims, "1 high")).toBe(1);
  expect(await winners(claims, "1 high")).toBe(0);
  expect(await winners(claims, "1 critical")).toBe(1);
});

test.each([
  ["with Web Locks", true],
  ["without", false],
])("a tab that hears of it later gets nothing, %s", async (_, hasLocks) => {
  const tabs = new Tabs(hasLocks);
  const [first, second] = [tabs.open("b"), tabs.open("a")];
  expect(await winners([first], "1 high")).toBe(1);
  expect(await winners([second], "1 high")).toBe(0);
});

test("what a tab told that is closed by now is not told again by another", async () => {
  const tabs = new Tabs(true);
  const [first, second] = [tabs.open("b"), tabs.open("a")];
  expect(await winners([first], "1 high")).toBe(1);
  tabs.releaseAll();
  expect(await winners([second], "1 high")).toBe(0);
});

test("a tab alone gets it without Web Locks, too", async () => {
  expect(await winners([new Tabs(false).open("a")], "1 high")).toBe(1);
});

test("where the browser refuses locks, a tab tells all the same", async () => {
  const refused = async () => {
    throw new DOMException("site data are blocked", "SecurityError");
  };
  const channel = Object.assign(new EventTarget(), { postMessage: () => {} });
  const claims = new Claims({ id: "a", locks: { request: refused }, channel });
  expect(await winners([claims], "1 high")).toBe(1);
});
