import { Feed, type FeedState } from "./feed";
import { eventOf, fieldsOf, type SecurityEvent } from "./lenient";
import { type Message, streamOf } from "./stream";

/** Events that are kept, newest first. */
export const KEPT_EVENTS = 100;

export interface EventFeedState extends FeedState {
  /** The newest first. */
  readonly events: readonly SecurityEvent[];
  /** The last event of each camera, by camera id; older than `events` reaches, if need be. */
  readonly lastByCamera: ReadonlyMap<string, SecurityEvent>;
  /** When this page was told that events are missing before those it has (ms since 1970). */
  readonly gapAt: number | null;
  /** How many messages came that are no events: something about cameras may have changed. */
  readonly others: number;
}

const NOTHING = { events: [], lastByCamera: new Map(), gapAt: null, others: 0 };

/** The home's security events. */
export class EventFeed extends Feed<EventFeedState> {
  #heard = 0;

  /** Whether what comes is new, and no longer what was there before. */
  #begun = false;

  constructor() {
    super(streamOf("/ws/events", { start: `tail=${KEPT_EVENTS}` }), NOTHING);
  }

  readonly clear = (): void => {
    this.change({ events: [] });
  };

  protected override end(): void {
    this.#begun = false;
    super.end();
  }

  protected override take(message: Message): void {
    const { events, lastByCamera, others } = this.get();
    if (message.type === "event") {
      this.#heard += 1;
      const key = message.cursor ?? `heard-${this.#heard}`;
      const event = eventOf(message.data, key, Date.now(), this.#begun);
      this.change({
        events: [event, ...events].slice(0, KEPT_EVENTS),
        lastByCamera: event.cameraId
          ? new Map(lastByCamera).set(event.cameraId, event)
          : lastByCamera,
      });
    } else if (message.type === "resumed") {
      if (fieldsOf(message.data).recovered !== false) return;
      // All that the history still has follows, and part of it may be what is shown.
      this.change({ events: [], lastByCamera: new Map(), gapAt: Date.now() });
    } else if (message.type === "ping") {
      // The tail that it began with ends with one.
      this.#begun = true;
    } else if (message.type !== "pong") {
      this.change({ others: others + 1 });
    }
  }
}

export const eventFeed = new EventFeed();
