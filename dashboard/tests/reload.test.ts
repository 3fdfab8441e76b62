import { beforeEach, expect, test, vi } from "vitest";
import { reloadOnce } from "../src/reload";
import { tabsBy } from "../src/tabs";

const reload = vi.fn();

class Navigation {
  readonly type: string;

  constructor(type: string) {
    this.type = type;
  }
}

beforeEach(() => {
  reload.mockClear();
  vi.stubGlobal("location", { reload });
  vi.stubGlobal("PerformanceNavigationTiming", Navigation);
});

function loadedBy(type: string, milliseconds: number) {
  const performance = {
    now: () => milliseconds,
    getEntriesByType: () => [new Navigation(type)],
  };
  vi.stubGlobal("performance", performance);
}

test("a page loads itself again once, and not again at once", () => {
  loadedBy("navigate", 5_000);
  expect(reloadOnce()).toBe(true);
  loadedBy("reload", 5_000);
  expect(reloadOnce()).toBe(false);
  loadedBy("reload", 3_600_000);
  expect(reloadOnce()).toBe(true);
  expect(reload).toHaveBeenCalledTimes(2);
});

test("where a browser lets no tab know of another, nothing fails", () => {
  vi.stubGlobal(
    "BroadcastChannel",
    class {
      constructor() {
        throw new DOMException("denied", "SecurityError");
      }
    },
  );
  const tabs = tabsBy("hsi.signed-in");
  tabs.addEventListener("message", () => expect.unreachable());
  tabs.postMessage("changed");
});
