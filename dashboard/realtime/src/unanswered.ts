import { Observable } from "./observable.ts";

/** Milliseconds after which a question counts no more that was not asked again. */
const FORGET_AFTER = 20_000;

/** Statuses by which a service, or what is in front of it, says that it has no answer. */
const NO_ANSWER: ReadonlySet<number | null> = new Set([null, 502, 503, 504]);

/**
 * Whether a question found nobody who could answer. A database that is not there costs what is in it;
 * that goes for no other question. Pure.
 *
 * @param status HTTP status; null if there was no answer.
 * @param reason What the service gave as its reason.
 */
export function isUnanswered(status: number | null, reason: string): boolean {
  return NO_ANSWER.has(status) && !reason.startsWith("the cameras") && !/PostgreSQL/.test(reason);
}

/**
 * Since when something that the page asks for cannot be had, ms since 1970; null while it can. A
 * connection may be open, and say that all is well, some time after answers have ceased.
 */
export class Unanswered extends Observable<number | null> {
  readonly #since = new Map<string, number>();
  readonly #forgetting = new Map<string, ReturnType<typeof setTimeout>>();

  constructor() {
    super(null);
  }

  /** Note whether a path was answered; its query says nothing of that. */
  note(path: string, wasAnswered: boolean): void {
    const [what = ""] = path.split("?");
    clearTimeout(this.#forgetting.get(what));
    this.#forgetting.delete(what);
    if (wasAnswered) this.#since.delete(what);
    else {
      this.#since.set(what, this.#since.get(what) ?? Date.now());
      this.#forgetting.set(
        what,
        setTimeout(() => this.note(what, true), FORGET_AFTER),
      );
    }
    const since = this.#since.size === 0 ? null : Math.min(...this.#since.values());
    if (since !== this.get()) this.set(since);
  }
}
