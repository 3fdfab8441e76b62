import { texts } from "../texts";
import {
  detailOf,
  type Failure,
  faultOf,
  type Invite,
  inviteOf,
  retryAfterOf,
  type Scope,
  type Session,
  sessionOf,
} from "./session";

/** Milliseconds that an answer may take. */
const TIMEOUT = 10_000;
/** Milliseconds by which a Date header may be behind: it has whole seconds. */
const DATE_PRECISION = 1_000;

const words = texts.page.signIn;

/** A service refused, or there was no answer; its message is for a person. */
export class SessionError extends Error {
  override readonly name = "SessionError";
  readonly status: number | null;

  constructor(unauthorized: string, failure: Failure) {
    super(faultOf(unauthorized, failure));
    this.status = failure.status;
  }
}

/** An answer's body, and when it was made by the clock of the service (ms since 1970). */
interface Reply {
  readonly body: unknown;
  readonly answeredAt: number;
}

interface Question {
  readonly method: "GET" | "POST" | "DELETE";
  readonly path?: string;
  readonly key?: string;
  readonly json?: unknown;
  /** What a 401 says to a person. */
  readonly unauthorized: string;
}

/**
 * What the services offer about sessions, by HTTP; everything throws SessionError.
 *
 * The session itself is in a cookie that no script sees; a key is in one request, and nowhere else.
 */
export class SessionApi {
  readonly #home: URL;

  /** @param home Where the services are; its path ends with a slash. */
  constructor(home: URL) {
    this.#home = home;
  }

  /** The session of this browser. */
  async look(): Promise<Session> {
    return this.#session({ method: "GET", unauthorized: words.notSignedIn });
  }

  async signIn(key: string): Promise<Session> {
    return this.#session({ method: "POST", key, unauthorized: words.badKey });
  }

  /** Sign in with the code of an invite. */
  async trade(code: string): Promise<Session> {
    return this.#session({ method: "POST", json: { invite: code }, unauthorized: words.badInvite });
  }

  /** Sign out in this browser; others stay signed in. */
  async signOut(): Promise<void> {
    await this.#ask({ method: "DELETE", unauthorized: words.notSignedIn });
  }

  async invite(scope: Scope): Promise<Invite> {
    const { body, answeredAt } = await this.#ask({
      method: "POST",
      path: "/invites",
      json: { scope },
      unauthorized: words.notSignedIn,
    });
    return inviteOf(body, answeredAt, performance.now()) ?? unreadable();
  }

  async #session(question: Question): Promise<Session> {
    const { body } = await this.#ask(question);
    return sessionOf(body) ?? unreadable();
  }

  async #ask({ method, path = "", key, json, unauthorized }: Question): Promise<Reply> {
    const headers = new Headers();
    if (key !== undefined) headers.set("X-API-Key", key);
    if (json !== undefined) headers.set("Content-Type", "application/json");
    let response: Response;
    try {
      response = await fetch(new URL(`api/session${path}`, this.#home), {
        method,
        headers,
        body: json === undefined ? null : JSON.stringify(json),
        cache: "no-store",
        // A redirect would take the key along.
        redirect: "error",
        signal: AbortSignal.timeout(TIMEOUT),
      });
    } catch {
      throw new SessionError(unauthorized, { status: null, detail: "", retryAfter: null });
    }
    const body: unknown = await response.json().catch(() => null);
    if (!response.ok) {
      throw new SessionError(unauthorized, {
        status: response.status,
        detail: detailOf(body),
        retryAfter: retryAfterOf(response.headers.get("Retry-After")),
      });
    }
    const date = Date.parse(response.headers.get("Date") ?? "");
    return { body, answeredAt: Number.isNaN(date) ? Date.now() : date + DATE_PRECISION };
  }
}

function unreadable(): never {
  const detail = words.somethingElse;
  throw new SessionError("", { status: 200, detail, retryAfter: null });
}
