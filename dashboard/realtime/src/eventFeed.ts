import { ApiError } from "./api.ts";
import { PerClient, type RealtimeClient } from "./client.ts";
import { isLater, KEPT_EVENTS, kept, withEvent, withEvents } from "./eventWindow.ts";
import { Feed, type FeedState } from "./feed.ts";
import { arrivalOf, eventOf, HEARD, type SecurityEvent } from "./lenient.ts";
import type { Message } from "./narrow.ts";
import { type RecentEvents, recentEvents } from "./recentEvents.ts";
import type { Received, Stream, StreamOptions } from "./stream.ts";

const PATH = "/ws/events";

/** Milliseconds between two pings: their pongs say whether events are heard, and what time it is. */
export const PING_INTERVAL = 10_000;
const OPTIONS: StreamOptions = { start: `tail=${KEPT_EVENTS}`, pingEvery: PING_INTERVAL };

/** The one stream of a home's events, for all who listen to it. */
export function eventStream(client: RealtimeClient): Stream {
  return client.stream(PATH, OPTIONS);
}

/** Milliseconds until the history is asked again: what it does not know now it may know then. */
const ASK_AGAIN = 60_000;
/** The same after the first failure; then twice as long each time. */
const TRY_AGAIN = 5_000;
/** The same, at most and by chance, once Redis is heard again: all pages learn of that at once. */
export const SPREAD = 5_000;

/** Whether all events of the last 15 minutes are known. */
export interface WindowKnowledge {
  readonly state: "waiting" | "complete" | "incomplete" | "failed";
  /**
   * ms since 1970, by the services' clock: from when on they are known, or since when they cannot
   * be read; null where nobody knows.
   */
  readonly since: number | null;
}

/** What a heartbeat or a pong said last. */
export interface Pulse {
  /** When this page heard it, ms since 1970. */
  readonly at: number;
  /** Whether the replica hears Redis; null if it did not say. */
  readonly heard: boolean | null;
}

export interface EventFeedState extends FeedState {
  /** Those that are shown, the newest first. */
  readonly entries: readonly SecurityEvent[];
  /** All that is known of the last 15 minutes, and what has not ended since; the newest first. */
  readonly recent: readonly SecurityEvent[];
  readonly window: WindowKnowledge;
  readonly pulse: Pulse | null;
  /** Since when its replica says that it cannot hear Redis (ms since 1970); null while it can. */
  readonly deafSince: number | null;
  /** Whether an answer came: until then no entries mean nothing. */
  readonly isAnswered: boolean;
  /** The last event of each camera, by camera id; older than `entries` reaches, if need be. */
  readonly lastByCamera: ReadonlyMap<string, SecurityEvent>;
  /** When this page was told that events are missing before those it has (ms since 1970). */
  readonly gapAt: number | null;
  /** How many messages came that are no events: something about cameras may have changed. */
  readonly others: number;
}

const WAITING: WindowKnowledge = { state: "waiting", since: null };
const NOTHING = {
  entries: [],
  recent: [],
  window: WAITING,
  pulse: null,
  deafSince: null,
  isAnswered: false,
  lastByCamera: new Map(),
  gapAt: null,
  others: 0,
};

/** Is given an event, and by how much the services' clock is ahead (ms; null while not known). */
export type EventListener = (event: SecurityEvent, ahead: number | null) => void;

/** The home's security events. */
export class EventFeed extends Feed<EventFeedState> {
  readonly #client: RealtimeClient;
  readonly #eventListeners = new Set<EventListener>();
  #heard = 0;
  /** Whether what comes is new, and no longer what was there before. */
  #begun = false;
  /** Events that were cleared, or that the history no longer has, by key: not shown. */
  #hidden = new Set<string>();
  /** The request for the history that counts: each has a number, and a later one replaces it. */
  #asked = 0;
  #failures = 0;
  /** The connection in which it was asked, by how often that was lost before. */
  #askedIn = 0;
  #again: ReturnType<typeof setTimeout> | undefined;

  constructor(client: RealtimeClient) {
    super(eventStream(client), NOTHING);
    this.#client = client;
  }

  readonly clear = (): void => {
    this.#hideAll();
    this.change({ entries: [] });
  };

  /**
   * Have each event that comes told at once, and not with the next frame: a hidden page has none.
   * The history that it begins with comes too, and is not new.
   */
  listen(listener: EventListener): () => void {
    // It is on for as long as somebody listens.
    const release = this.subscribe(() => {});
    this.#eventListeners.add(listener);
    return () => {
      this.#eventListeners.delete(listener);
      release();
    };
  }

  protected override end(): void {
    this.#begun = false;
    this.#hidden.clear();
    this.#forgetRequest();
    super.end();
  }

  protected override take({ raw, known }: Received): void {
    switch (known?.type) {
      case "event": {
        this.#heard += 1;
        const now = Date.now();
        const event = eventOf(raw.data, raw.cursor ?? `${HEARD}${this.#heard}`, now, {
          isNew: this.#begun,
          arrivedAt: arrivalOf(raw.cursor) ?? this.#client.clock.now(),
        });
        // It is there again, whatever was thought of it.
        this.#hidden.delete(event.key);
        this.#show(withEvent(this.get().recent, event), [event]);
        for (const listener of [...this.#eventListeners]) listener(event, this.#client.clock.get());
        break;
      }
      case "resumed":
        this.change({ isAnswered: true });
        if (known.data.recovered === false) this.#startOver();
        break;
      case "ping":
      case "pong":
        this.#notePulse(raw);
        break;
      case "event_seen":
        // No hint of other cameras; `SeenFeed` takes it.
        break;
      default:
        this.change({ others: this.get().others + 1 });
    }
  }

  #notePulse({ type, ...said }: Message): void {
    const at = Date.now();
    const heard = said.heard ?? null;
    const { deafSince: before, window } = this.get();
    const deafSince = heard === false ? (before ?? at) : null;
    this.change({ pulse: { at, heard }, deafSince });
    // The tail that it began with ends with a heartbeat.
    const begins = type === "ping" && !this.#begun;
    // What could not be read while Redis was away may be there now.
    const hearsAgain = before !== null && deafSince === null && window.state === "failed";
    if (begins) {
      this.#begun = true;
      this.change({ isAnswered: true });
    }
    const isBack = this.#begun && this.#askedIn !== this.stream.get().reconnectCount;
    if (begins || isBack) void this.#ask();
    else if (hearsAgain) this.#askSoon();
  }

  /** All that the history still has follows; of what is shown, only that may be shown. */
  #startOver(): void {
    this.#hideAll();
    // A danger that was known is not less of one because the history forgot it.
    const recent = this.get().recent.filter(({ riskLevel }) => riskLevel !== "low");
    this.change({
      entries: [],
      recent,
      lastByCamera: new Map(),
      gapAt: Date.now(),
      window: WAITING,
    });
    this.#begun = true;
    void this.#ask();
  }

  #hideAll(): void {
    this.#hidden = new Set(this.get().recent.map(({ key }) => key));
  }

  #show(all: readonly SecurityEvent[], added: readonly SecurityEvent[]): void {
    let { lastByCamera } = this.get();
    for (const event of added) {
      const { cameraId } = event;
      const last = cameraId === null ? undefined : lastByCamera.get(cameraId);
      if (cameraId !== null && (!last || isLater(event, last))) {
        lastByCamera = new Map(lastByCamera).set(cameraId, event);
      }
    }
    const recent = kept(all, this.#client.clock.now());
    const shown = recent.filter(({ key }) => !this.#hidden.has(key));
    this.change({ recent, lastByCamera, entries: shown.slice(0, KEPT_EVENTS) });
  }

  /** Ask for what happened before, and beyond what the stream begins with. */
  async #ask(): Promise<void> {
    this.#forgetRequest();
    const number = this.#asked;
    const answer = await this.#answer();
    if (number !== this.#asked) return;
    if (answer instanceof Error) {
      this.#failures += 1;
      const { window } = this.get();
      const since = window.state === "failed" ? window.since : this.#client.clock.now();
      this.change({ window: { state: "failed", since } });
      const refused = answer instanceof ApiError && answer.status === 401;
      if (!refused) this.#askIn(Math.min(ASK_AGAIN, TRY_AGAIN * 2 ** (this.#failures - 1)));
      return;
    }
    this.#failures = 0;
    this.#show(withEvents(this.get().recent, answer.events), answer.events);
    if (answer.complete) {
      this.change({ window: { state: "complete", since: null }, isAnswered: true });
    } else {
      this.change({ window: { state: "incomplete", since: answer.knownSince }, isAnswered: true });
      this.#askIn(ASK_AGAIN);
    }
  }

  async #answer(): Promise<RecentEvents | Error> {
    try {
      return await recentEvents(this.#client);
    } catch (error) {
      return error instanceof Error ? error : new Error(String(error));
    }
  }

  /** All pages hear that Redis is back at the same moment. */
  #askSoon(): void {
    clearTimeout(this.#again);
    this.#askIn(Math.random() * SPREAD);
  }

  #askIn(milliseconds: number): void {
    this.#again = setTimeout(() => void this.#ask(), milliseconds);
  }

  #forgetRequest(): void {
    this.#asked += 1;
    this.#askedIn = this.stream.get().reconnectCount;
    clearTimeout(this.#again);
  }
}

export const eventFeeds = new PerClient((client) => new EventFeed(client));
