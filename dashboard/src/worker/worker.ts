/**
 * The page's service worker: it shows pushes while no page is open, takes the clicks on them, and
 * keeps the page itself, for when the network fails. What the services say is never kept, and
 * requests to them (/api, /ws) pass it by.
 */

import { keepPush, keptPush } from "../told/keptPush";
import { subscriptionBy } from "../told/push";
import { PushApi, registrationIn } from "../told/pushApi";
import { ASK_ENTRY, type Entry, type Open, TAKE_OVER } from "./messages";
import { addressIn, optionsOf, toldIn } from "./notification";
import { kindOf } from "./paths";

declare const self: ServiceWorkerGlobalScope;

/** What was built along with it; see scripts/worker.ts. */
declare const BUILT: {
  /** Changes with the page. */
  readonly id: string;
  /** The page's first script. */
  readonly entry: string;
  /** What the page is made of, by paths below its base. */
  readonly files: readonly string[];
};

const BASE = new URL(self.registration.scope);
/** Another page of this host may be kept, too. */
const PREFIX = `hsi-page ${BASE.pathname} `;
const CACHE = PREFIX + BUILT.id;
/** Pages that are kept: this one and the one before, which may still be open in a tab. */
const KEPT_PAGES = 2;
/** Milliseconds that the network has for the page before the kept one is shown. */
const PATIENCE = 8_000;
/** How an ingress says that the page's server is away. */
const AWAY: ReadonlySet<number> = new Set([502, 503, 504]);

self.addEventListener("install", (event) => event.waitUntil(keepPage()));
self.addEventListener("activate", (event) => event.waitUntil(forgetOldPages()));

self.addEventListener("message", ({ data, ports }) => {
  if (data === TAKE_OVER) void self.skipWaiting();
  const entry: Entry = BUILT;
  if (data === ASK_ENTRY) ports[0]?.postMessage({ entry: entry.entry });
});

self.addEventListener("fetch", (event) => {
  const { request } = event;
  if (request.method !== "GET") return;
  const kind = kindOf(new URL(request.url), request.mode === "navigate", BASE, BUILT.files);
  if (kind === "page") event.respondWith(pageFor(event));
  else if (kind === "asset") event.respondWith(assetFor(request));
  else if (kind === "file") event.respondWith(fileFor(request));
});

self.addEventListener("push", (event) => {
  const told = toldIn(event.data?.text() ?? null);
  event.waitUntil(self.registration.showNotification(told.title, optionsOf(told, BASE)));
});

self.addEventListener("notificationclick", (event) => {
  const { notification } = event;
  notification.close();
  event.waitUntil(open(addressIn(notification.data, BASE)));
});

self.addEventListener("pushsubscriptionchange", (event) => event.waitUntil(registerAgain()));

/** The page, as the network has it; the kept one where the network fails. */
async function pageFor(event: FetchEvent): Promise<Response> {
  const kept = await keptPage();
  if (!kept) {
    event.waitUntil(keepPage());
    return fetch(event.request);
  }
  const answer = fetch(event.request);
  const late = new Promise<null>((done) => setTimeout(() => done(null), PATIENCE));
  try {
    const first = await Promise.race([answer, late]);
    return first === null || AWAY.has(first.status) ? kept : first;
  } catch {
    return kept;
  }
}

/** A part of a page: its name changes with its content, so what is kept is right. */
async function assetFor(request: Request): Promise<Response> {
  return (await caches.match(request)) ?? fetch(request);
}

/** A file that keeps its name: as the network has it, else as it was kept. */
async function fileFor(request: Request): Promise<Response> {
  try {
    return await fetch(request);
  } catch (error) {
    const kept = await caches.match(request);
    if (kept) return kept;
    throw error;
  }
}

async function keptPage(): Promise<Response | undefined> {
  const cache = await caches.open(CACHE);
  return cache.match(BASE);
}

/** Keep the page whole, or not at all: it is tried again when it is opened. */
async function keepPage(): Promise<void> {
  try {
    const page = await fetch(BASE, { cache: "no-cache" });
    // A login proxy has its own page there, and another replica may have another build.
    const isOurs = page.ok && !page.redirected && (await page.clone().text()).includes(BUILT.entry);
    if (!isOurs) return;
    const cache = await caches.open(CACHE);
    await cache.addAll(BUILT.files.map((path) => new URL(path, BASE).href));
    await cache.put(BASE, page);
  } catch {
    // The network failed meanwhile; pushes come all the same.
  }
}

async function forgetOldPages(): Promise<void> {
  const names = (await caches.keys()).filter((name) => name.startsWith(PREFIX));
  const others = names.filter((name) => name !== CACHE);
  // The oldest first.
  const old = others.slice(0, Math.max(0, others.length - (KEPT_PAGES - 1)));
  await Promise.all(old.map((name) => caches.delete(name)));
}

/** Go to an address of the page: in a tab that has it open, else in a new one. */
async function open(address: string): Promise<void> {
  const tabs = await self.clients.matchAll({ type: "window", includeUncontrolled: true });
  const ours = tabs.filter(({ url }) => kindOf(new URL(url), true, BASE, []) === "page");
  const tab = ours.find(({ visibilityState }) => visibilityState === "visible") ?? ours[0];
  if (!tab) {
    await self.clients.openWindow(address);
    return;
  }
  const message: Open = { open: address };
  (await tab.focus()).postMessage(message);
}

/** The browser has ended the subscription: make another, with what the services were told before. */
async function registerAgain(): Promise<void> {
  const before = registrationIn((await keptPush(BASE))?.sent ?? null);
  if (!before) return;
  const api = new PushApi(BASE);
  const key = await api.key();
  if (key === null) return;
  const subscription = await subscriptionBy(self.registration.pushManager, key);
  const registration = { ...before, subscription: subscription.toJSON() };
  await api.subscribe(registration);
  await keepPush(BASE, { sent: JSON.stringify(registration) });
}
