/** The page's worker: its registration, and the newer page that it may bring. */

import { home } from "../home";
import { ownScript } from "../ownScript";
import { ASK_ENTRY, entryIn, openIn, TAKE_OVER } from "../worker/messages";

/** Milliseconds after which the browser is asked whether there is a newer page. */
const LOOK_AGAIN = 3_600_000;

export class PageWorker {
  #registration: Promise<ServiceWorkerRegistration | null> = Promise.resolve(null);
  #waiting: ServiceWorker | null = null;
  readonly #listeners = new Set<() => void>();

  /** The worker's registration once it is active; null where the browser has none. */
  readonly get = (): Promise<ServiceWorkerRegistration | null> => this.#registration;

  /** Whether there is a newer page than the one that is open. */
  readonly isNewer = (): boolean => this.#waiting !== null;

  readonly subscribe = (listener: () => void): (() => void) => {
    this.#listeners.add(listener);
    return () => {
      this.#listeners.delete(listener);
    };
  };

  /**
   * Register it, where the browser has such: over HTTPS, or on this machine.
   *
   * @param open Goes to an address of this page, that a notification leads to.
   */
  start(open: (address: string) => void): void {
    if ("serviceWorker" in navigator) this.#registration = this.#register(open);
  }

  /** Have the newer page: by loading it, now that the person asks for it. */
  readonly takeOver = (): void => {
    const worker = this.#waiting;
    worker?.addEventListener("statechange", () => {
      if (worker.state === "activated") location.reload();
    });
    worker?.postMessage(TAKE_OVER);
  };

  async #register(open: (address: string) => void): Promise<ServiceWorkerRegistration | null> {
    try {
      navigator.serviceWorker.addEventListener("message", ({ data }) => {
        const address = openIn(data);
        if (address !== null) open(address);
      });
      const registration = await navigator.serviceWorker.register(ownScript("worker.js"), {
        scope: home().pathname,
      });
      if (registration.waiting) void this.#receive(registration.waiting);
      registration.addEventListener("updatefound", () => this.#watch(registration));
      setInterval(() => void registration.update().catch(() => {}), LOOK_AGAIN);
      return await navigator.serviceWorker.ready;
    } catch {
      // Site data are blocked, or the file is not there: the page works without.
      return null;
    }
  }

  /** A worker is being installed; beside one that is in charge, it waits. */
  #watch({ installing, active }: ServiceWorkerRegistration): void {
    if (!installing || !active) return;
    installing.addEventListener("statechange", () => {
      if (installing.state === "installed") void this.#receive(installing);
    });
  }

  /** A worker waits: of this page it takes over, of a newer one when the person asks for that. */
  async #receive(worker: ServiceWorker): Promise<void> {
    const entry = await entryOf(worker);
    if (entry === ownEntry()) return worker.postMessage(TAKE_OVER);
    this.#waiting = worker;
    for (const listener of [...this.#listeners]) listener();
  }
}

/** The first script of the page that a worker belongs to: its name changes with its content. */
function entryOf(worker: ServiceWorker): Promise<string | null> {
  const { port1, port2 } = new MessageChannel();
  return new Promise((resolve) => {
    port1.onmessage = ({ data }) => {
      resolve(entryIn(data));
      port1.close();
    };
    worker.postMessage(ASK_ENTRY, [port2]);
  });
}

function ownEntry(): string | undefined {
  const script = document.querySelector<HTMLScriptElement>("script[type=module][src]");
  return script?.src.slice(home().href.length);
}
