import { Observable } from "./observable.ts";
import { addressOf } from "./urls.ts";

/** Milliseconds between two questions of whether something answers in the services' place. */
const PROBE_INTERVAL = 10_000;
/** Milliseconds that an answer may take. */
const TIMEOUT = 10_000;
/** What every home answers, with a session or without one. */
const PROBED = "/api/session";

type Answer = Pick<Response, "type" | "status" | "headers">;

/**
 * Whether an answer is not of a service, but of what stands in front of it: a proxy whose login has
 * ended answers with its page, or sends the browser there. Services answer in JSON, and redirect
 * nobody; a gateway that finds none of them has its own page, with a status of 500 or more. Pure.
 */
export function isOfAnother({ type, status, headers }: Answer): boolean {
  if (type === "opaqueredirect" || (status >= 300 && status < 400)) return true;
  const isPage = /^text\/html\b/i.test(headers.get("Content-Type") ?? "");
  return isPage && (status < 300 || status === 401 || status === 403);
}

/** Whether something in front of the services answers in their place, as a login that has ended. */
export class Interception extends Observable<boolean> {
  #probedAt = Number.NEGATIVE_INFINITY;

  constructor() {
    super(false);
  }

  /** Note an answer; return whether it is of something else than a service. */
  note(answer: Answer): boolean {
    const found = isOfAnother(answer);
    this.#show(found);
    return found;
  }

  /** Note that a service was heard. */
  clear(): void {
    this.#show(false);
  }

  /**
   * Find out, since a WebSocket that could not be opened says nothing of why; at most every 10 s.
   *
   * @param base Where the services are, absolute.
   */
  async probe(base: URL): Promise<void> {
    const now = performance.now();
    if (now - this.#probedAt < PROBE_INTERVAL) return;
    this.#probedAt = now;
    try {
      const address = addressOf(PROBED, base);
      const signal = AbortSignal.timeout(TIMEOUT);
      this.note(await fetch(address, { redirect: "manual", cache: "no-store", signal }));
    } catch {
      // No answer is no answer of another.
    }
  }

  #show(found: boolean): void {
    if (found !== this.get()) this.set(found);
  }
}
