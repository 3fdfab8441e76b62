import { optionsOf, type Told } from "../worker/notification";

/** Whether the browser lets the page notify; `insecure` and `missing`: it cannot be asked. */
export type Permission = NotificationPermission | "insecure" | "missing";

interface Surroundings {
  /** Where the page is. */
  readonly base: URL;
  /** The page's worker; null where there is none. */
  readonly worker: () => Promise<ServiceWorkerRegistration | null>;
  /** Go to an address of this page. */
  readonly open: (address: string) => void;
}

/** Notifications of this browser, by the worker where there is one: it also takes their clicks. */
export class Notifications {
  readonly #around: Surroundings;
  readonly #listeners = new Set<() => void>();
  /** What is shown or withdrawn now. */
  #last: Promise<unknown> = Promise.resolve();

  constructor(around: Surroundings) {
    this.#around = around;
    void this.#watch();
  }

  readonly permission = (): Permission => {
    if (!isSecureContext) return "insecure";
    return typeof Notification === "function" ? Notification.permission : "missing";
  };

  readonly subscribe = (listener: () => void): (() => void) => {
    this.#listeners.add(listener);
    return () => {
      this.#listeners.delete(listener);
    };
  };

  /** Ask the person; only after a click of theirs, or browsers refuse without a word. */
  async ask(): Promise<Permission> {
    if (this.permission() === "default") await Notification.requestPermission();
    this.#tell();
    return this.permission();
  }

  /**
   * Show one.
   *
   * @param isSilent Whether the browser is to make no sound of its own.
   * @param isAgain Whether it alerts again, in the place of one about the same.
   */
  async show(told: Told, { isSilent = false, isAgain = false } = {}): Promise<void> {
    if (this.permission() !== "granted") return;
    const { base, worker, open } = this.#around;
    const options = { ...optionsOf(told, base), silent: isSilent, renotify: isAgain };
    const registration = await worker();
    if (registration?.active) {
      return this.#inTurn(() => registration.showNotification(told.title, options));
    }
    const shown = new Notification(told.title, options);
    shown.onclick = () => {
      shown.close();
      focus();
      open(options.data.url);
    };
  }

  /** Take back what is shown of what needs nobody any more, a push's too; `tags` say what that is. */
  async withdraw(tags: ReadonlySet<string>): Promise<void> {
    const registration = await this.#around.worker();
    if (!registration) return;
    await this.#inTurn(async () => {
      for (const shown of await registration.getNotifications()) {
        if (tags.has(shown.tag)) shown.close();
      }
    });
  }

  /**
   * Do it after what came before: Chromium forgets a notification that it is about to show when it is
   * asked for those that it shows, and then a click on it leads nowhere.
   */
  #inTurn(work: () => Promise<void>): Promise<void> {
    const done = this.#last.then(work);
    this.#last = done.catch(() => {});
    return done;
  }

  /** People change it beside the address bar, too. */
  async #watch(): Promise<void> {
    try {
      const status = await navigator.permissions.query({ name: "notifications" });
      status.addEventListener("change", () => this.#tell());
    } catch {
      // The browser tells of no changes: what it says is asked when it is needed.
    }
  }

  #tell(): void {
    for (const listener of [...this.#listeners]) listener();
  }
}
