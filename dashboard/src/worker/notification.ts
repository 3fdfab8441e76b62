/** How an event is told by a notification, whether the page tells it or a push does. Pure. */

import { RISK_LEVELS, type RiskLevel } from "@hsi/realtime";
import { texts } from "../texts";
import { openable } from "./paths";

/** What is told; of a push, its payload as JSON. */
export interface Told {
  readonly title: string;
  readonly body: string;
  /** The event's identity: what is told again of one event replaces what was told before. */
  readonly tag: string;
  /** The page's path of the event. */
  readonly url: string;
  readonly level: RiskLevel | null;
}

/** How a notification is shown. */
export interface Options extends NotificationOptions {
  /** Whether it alerts again although it replaces one; unknown to TypeScript's own types. */
  readonly renotify?: boolean;
}

const MAX_TITLE = 120;
const MAX_BODY = 500;
const MAX_TAG = 200;
/** The tag of pushes that have none. */
const UNTAGGED = "hsi";

/** What a push's payload says; whatever it is, there is something to show. */
export function toldIn(payload: string | null): Told {
  const { title, body, tag, url, level } = fieldsIn(payload);
  return {
    title: textOf(title, MAX_TITLE) ?? texts.page.name,
    body: textOf(body, MAX_BODY) ?? texts.told.something,
    tag: textOf(tag, MAX_TAG) ?? UNTAGGED,
    url: typeof url === "string" ? url : "/",
    level: RISK_LEVELS.find((one) => one === level) ?? null,
  };
}

/** How it is shown by a page or a worker whose base is this. */
export function optionsOf({ body, tag, url, level }: Told, base: URL): Options {
  return {
    body,
    tag,
    icon: new URL("icon-192.png", base).href,
    badge: new URL("badge-96.png", base).href,
    dir: "auto",
    // A critical one stays until somebody has done something about it.
    requireInteraction: level === "critical",
    data: { url: openable(url, base) },
  };
}

/** Where a notification leads. */
export function addressIn(data: unknown, base: URL): string {
  const url = typeof data === "object" && data !== null && "url" in data ? data.url : null;
  return openable(url, base);
}

function fieldsIn(payload: string | null): Readonly<Record<string, unknown>> {
  try {
    const value: unknown = JSON.parse(payload ?? "");
    return typeof value === "object" && value !== null ? { ...value } : {};
  } catch {
    // It is no JSON: what came is of no use, and that something came is.
    return {};
  }
}

function textOf(value: unknown, length: number): string | null {
  const text = typeof value === "string" ? value.trim() : "";
  return text === "" ? null : text.slice(0, length);
}
