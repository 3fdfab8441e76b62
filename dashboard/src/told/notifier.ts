import type { SecurityEvent } from "@hsi/realtime";
import { navigate } from "wouter/use-browser-location";
import { type CameraNames, NO_NAMES } from "../cameraNames";
import { home } from "../home";
import { tabsBy } from "../tabs";
import { texts } from "../texts";
import { Choices } from "./choices";
import { Claims } from "./claims";
import { type Counted, countedOf, NONE, titleOf } from "./counted";
import { Icons } from "./icons";
import { Notifications } from "./notifications";
import { Push } from "./push";
import { PushApi } from "./pushApi";
import { Sound } from "./sound";
import { Teller } from "./teller";
import { PageWorker } from "./worker";

/** Milliseconds without another change of the rules before the services are told them. */
const SETTLED = 2_000;

/** All that tells a person of events, in this tab. */
export class Notifier {
  readonly choices = new Choices();
  readonly sound = new Sound();
  readonly worker = new PageWorker();
  readonly notifications = new Notifications({ base: home(), worker: this.worker.get, open });
  readonly push = new Push({
    base: home(),
    api: new PushApi(home()),
    worker: this.worker.get,
    ask: () => this.notifications.ask(),
    userAgent: navigator.userAgent,
    timezone: Intl.DateTimeFormat().resolvedOptions().timeZone,
  });
  readonly teller: Teller;
  readonly #icons = new Icons();
  #counted: Counted = NONE;
  #names = NO_NAMES;
  /** Identities of the events that were seen by the last look. */
  #settled: ReadonlySet<string> = new Set();
  #rulesChanged: ReturnType<typeof setTimeout> | undefined;

  constructor() {
    const claims = new Claims({
      locks: navigator.locks ?? null,
      channel: tabsBy("hsi.told"),
      id: String(Math.random()),
    });
    this.teller = new Teller({
      choice: this.choices.get,
      names: () => this.#names,
      // Another home may be below another path of this host.
      claim: (about) => claims.claim(`${home().pathname} ${about}`),
      notify: (told, how) => this.notifications.show(told, how),
      sound: this.sound,
    });
  }

  /** Begin; `hasWorker`: whether the page was built with one. */
  start({ hasWorker }: { hasWorker: boolean }): void {
    if (hasWorker) this.worker.start(open);
    this.choices.subscribe(this.#follow);
    if (this.choices.get().sounds) void this.sound.prepare();
    void this.push.keepUp(this.choices.get());
  }

  /** Take what cameras are called. */
  name(names: CameraNames): void {
    this.#names = names;
  }

  /** Show in the title and on the icons what nobody has seen. */
  count(unseen: readonly SecurityEvent[]): void {
    const counted = countedOf(unseen, this.choices.get());
    const { count, level } = this.#counted;
    if (counted.count === count && counted.level === level) return;
    this.#counted = counted;
    document.title = titleOf(counted, texts.page.name, texts.told.levels);
    this.#icons.show(counted);
  }

  /** Take back the notifications of what somebody of the household has seen. */
  settle(seen: readonly SecurityEvent[]): void {
    const tags = new Set(seen.map(({ identity }) => identity));
    const isNew = [...tags].some((tag) => !this.#settled.has(tag));
    this.#settled = tags;
    if (isNew) void this.notifications.withdraw(tags);
  }

  readonly #follow = (): void => {
    clearTimeout(this.#rulesChanged);
    this.#rulesChanged = setTimeout(() => void this.push.keepUp(this.choices.get()), SETTLED);
  };
}

/** Go to an address of this page. */
function open(address: string): void {
  const { pathname, search, hash } = new URL(address);
  navigate(pathname + search + hash);
}
