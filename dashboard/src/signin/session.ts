/** Who is signed in in this browser, what they may do, and what is said of it. Pure. */

import { texts } from "../texts";

const words = texts.page.signIn;

/** Each includes those before it. */
const SCOPES: readonly Scope[] = ["read", "act", "admin"];

export type Scope = "read" | "act" | "admin";

/** What each scope lets somebody do. */
export const SCOPE_WORDS: Readonly<Record<Scope, string>> = words.scopes;

/** The scope of keys of producers: it opens no page. */
export const PUBLISH = "publish";

export interface Session {
  /** Of the key that it was made by; empty where the home asks for nothing. */
  readonly name: string;
  readonly scope: string;
  /** Milliseconds since 1970; null where the home asks for nothing. */
  readonly expiresAt: number | null;
}

/** Lets one browser in, once. */
export interface Invite {
  readonly code: string;
  readonly scope: string;
  /** Milliseconds since the page was loaded, as `performance.now()` counts them. */
  readonly expiresAt: number;
}

/** What a service answered with in place of what was asked for. */
export interface Failure {
  /** HTTP status; null if there was no answer. */
  readonly status: number | null;
  /** The service's own words; empty if it had none. */
  readonly detail: string;
  /** Seconds after which it may be asked again; null if it does not say. */
  readonly retryAfter: number | null;
}

/** The scopes that somebody of this scope may give to others, the least first. */
export function scopesWithin(scope: string): readonly Scope[] {
  return SCOPES.slice(0, SCOPES.indexOf(scope as Scope) + 1);
}

/** What somebody of this scope may do. */
export function scopeWords(scope: string): string {
  const known = SCOPES.find((one) => one === scope);
  return known ? SCOPE_WORDS[known] : words.otherScope(scope);
}

/** Whether this is no session: the home asks nobody who they are. */
export function asksForNothing({ name, expiresAt }: Session): boolean {
  return name === "" && expiresAt === null;
}

/** The session in an answer; null if there is none. */
export function sessionOf(body: unknown): Session | null {
  const { name, scope, expires_at: end } = fieldsOf(body);
  const expiresAt = end === null ? null : timeOf(end);
  if (typeof name !== "string" || typeof scope !== "string" || expiresAt === undefined) return null;
  return { name, scope, expiresAt };
}

/**
 * The invite in an answer; null if there is none.
 *
 * @param answeredAt When the service answered, by its own clock, ms since 1970.
 * @param now Milliseconds since the page was loaded: what counts is how long it is valid, and no
 *   clock that may be set.
 */
export function inviteOf(body: unknown, answeredAt: number, now: number): Invite | null {
  const { code, scope, expires_at: end } = fieldsOf(body);
  const expiresAt = timeOf(end);
  if (typeof code !== "string" || typeof scope !== "string" || expiresAt === undefined) return null;
  return { code, scope, expiresAt: now + (expiresAt - answeredAt) };
}

/** The service's own words in an answer that is an error. */
export function detailOf(body: unknown): string {
  const { detail } = fieldsOf(body);
  return typeof detail === "string" ? detail : "";
}

/** Seconds of a Retry-After; null where it is missing, or a date. */
export function retryAfterOf(header: string | null): number | null {
  return header !== null && /^\d{1,9}$/.test(header) ? Number(header) : null;
}

/** The link of an invite. Its code is in the fragment, which no browser sends to a server. */
export function inviteLink(code: string, home: URL): string {
  const link = new URL(home);
  link.search = "";
  link.hash = new URLSearchParams({ invite: code }).toString();
  return link.href;
}

/** The code of an invite in an address's fragment; null if there is none. */
export function inviteIn(fragment: string): string | null {
  return new URLSearchParams(fragment.replace(/^#/, "")).get("invite");
}

/** Whether a page's host is the machine itself, which no other can reach by that name. */
export function isLoopback(hostname: string): boolean {
  return /^(localhost|.+\.localhost|127(\.\d+){3}|\[::1\])$/.test(hostname);
}

/** What is left of a time in milliseconds, as minutes and seconds: "9:05". */
export function countdown(left: number): string {
  const seconds = Math.max(0, Math.floor(left / 1000));
  return `${Math.floor(seconds / 60)}:${String(seconds % 60).padStart(2, "0")}`;
}

/** Says why something was refused, and what can be done about it. */
export function faultOf(unauthorized: string, failure: Failure): string {
  const { status, detail, retryAfter } = failure;
  const said = detail && `${detail}.`.replace(/([.!?])\.$/, "$1");
  switch (status) {
    case null:
      return words.noAnswer(said || words.isReachable);
    case 401:
      return unauthorized;
    case 429:
      return words.tooManyTries(whenOf(retryAfter));
    default:
      return said || words.badAnswer(status);
  }
}

function whenOf(seconds: number | null): string {
  if (seconds === null) return words.later;
  return seconds < 90 ? words.inSeconds(seconds) : words.inMinutes(Math.ceil(seconds / 60));
}

function fieldsOf(body: unknown): Readonly<Record<string, unknown>> {
  return typeof body === "object" && body !== null ? { ...body } : {};
}

/** Milliseconds since 1970; undefined if this is no time. */
function timeOf(text: unknown): number | undefined {
  const time = typeof text === "string" ? Date.parse(text) : Number.NaN;
  return Number.isNaN(time) ? undefined : time;
}
