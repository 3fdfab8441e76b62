import { ApiError } from "./api.ts";
import { PerClient, type RealtimeClient } from "./client.ts";
import { eventStream } from "./eventFeed.ts";
import { type EventFilters, filtersIn, fits, isWithin, requestOf } from "./eventFilters.ts";
import { withEvent } from "./eventWindow.ts";
import { arrivalOf, eventOf, type SecurityEvent, timeOf } from "./lenient.ts";
import type { RecentEvents as Page } from "./messages.ts";
import { Observable } from "./observable.ts";
import { eventIn } from "./recentEvent.ts";
import { pageOf } from "./recentEvents.ts";
import { seenIn } from "./seen.ts";
import { type SeenFeed, seenFeeds } from "./seenFeed.ts";
import type { Received } from "./stream.ts";

/** Events of one answer, at most. */
const PAGE = 200;
/** Events that more of them are, at least: with fewer, and a history that goes on, it goes on. */
const ENOUGH = 20;
/** Milliseconds until what could not be had is asked for again. */
const TRY_AGAIN = 5_000;
/** Milliseconds for which it outlives its last listener: a page that is drawn again. */
const LINGER = 2_000;

export interface EventHistoryState {
  /** Those that are wanted, as far as they are loaded, newest first; each once. */
  readonly events: readonly SecurityEvent[];
  readonly isLoading: boolean;
  /** Whether the history has nothing before these. */
  readonly isWhole: boolean;
  /** How far back the history was looked through, ms since 1970; null where nobody says. */
  readonly lookedBackTo: number | null;
  /** Since when the history is known to be whole, ms since 1970; null where nobody knows. */
  readonly knownSince: number | null;
  readonly error: ApiError | null;
}

const NOTHING: EventHistoryState = {
  events: [],
  isLoading: true,
  isWhole: false,
  lookedBackTo: null,
  knownSince: null,
  error: null,
};

/**
 * The events of the history that are wanted: from the newest on, page by page, and what comes.
 *
 * What comes is taken from the stream itself, each message: a feed keeps only the last of them, and
 * a page that slept may have missed more than that.
 */
export class EventHistory extends Observable<EventHistoryState> {
  readonly #client: RealtimeClient;
  readonly #filters: EventFilters;
  readonly #seen: SeenFeed;
  /** What is asked for; another beginning has another number, and the old one counts no more. */
  #request = new URLSearchParams();
  #number = 0;
  #isAsking = false;
  #before: string | null = null;
  /** The newest message of the history when it was first read; undefined before that. */
  #head: string | null | undefined;
  /** What came before that. */
  #early: SecurityEvent[] = [];
  #known = new Set<string>();
  #again: ReturnType<typeof setTimeout> | undefined;
  #releases: (() => void)[] = [];

  constructor(client: RealtimeClient, filters: EventFilters) {
    super(NOTHING, { linger: LINGER });
    this.#client = client;
    this.#filters = filters;
    this.#seen = seenFeeds.of(client);
  }

  /** Load what is before; while it is asked for, and where there is nothing more, this does nothing. */
  readonly more = (): void => void this.#more();

  protected override start(): void {
    const { credentials } = this.#client;
    let { attempt } = credentials;
    this.#releases = [
      eventStream(this.#client).listen((received) => this.#take(received)),
      credentials.subscribe(() => {
        const isLetIn = attempt !== credentials.attempt;
        ({ attempt } = credentials);
        if (isLetIn && this.get().error) this.more();
      }),
    ];
    if (this.#filters.seen !== null) this.#releases.push(this.#seen.subscribe(() => {}));
    running.of(this.#client).add(this);
    this.#begin();
  }

  protected override end(): void {
    running.of(this.#client).delete(this);
    for (const release of this.#releases) release();
    this.#forget();
    this.set(NOTHING);
  }

  #begin(): void {
    this.#forget();
    this.#request = requestOf(this.#filters, this.#client.clock.now());
    this.#request.set("limit", String(PAGE));
    this.change(NOTHING);
    void this.#more();
  }

  #forget(): void {
    clearTimeout(this.#again);
    this.#number += 1;
    this.#isAsking = false;
    this.#before = null;
    this.#head = undefined;
    this.#early = [];
    this.#known = new Set();
  }

  async #more(): Promise<void> {
    if (this.#isAsking || this.get().isWhole) return;
    clearTimeout(this.#again);
    const number = this.#number;
    this.#isAsking = true;
    // What went wrong stays said until it is otherwise.
    this.change({ isLoading: true });
    try {
      let found = 0;
      do {
        const page = await this.#ask();
        if (number !== this.#number) return;
        found += this.#add(page);
      } while (this.#before !== null && found < ENOUGH);
      this.change({ isLoading: false, isWhole: this.#before === null, error: null });
    } catch (error) {
      if (number !== this.#number) return;
      const why = error instanceof ApiError ? error : new ApiError(String(error), null);
      this.change({ isLoading: false, error: why });
      // Asking again before the page was let in only asks the person again.
      if (why.status !== 401 && why.status !== 400) {
        this.#again = setTimeout(() => this.more(), TRY_AGAIN);
      }
    }
    this.#isAsking = false;
  }

  #ask(): Promise<Page> {
    const request = new URLSearchParams(this.#request);
    if (this.#before !== null) request.set("before", this.#before);
    return pageOf(this.#client, request);
  }

  /** Add a page; return how many events it had that are new. */
  #add({ events: entries, cursor, next, known_since }: Page): number {
    let { events } = this.get();
    const older = entries
      .flatMap((entry) => eventIn(entry) ?? [])
      .filter((one) => this.#isNews(one));
    events = [...events, ...older];
    this.#before = next;
    this.change({
      events,
      lookedBackTo: next === null ? null : arrivalOf(next),
      knownSince: timeOf(known_since),
    });
    if (this.#head === undefined) {
      this.#head = cursor;
      const early = this.#early;
      this.#early = [];
      for (const event of early) this.#put(event);
    }
    return older.length;
  }

  /** Whether an event is not told yet, by a later message; it is from now on. */
  #isNews({ identity }: SecurityEvent): boolean {
    const isNews = !this.#known.has(identity);
    this.#known.add(identity);
    return isNews;
  }

  #take({ raw, known }: Received): void {
    if (known?.type === "resumed" && known.data.recovered === false) {
      // Some that came are not known, nor whether those that are shown are still there.
      this.#begin();
      return;
    }
    // What has no cursor is in no history.
    if (known?.type !== "event" || raw.cursor === undefined) return;
    const now = this.#client.clock.now();
    const arrivedAt = arrivalOf(raw.cursor) ?? now;
    const event = eventOf(raw.data, raw.cursor, Date.now(), { arrivedAt });
    if (!isWithin(event, this.#filters, now)) return;
    if (this.#head === undefined) this.#early.push(event);
    else this.#put(event);
  }

  /**
   * Put an event where it belongs, if it came after what was read at first. What is told of an event
   * last decides: one that is wanted no more leaves, and what was told of it before comes no more.
   */
  #put(event: SecurityEvent): void {
    if (!isAfter(event.key, this.#head ?? null)) return;
    const { events, isWhole } = this.get();
    if (!isWhole) this.#known.add(event.identity);
    if (this.#isWanted(event)) {
      this.change({ events: withEvent(events, event) });
      return;
    }
    const others = events.filter(({ identity }) => identity !== event.identity);
    if (others.length < events.length) this.change({ events: others });
  }

  /** Whether it fits the filters; whether somebody has seen it, as far as that is known. */
  #isWanted(event: SecurityEvent): boolean {
    const { seen } = this.#filters;
    if (seen !== null && (seenIn(this.#seen.get().marks, event) !== null) !== seen) return false;
    return fits(event, this.#filters);
  }
}

/** Whether a message of the stream came after another one, by their cursors. */
function isAfter(cursor: string, other: string | null): boolean {
  const [time = 0, number = 0] = cursor.split("-").map(Number);
  const [otherTime = 0, otherNumber = 0] = (other ?? "0-0").split("-").map(Number);
  return time === otherTime ? number > otherNumber : time > otherTime;
}

const running = new PerClient(() => new Set<EventHistory>());

/** The event of this cursor, if a history that is shown has it. */
export function loadedEvent(client: RealtimeClient, cursor: string): SecurityEvent | null {
  for (const history of running.of(client)) {
    const found = history.get().events.find(({ key }) => key === cursor);
    if (found) return found;
  }
  return null;
}

/** By their filters' query string. */
export const eventHistories = new PerClient(
  (client, search) => new EventHistory(client, filtersIn(search)),
);
