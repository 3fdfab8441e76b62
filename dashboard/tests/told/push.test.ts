import { afterEach, beforeEach, expect, test, vi } from "vitest";
import { base64url, deviceOf, Push } from "../../src/told/push";
import { PushApi, pushRulesOf } from "../../src/told/pushApi";
import { NOTHING_CHOSEN } from "../../src/told/rules";

const BASE = new URL("https://home.example/hsi/");
const KEY = "BPs_-w";
const CHROME =
  "Mozilla/5.0 (X11; Linux x86_64) AppleWebKit/537.36 (KHTML, like Gecko) Chrome/141.0 Safari/537.36";

/** What the browser has for pushes. */
class Browser {
  permission: NotificationPermission = "granted";
  subscription: PushSubscription | null = null;
  made = 0;

  readonly manager = {
    getSubscription: async () => this.subscription,
    subscribe: async ({ applicationServerKey }: { applicationServerKey: string }) => {
      this.made += 1;
      this.subscription = this.#subscription(
        `https://push.example/${this.made}`,
        applicationServerKey,
      );
      return this.subscription;
    },
  };

  #subscription(endpoint: string, key: string): PushSubscription {
    const bytes = Uint8Array.from(atob(key.replaceAll("-", "+").replaceAll("_", "/")), (one) =>
      one.charCodeAt(0),
    );
    return {
      endpoint,
      expirationTime: null,
      options: { userVisibleOnly: true, applicationServerKey: bytes.buffer },
      getKey: () => null,
      toJSON: () => ({ endpoint, keys: { p256dh: "p", auth: "a" } }),
      unsubscribe: async () => {
        this.subscription = null;
        return true;
      },
    };
  }
}

/** A service that sends pushes, or does not. */
class Service {
  key: string | null = KEY;
  status = 404;
  readonly asked: { method: string; path: string; body: unknown }[] = [];

  readonly fetch = async (
    address: URL,
    { method, body }: { method: string; body: string | null },
  ) => {
    const path = address.pathname;
    if (method === "GET") {
      return this.key === null
        ? Response.json({ detail: "no" }, { status: this.status })
        : Response.json({ public_key: this.key });
    }
    this.asked.push({ method, path, body: JSON.parse(body ?? "null") });
    return Response.json({});
  };
}

let browser: Browser;
let service: Service;

beforeEach(() => {
  [browser, service] = [new Browser(), new Service()];
  const kept = new Map<string, Response>();
  vi.stubGlobal("fetch", service.fetch);
  vi.stubGlobal("isSecureContext", true);
  vi.stubGlobal("PushManager", class {});
  vi.stubGlobal(
    "Notification",
    Object.defineProperty(() => {}, "permission", {
      get: () => browser.permission,
    }),
  );
  vi.stubGlobal("caches", {
    open: async () => ({
      match: async ({ href }: URL) => kept.get(href)?.clone(),
      put: async ({ href }: URL, response: Response) => kept.set(href, response),
      delete: async ({ href }: URL) => kept.delete(href),
    }),
  });
});

afterEach(() => {
  vi.unstubAllGlobals();
});

function page(): Push {
  return new Push({
    base: BASE,
    api: new PushApi(BASE),
    worker: async () => ({ pushManager: browser.manager }) as unknown as ServiceWorkerRegistration,
    ask: async () => browser.permission,
    userAgent: CHROME,
    timezone: "Europe/Berlin",
  });
}

const QUIET = { from: "22:00", to: "07:00", exceptCritical: true };

test("turning it on tells the services the subscription, the rules and the device", async () => {
  const push = page();
  await push.look();
  expect(push.get()).toEqual({ phase: "off" });
  await push.turnOn({ ...NOTHING_CHOSEN, quiet: QUIET });
  expect(push.get()).toEqual({ phase: "on" });
  expect(service.asked).toEqual([
    {
      method: "POST",
      path: "/hsi/api/push/subscriptions",
      body: {
        subscription: { endpoint: "https://push.example/1", keys: { p256dh: "p", auth: "a" } },
        rules: {
          min_level: "high",
          cameras: null,
          quiet: { from: "22:00", to: "07:00", critical: true },
          timezone: "Europe/Berlin",
        },
        device: "Chrome on Linux",
      },
    },
  ]);
});

test("a page that comes later tells once, as services may have forgotten, and what changes", async () => {
  await page().turnOn(NOTHING_CHOSEN);
  const later = page();
  await later.keepUp(NOTHING_CHOSEN);
  expect(later.get()).toEqual({ phase: "on" });
  expect(service.asked).toHaveLength(2);
  expect(service.asked[1]).toEqual(service.asked[0]);
  await later.keepUp(NOTHING_CHOSEN);
  expect(service.asked).toHaveLength(2);
  await later.keepUp({ ...NOTHING_CHOSEN, level: "critical" });
  expect(service.asked).toHaveLength(3);
  expect(browser.made).toBe(1);
});

test("where the services have another key, the device subscribes again", async () => {
  await page().turnOn(NOTHING_CHOSEN);
  service.key = "BOther";
  await page().keepUp(NOTHING_CHOSEN);
  expect(browser.made).toBe(2);
  expect(service.asked.at(-1)?.body).toMatchObject({
    subscription: { endpoint: "https://push.example/2" },
  });
});

test("where it is off, nothing is asked and nothing subscribed", async () => {
  const fetch = vi.spyOn(globalThis, "fetch");
  await page().keepUp(NOTHING_CHOSEN);
  expect(fetch).not.toHaveBeenCalled();
  expect(browser.made).toBe(0);
});

test("turning it off ends it at the browser and at the services", async () => {
  const push = page();
  await push.turnOn(NOTHING_CHOSEN);
  await push.turnOff();
  expect(push.get()).toEqual({ phase: "off" });
  expect(browser.subscription).toBeNull();
  expect(service.asked.at(-1)).toEqual({
    method: "DELETE",
    path: "/hsi/api/push/subscriptions",
    body: { endpoint: "https://push.example/1" },
  });
});

test.each([404, 503])("services that send no pushes (%i) are said to", async (status) => {
  service.key = null;
  service.status = status;
  const push = page();
  await push.look();
  expect(push.get()).toEqual({ phase: "not set up" });
});

test("what stands in the way is said", async () => {
  const states = async (change: () => void) => {
    change();
    const push = page();
    await push.look();
    return push.get();
  };
  expect(
    await states(() => {
      browser.permission = "denied";
    }),
  ).toEqual({ phase: "denied" });
  expect(
    await states(() => {
      vi.stubGlobal("fetch", async () => {
        throw new TypeError();
      });
    }),
  ).toEqual({
    phase: "failed",
    why: "no answer",
  });
  expect(
    await states(() => {
      vi.stubGlobal("isSecureContext", false);
    }),
  ).toEqual({
    phase: "unsupported",
    why: "insecure",
  });
});

test("a service's own words are said where it refuses", async () => {
  const { fetch } = service;
  vi.stubGlobal("fetch", async (address: URL, how: { method: string; body: string | null }) =>
    how.method === "POST"
      ? Response.json({ detail: "20 devices are enough" }, { status: 409 })
      : fetch(address, how),
  );
  const push = page();
  await push.turnOn(NOTHING_CHOSEN);
  expect(push.get()).toEqual({ phase: "failed", why: "20 devices are enough" });
});

test("rules, bytes and devices are written as the services read them", () => {
  expect(pushRulesOf({ level: "low", cameras: ["a"], quiet: null }, "UTC")).toEqual({
    min_level: "low",
    cameras: ["a"],
    quiet: null,
    timezone: "UTC",
  });
  expect(base64url(Uint8Array.of(4, 251, 63, 251).buffer)).toBe(KEY);
  expect(deviceOf(CHROME)).toBe("Chrome on Linux");
  expect(deviceOf("Mozilla/5.0 (iPhone; CPU iPhone OS 18_0) Version/18.0 Safari/604.1")).toBe(
    "Safari on iOS",
  );
  expect(deviceOf("curl/8")).toBe("A browser");
});
