// @vitest-environment jsdom
import { expect, onTestFinished, test, vi } from "vitest";
import { Notifications } from "../../src/told/notifications";

const BASE = new URL("https://home.example/");

/** What a browser shows, and that it shows nothing at once. */
class Shown {
  readonly said: string[] = [];
  #isBusy = false;
  /** Whether it was asked for two things at once. */
  wasAskedTwice = false;

  async showNotification(title: string): Promise<void> {
    await this.#take(`show ${title}`);
  }

  async getNotifications(): Promise<{ tag: string; close: () => void }[]> {
    await this.#take("get");
    return [{ tag: "1 door", close: () => this.said.push("close") }];
  }

  async #take(what: string): Promise<void> {
    this.wasAskedTwice ||= this.#isBusy;
    this.#isBusy = true;
    await new Promise((done) => setTimeout(done));
    this.#isBusy = false;
    this.said.push(what);
    if (what === "show no") throw new Error("the browser shows nothing");
  }
}

test("what is shown is asked for between two notifications, and one that fails holds nothing up", async () => {
  vi.stubGlobal("isSecureContext", true);
  vi.stubGlobal(
    "Notification",
    Object.assign(() => {}, { permission: "granted" }),
  );
  onTestFinished(() => void vi.unstubAllGlobals());
  const shown = new Shown();
  const registration = Object.assign(shown, { active: {} });
  const notifications = new Notifications({
    base: BASE,
    worker: async () => registration as unknown as ServiceWorkerRegistration,
    open: () => {},
  });
  const told = (title: string) => ({ title, body: "", tag: "1 door", url: "/", level: null });
  const all = await Promise.allSettled([
    notifications.show(told("one")),
    notifications.withdraw(new Set(["1 door"])),
    notifications.show(told("no")),
    notifications.show(told("two")),
  ]);
  expect(shown.wasAskedTwice).toBe(false);
  expect(shown.said).toEqual(["show one", "get", "close", "show no", "show two"]);
  expect(all.map(({ status }) => status)).toEqual([
    "fulfilled",
    "fulfilled",
    "rejected",
    "fulfilled",
  ]);
});
