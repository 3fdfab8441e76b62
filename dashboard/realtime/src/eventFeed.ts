import { PerClient } from "./client.ts";
import { Feed, type FeedState } from "./feed.ts";
import { eventOf, type SecurityEvent } from "./lenient.ts";
import type { Received, Stream, StreamOptions } from "./stream.ts";

const PATH = "/ws/events";

/** Events that are kept, newest first. */
export const KEPT_EVENTS = 100;

const OPTIONS: StreamOptions = { start: `tail=${KEPT_EVENTS}` };

export interface EventFeedState extends FeedState {
  /** The newest first. */
  readonly entries: readonly SecurityEvent[];
  /** The last event of each camera, by camera id; older than `entries` reaches, if need be. */
  readonly lastByCamera: ReadonlyMap<string, SecurityEvent>;
  /** When this page was told that events are missing before those it has (ms since 1970). */
  readonly gapAt: number | null;
  /** How many messages came that are no events: something about cameras may have changed. */
  readonly others: number;
}

const NOTHING = { entries: [], lastByCamera: new Map(), gapAt: null, others: 0 };

/** The home's security events. */
export class EventFeed extends Feed<EventFeedState> {
  #heard = 0;

  /** Whether what comes is new, and no longer what was there before. */
  #begun = false;

  constructor(stream: Stream) {
    super(stream, NOTHING);
  }

  readonly clear = (): void => {
    this.change({ entries: [] });
  };

  protected override end(): void {
    this.#begun = false;
    super.end();
  }

  protected override take({ raw, known }: Received): void {
    switch (known?.type) {
      case "event": {
        this.#heard += 1;
        const key = raw.cursor ?? `heard-${this.#heard}`;
        this.#show(eventOf(known.data, key, Date.now(), this.#begun));
        break;
      }
      case "resumed":
        if (known.data.recovered !== false) break;
        // All that the history still has follows, and part of it may be what is shown.
        this.change({ entries: [], lastByCamera: new Map(), gapAt: Date.now() });
        break;
      case "ping":
        // The tail that it began with ends with one.
        this.#begun = true;
        break;
      case "pong":
        break;
      default:
        this.change({ others: this.get().others + 1 });
    }
  }

  #show(event: SecurityEvent): void {
    const { entries, lastByCamera } = this.get();
    this.change({
      entries: [event, ...entries].slice(0, KEPT_EVENTS),
      lastByCamera: event.cameraId
        ? new Map(lastByCamera).set(event.cameraId, event)
        : lastByCamera,
    });
  }
}

export const eventFeeds = new PerClient((client) => new EventFeed(client.stream(PATH, OPTIONS)));
