/**
 * What the services offer about pushes, by HTTP, for the page and for its worker. Nothing here is
 * of a window.
 */

import { detailOf } from "../signin/session";
import { fieldsOf, type Rules } from "./rules";

/** Milliseconds that an answer may take. */
const TIMEOUT = 10_000;
/** How a service says that it sends no pushes. */
const NOT_SET_UP: ReadonlySet<number> = new Set([404, 503]);

/** A service refused, or there was no answer; its message is for a person. */
export class PushError extends Error {
  override readonly name = "PushError";
}

/** What a service is told of a device. */
export interface Registration {
  readonly subscription: PushSubscriptionJSON;
  readonly rules: PushRules;
  /** What a person calls it, as "Chrome on Android". */
  readonly device: string;
}

export interface PushRules {
  readonly min_level: Rules["level"];
  readonly cameras: readonly string[] | null;
  readonly quiet: { readonly from: string; readonly to: string; readonly critical: boolean } | null;
  /** In which the quiet hours are, as "Europe/Berlin". */
  readonly timezone: string;
}

/** What a service was told, as it was kept; null if it is something else. Pure. */
export function registrationIn(text: string | null): object | null {
  if (text === null) return null;
  const value: unknown = JSON.parse(text);
  return "rules" in fieldsOf(value) ? { ...fieldsOf(value) } : null;
}

/** The rules as a service is told them. Pure. */
export function pushRulesOf({ level, cameras, quiet }: Rules, timezone: string): PushRules {
  return {
    min_level: level,
    cameras,
    quiet: quiet && { from: quiet.from, to: quiet.to, critical: quiet.exceptCritical },
    timezone,
  };
}

/** Everything throws PushError. */
export class PushApi {
  readonly #base: URL;

  /** @param base Where the services are; its path ends with a slash. */
  constructor(base: URL) {
    this.#base = base;
  }

  /** The services' public key; null where they send no pushes. */
  async key(): Promise<string | null> {
    const response = await this.#ask("api/push", "GET");
    if (NOT_SET_UP.has(response.status)) return null;
    const { public_key: key } = fieldsOf(await bodyOf(response));
    return typeof key === "string" ? key : null;
  }

  /** Have pushes sent to a device, from now on by these rules. */
  async subscribe(registration: object): Promise<void> {
    await bodyOf(await this.#ask("api/push/subscriptions", "POST", registration));
  }

  /** Have no more sent there; it may be long forgotten. */
  async unsubscribe(endpoint: string): Promise<void> {
    const response = await this.#ask("api/push/subscriptions", "DELETE", { endpoint });
    if (response.status !== 404) await bodyOf(response);
  }

  async #ask(path: string, method: string, body?: object): Promise<Response> {
    try {
      return await fetch(new URL(path, this.#base), {
        method,
        headers: body ? { "Content-Type": "application/json" } : {},
        body: body ? JSON.stringify(body) : null,
        cache: "no-store",
        redirect: "error",
        signal: AbortSignal.timeout(TIMEOUT),
      });
    } catch {
      throw new PushError("no answer");
    }
  }
}

async function bodyOf(response: Response): Promise<unknown> {
  const body: unknown = await response.json().catch(() => null);
  if (!response.ok) throw new PushError(detailOf(body) || `HTTP ${response.status}`);
  return body;
}
