import { type KeptPush, keepPush, keptPush } from "./keptPush";
import { type PushApi, pushRulesOf, type Registration } from "./pushApi";
import type { Rules } from "./rules";

/** Whether this device gets pushes, or what stands in the way. */
export type PushState =
  | { readonly phase: "looking" | "off" | "on" | "busy" | "denied" | "not set up" }
  /** `insecure`: over plain HTTP; `install`: once the page is on the home screen. */
  | { readonly phase: "unsupported"; readonly why: "insecure" | "install" | "missing" }
  | { readonly phase: "failed"; readonly why: string };

interface Surroundings {
  readonly base: URL;
  readonly api: PushApi;
  /** The page's worker; null where there is none. */
  readonly worker: () => Promise<ServiceWorkerRegistration | null>;
  /** Ask the person for leave to notify; only after a click. */
  readonly ask: () => Promise<string>;
  readonly userAgent: string;
  readonly timezone: string;
}

const IOS = /iPhone|iPad|iPod/;

/** Web Push of this device: on or off, and kept as the person's rules and the services' key say. */
export class Push {
  readonly #around: Surroundings;
  readonly #listeners = new Set<() => void>();
  #state: PushState = { phase: "looking" };
  /** Whether the services were told by this page: they may have forgotten what one before told. */
  #isTold = false;

  constructor(around: Surroundings) {
    this.#around = around;
  }

  readonly get = (): PushState => this.#state;

  readonly subscribe = (listener: () => void): (() => void) => {
    this.#listeners.add(listener);
    return () => {
      this.#listeners.delete(listener);
    };
  };

  /** Find out how it is. */
  look(): Promise<void> {
    return this.#attempt(async () => {
      const manager = await this.#manager();
      if (!manager) return;
      const subscription = await manager.getSubscription();
      const key = await this.#around.api.key();
      if (key === null) return this.#set({ phase: "not set up" });
      if (Notification.permission === "denied") return this.#set({ phase: "denied" });
      const isKept = (await keptPush(this.#around.base)) !== null;
      this.#set({ phase: subscription && isKept ? "on" : "off" });
    });
  }

  /** Turn it on; after a click, because the browser may ask the person. */
  turnOn(rules: Rules): Promise<void> {
    this.#set({ phase: "busy" });
    return this.#attempt(async () => {
      const permission = await this.#around.ask();
      if (permission === "denied") return this.#set({ phase: "denied" });
      if (permission !== "granted") return this.#set({ phase: "off" });
      await this.#register(rules);
    });
  }

  turnOff(): Promise<void> {
    this.#set({ phase: "busy" });
    return this.#attempt(async () => {
      const { api, base } = this.#around;
      const subscription = await (await this.#manager())?.getSubscription();
      await keepPush(base, null);
      await subscription?.unsubscribe();
      this.#set({ phase: "off" });
      if (subscription) await api.unsubscribe(subscription.endpoint);
    });
  }

  /** Where it is on: register once for each page, and what has changed, as rules or the key. */
  keepUp(rules: Rules): Promise<void> {
    return this.#attempt(async () => {
      if (!supports() || (await keptPush(this.#around.base)) === null) return;
      if (Notification.permission === "granted") await this.#register(rules);
    });
  }

  async #register(rules: Rules): Promise<void> {
    const { api, base, userAgent, timezone } = this.#around;
    const manager = await this.#manager();
    if (!manager) return;
    const key = await api.key();
    if (key === null) return this.#set({ phase: "not set up" });
    const subscription = await subscriptionBy(manager, key);
    const registration: Registration = {
      subscription: subscription.toJSON(),
      rules: pushRulesOf(rules, timezone),
      device: deviceOf(userAgent),
    };
    const kept: KeptPush = { sent: JSON.stringify(registration) };
    if (!this.#isTold || (await keptPush(base))?.sent !== kept.sent) {
      await api.subscribe(registration);
      this.#isTold = true;
      await keepPush(base, kept);
    }
    this.#set({ phase: "on" });
  }

  /** What the browser has for pushes; null, and said why, where it has nothing. */
  async #manager(): Promise<PushManager | null> {
    const found = supports() ? await this.#around.worker() : null;
    if (found) return found.pushManager;
    this.#set({ phase: "unsupported", why: whyNot(this.#around.userAgent) });
    return null;
  }

  async #attempt(work: () => Promise<void>): Promise<void> {
    try {
      await work();
    } catch (error) {
      this.#set({ phase: "failed", why: error instanceof Error ? error.message : String(error) });
    }
  }

  #set(state: PushState): void {
    this.#state = state;
    for (const listener of [...this.#listeners]) listener();
  }
}

/** The subscription by this key; one by another key is of no use any more, and is replaced. */
export async function subscriptionBy(manager: PushManager, key: string): Promise<PushSubscription> {
  const before = await manager.getSubscription();
  if (before && isOfKey(before, key)) return before;
  await before?.unsubscribe();
  return manager.subscribe({ userVisibleOnly: true, applicationServerKey: key });
}

function isOfKey({ options }: PushSubscription, key: string): boolean {
  const its = options.applicationServerKey;
  return its !== null && base64url(its) === key.replace(/=+$/, "");
}

/** Bytes as the services write them. Pure. */
export function base64url(bytes: ArrayBuffer): string {
  const text = String.fromCharCode(...new Uint8Array(bytes));
  return btoa(text).replaceAll("+", "-").replaceAll("/", "_").replace(/=+$/, "");
}

function supports(): boolean {
  return isSecureContext && "PushManager" in globalThis && typeof Notification === "function";
}

function whyNot(userAgent: string): "insecure" | "install" | "missing" {
  if (!isSecureContext) return "insecure";
  return IOS.test(userAgent) ? "install" : "missing";
}

const BROWSERS = [
  [/Edg/, "Edge"],
  [/OPR\//, "Opera"],
  [/Firefox|FxiOS/, "Firefox"],
  [/Chrome|CriOS/, "Chrome"],
  [/Safari/, "Safari"],
] as const;
const SYSTEMS = [
  [/Android/, "Android"],
  [IOS, "iOS"],
  [/Windows/, "Windows"],
  [/Mac OS/, "macOS"],
  [/CrOS/, "ChromeOS"],
  [/Linux/, "Linux"],
] as const;

/** What a person would call this device, as "Chrome on Android". Pure. */
export function deviceOf(userAgent: string): string {
  const name = BROWSERS.find(([sign]) => sign.test(userAgent))?.[1] ?? "A browser";
  const system = SYSTEMS.find(([sign]) => sign.test(userAgent))?.[1];
  return system === undefined ? name : `${name} on ${system}`;
}
