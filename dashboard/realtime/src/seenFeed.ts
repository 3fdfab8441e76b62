import { ApiError } from "./api.ts";
import { PerClient, type RealtimeClient } from "./client.ts";
import { wholeOf } from "./conform.ts";
import { eventStream, SPREAD } from "./eventFeed.ts";
import { Feed, type FeedState } from "./feed.ts";
import type { SecurityEvent } from "./lenient.ts";
import type { EventSeenData, SeenEvent, SeenEvents } from "./messages.ts";
import type { Message } from "./narrow.ts";
import {
  markOf,
  marksOf,
  NO_MARKS,
  type SeenMark,
  type SeenMarks,
  seenKeyOf,
  withChange,
  withMark,
} from "./seen.ts";
import { type Hints, type SeenHints, seenHints } from "./seenHints.ts";
import type { Received } from "./stream.ts";

const PATH = "/api/events/seen";

/** Milliseconds until the marks are asked for again, after the first failure; then twice as long. */
const TRY_AGAIN = 5_000;
const TRY_AGAIN_AT_MOST = 60_000;
/** Milliseconds until a page that is shown asks again by itself; by chance up to half longer. */
const REFRESH = 600_000;
/** Milliseconds for which it is said that a change was refused: then it is of no use any more. */
const REFUSAL_SHOWN = 30_000;
/** Marks that an answer has, at most: the latest. */
const MAX_TOLD = 1_000;
/** HTTP statuses after which asking again is no use. */
const FINAL: ReadonlySet<number> = new Set([401, 404]);

export interface SeenFeedState extends FeedState {
  /** Which events somebody has seen; those that this page is about to tell included. */
  readonly marks: SeenMarks;
  /** Whether these are all: else nobody knows of an event without a mark. */
  readonly isKnown: boolean;
  /** What answers about events said of them. */
  readonly hints: Hints;
  /** Why the last change was refused, for a while; null while none was. */
  readonly error: ApiError | null;
  /** Of which event that was, and what does the same again. */
  readonly refused: Refused | null;
}

/** A change that was refused. */
export interface Refused {
  readonly event: SecurityEvent;
  readonly retry: () => Promise<void>;
}

const NO_HINTS: Hints = new Map();
const NOTHING = { marks: NO_MARKS, isKnown: false, hints: NO_HINTS, error: null, refused: null };

/**
 * The events that the household has seen: loaded on each connecting, then followed.
 *
 * What a person does here shows at once, and is taken back if the service refuses.
 */
export class SeenFeed extends Feed<SeenFeedState> {
  readonly #client: RealtimeClient;
  readonly #hints: SeenHints;
  /** As the services tell them. */
  #marks = NO_MARKS;
  /** Of these something was told: an answer about events may be from before it. */
  readonly #told = new Set<string>();
  /** The marks are known from this time on, ms since 1970. */
  #knownFrom = Number.POSITIVE_INFINITY;
  /** What this page has asked for and nobody has answered yet: null takes a mark back. */
  readonly #pending = new Map<string, SeenMark | null>();
  /** What came while the marks are asked for: the answer may be from before it. */
  #meanwhile: Readonly<Partial<EventSeenData>>[] | null = null;
  /** The connection of which they were asked for, by how often it was lost before. */
  #askedIn: number | null = null;
  /** The request that counts: each has a number, and a later one replaces it. */
  #asked = 0;
  #failures = 0;
  #again: ReturnType<typeof setTimeout> | undefined;
  /** What the connection's last sign of life said; null before there was one. */
  #sign: { readonly breaks: number; readonly heard: boolean | undefined } | null = null;
  /** Whether it would have asked again, but the page was hidden. */
  #isDue = false;
  #unsaid: ReturnType<typeof setTimeout> | undefined;
  #release: (() => void) | undefined;

  constructor(client: RealtimeClient) {
    super(eventStream(client), NOTHING);
    this.#client = client;
    this.#hints = seenHints.of(client);
  }

  /**
   * Say that an event was seen, by somebody of this name.
   *
   * It ends when the service has answered; if it refuses, `error` says why.
   */
  mark(event: SecurityEvent, by: string): Promise<void> {
    const { riskLevel } = event;
    const query = riskLevel === null ? "" : `?risk_level=${riskLevel}`;
    const mark = { at: this.#client.clock.now(), by, riskLevel };
    return this.#change(event, mark, "POST", query);
  }

  /** Take back that an event was seen; as of `mark`. */
  undo(event: SecurityEvent): Promise<void> {
    return this.#change(event, null, "DELETE");
  }

  protected override take({ raw, known }: Received): void {
    if (known?.type === "event_seen") {
      this.#meanwhile?.push(known.data);
      this.#marks = withChange(this.#marks, known.data);
      if (known.data.id !== undefined) this.#noteTold(known.data.id);
      this.#show();
      return;
    }
    const isLost = known?.type === "resumed" && known.data.recovered === false;
    const isPulse = known?.type === "ping" || known?.type === "pong" || known?.type === "resumed";
    if (isLost || (isPulse && this.#askedIn !== this.stream.get().reconnectCount)) {
      this.#sign = null;
      void this.#ask();
    }
    if (known?.type === "ping" || known?.type === "pong") this.#noteSign(raw);
  }

  /** A mark that is told while the replica does not hear is told to nobody again. */
  #noteSign({ breaks = 0, heard }: Message): void {
    const before = this.#sign;
    this.#sign = { breaks, heard };
    if (before === null) return;
    const hearsAgain = before.heard === false && heard === true;
    if (!hearsAgain && before.breaks === breaks) return;
    this.#failures = 0;
    this.#takeBackError();
    this.#askIn(Math.random() * SPREAD);
  }

  protected override start(): void {
    super.start();
    this.#release = this.#hints.subscribe(() => this.#show());
    document.addEventListener("visibilitychange", this.#shown);
    // Where others listen already, no heartbeat may come for a while.
    const { state } = this.stream.get();
    if (state === "live" || state === "degraded") void this.#ask();
  }

  protected override end(): void {
    this.#asked += 1;
    clearTimeout(this.#again);
    clearTimeout(this.#unsaid);
    document.removeEventListener("visibilitychange", this.#shown);
    this.#release?.();
    this.#hints.keep(() => false);
    this.#askedIn = null;
    this.#sign = null;
    this.#isDue = false;
    this.#marks = NO_MARKS;
    this.#knownFrom = Number.POSITIVE_INFINITY;
    this.#told.clear();
    this.#pending.clear();
    super.end();
  }

  readonly #shown = (): void => {
    if (!this.#isDue || document.visibilityState !== "visible") return;
    this.#isDue = false;
    this.#askIn(Math.random() * SPREAD);
  };

  async #change(
    event: SecurityEvent,
    mark: SeenMark | null,
    method: "POST" | "DELETE",
    query = "",
  ): Promise<void> {
    const key = seenKeyOf(event);
    if (key === null) return;
    this.#pending.set(key, mark);
    this.#takeBackError();
    this.#show();
    try {
      const path = `/api/events/${encodeURIComponent(key)}/seen${query}`;
      const { seen } = await this.#client.change(method, path, (body) =>
        wholeOf("SeenState", body),
      );
      this.#marks = withMark(this.#marks, key, seen && markOf(seen));
      this.#noteTold(key);
    } catch (error) {
      const retry = () => this.#change(event, mark, method, query);
      this.change({ error: asApiError(error), refused: { event, retry } });
      this.#unsaid = setTimeout(() => this.#takeBackError(), REFUSAL_SHOWN);
    }
    // A later change of the same event is not this one's to end.
    if (this.#pending.get(key) === mark) this.#pending.delete(key);
    this.#show();
  }

  #takeBackError(): void {
    clearTimeout(this.#unsaid);
    if (this.get().error !== null) this.change({ error: null, refused: null });
  }

  /** Something newer than any answer about events was told of this one. */
  #noteTold(key: string): void {
    this.#told.add(key);
    if (this.#hints.get().has(key)) this.#hints.keep((one) => one !== key);
    const { refused } = this.get();
    if (refused && seenKeyOf(refused.event) === key) this.#takeBackError();
  }

  #show(): void {
    const marks = new Map(this.#marks);
    const hints = this.#hints.get();
    for (const [key, mark] of hints) {
      const counts = mark !== null && mark.at < this.#knownFrom && !this.#told.has(key);
      if (counts && !marks.has(key)) marks.set(key, mark);
    }
    for (const [key, mark] of this.#pending) {
      if (mark) marks.set(key, mark);
      else marks.delete(key);
    }
    this.change({ marks, hints });
  }

  #askIn(milliseconds: number): void {
    clearTimeout(this.#again);
    this.#again = setTimeout(() => void this.#ask(), milliseconds);
  }

  /** Ask now and then, too: a hidden page does when it is shown. */
  #refreshLater(): void {
    clearTimeout(this.#again);
    this.#again = setTimeout(
      () => {
        if (document.visibilityState === "visible") void this.#ask();
        else this.#isDue = true;
      },
      REFRESH * (1 + Math.random() / 2),
    );
  }

  /** Ask for the marks, until there is an answer; what comes meanwhile is added to it. */
  async #ask(): Promise<void> {
    clearTimeout(this.#again);
    this.#askedIn = this.stream.get().reconnectCount;
    this.#asked += 1;
    const number = this.#asked;
    const meanwhile: Readonly<Partial<EventSeenData>>[] = [];
    this.#meanwhile = meanwhile;
    const answer = await this.#answer();
    if (number !== this.#asked) return;
    this.#meanwhile = null;
    if (answer instanceof ApiError) {
      this.#knownFrom = Number.POSITIVE_INFINITY;
      this.change({ isKnown: false });
      // Who is not let in is asked by others; services of before have no marks.
      if (answer.status !== null && FINAL.has(answer.status)) return;
      const pause = Math.min(TRY_AGAIN_AT_MOST, TRY_AGAIN * 2 ** this.#failures);
      this.#failures += 1;
      this.#askIn(pause);
      return;
    }
    this.#failures = 0;
    this.#marks = meanwhile.reduce(withChange, marksOf(answer));
    // What is older than the last of a full answer, it does not tell.
    const isWhole = answer.seen.length < MAX_TOLD;
    this.#knownFrom = isWhole ? Number.NEGATIVE_INFINITY : Math.min(...answer.seen.map(atOf));
    this.#hints.keep((_, mark) => mark !== null && mark.at < this.#knownFrom);
    this.#show();
    this.change({ isKnown: true });
    this.#refreshLater();
  }

  async #answer(): Promise<SeenEvents | ApiError> {
    try {
      return await this.#client.getJson(PATH, (body) => wholeOf("SeenEvents", body));
    } catch (error) {
      return asApiError(error);
    }
  }
}

const atOf = (seen: SeenEvent): number => markOf(seen).at;

function asApiError(error: unknown): ApiError {
  return error instanceof ApiError ? error : new ApiError(String(error), null);
}

export const seenFeeds = new PerClient((client) => new SeenFeed(client));
