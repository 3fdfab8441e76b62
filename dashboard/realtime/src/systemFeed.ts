import { PerClient, type RealtimeClient } from "./client.ts";
import { Feed, type FeedState } from "./feed.ts";
import { timeOf } from "./lenient.ts";
import type { PerformanceUpdateData, ServiceStatusData, SystemStatusData } from "./messages.ts";
import { type Queues, QueueWatch, UNKNOWN_QUEUES } from "./queueWatch.ts";
import { Rhythm } from "./silence.ts";
import type { Connection, Received, StreamOptions } from "./stream.ts";

const PATH = "/ws/system";

/** Milliseconds of performance figures that are kept as they came. */
export const KEPT_FIGURES = 60 * 60_000;
/** Milliseconds by which figures may be ahead of the services' clock: more is a mistake of theirs. */
export const AHEAD = 60_000;
/** A status is due every 5 s (BROADCAST_INTERVAL); pongs say what time it is. */
const OPTIONS: StreamOptions = { quiet: 12_000, pingEvery: 10_000 };

/** Something that is sent again and again, and whether it still is. */
export interface Reading<T> {
  readonly data: Readonly<T> | null;
  /** When this page heard it, ms since 1970. */
  readonly heardAt: number | null;
  /** Since when it is late (ms since 1970): when the last one came; null while it is not. */
  readonly staleSince: number | null;
}

/** Performance figures of a moment. */
export interface Sample {
  /** When they were collected, ms since 1970. */
  readonly at: number;
  readonly data: Readonly<Partial<PerformanceUpdateData>>;
}

export interface SystemFeedState extends FeedState {
  readonly status: Reading<Partial<SystemStatusData>>;
  /** Whether the queues of the AI move, by the last statuses. */
  readonly queues: Queues;
  readonly performance: Reading<Partial<PerformanceUpdateData>>;
  /** The last hour's figures as far as this page heard them, oldest first. */
  readonly samples: readonly Sample[];
  /** What was last told of each service whose health changed. */
  readonly changes: ReadonlyMap<string, Readonly<Partial<ServiceStatusData>>>;
}

const UNKNOWN: Reading<never> = { data: null, heardAt: null, staleSince: null };

/** One kind of periodic message: keeps the last one, and notices when the next one is late. */
class Periodic<T> {
  readonly #rhythm = new Rhythm();
  readonly #show: (reading: Reading<T>) => void;
  #reading: Reading<T> = UNKNOWN;
  /** Since when the first one is waited for. */
  #awaitedAt: number | null = null;
  #late: ReturnType<typeof setTimeout> | undefined;

  constructor(show: (reading: Reading<T>) => void) {
    this.#show = show;
  }

  take(data: Readonly<T>): void {
    const now = Date.now();
    this.#rhythm.note(now);
    this.#set({ data, heardAt: now, staleSince: null });
    this.#watch();
  }

  /** Wait for the first one, which may never come. */
  awaitFirst(): void {
    if (this.#awaitedAt !== null) return;
    this.#awaitedAt = Date.now();
    if (this.#reading.heardAt === null) this.#watch();
  }

  /** Learn again how often it comes. */
  restart(): void {
    this.#rhythm.forget();
    // The first one may be here already, and its patience be that of the break before it.
    if (this.#reading.heardAt !== null && this.#reading.staleSince === null) this.#watch();
  }

  forget(): void {
    clearTimeout(this.#late);
    this.#rhythm.forget();
    this.#awaitedAt = null;
    this.#reading = UNKNOWN;
  }

  #watch(): void {
    clearTimeout(this.#late);
    this.#late = setTimeout(
      () => this.#set({ ...this.#reading, staleSince: this.#reading.heardAt ?? this.#awaitedAt }),
      this.#rhythm.patience,
    );
  }

  #set(reading: Reading<T>): void {
    this.#reading = reading;
    this.#show(reading);
  }
}

/** How the home's system is: statuses and performance figures. */
export class SystemFeed extends Feed<SystemFeedState> {
  readonly #status = new Periodic<Partial<SystemStatusData>>((status) => this.change({ status }));
  readonly #performance = new Periodic<Partial<PerformanceUpdateData>>((performance) =>
    this.change({ performance }),
  );
  readonly #queues = new QueueWatch();
  readonly #client: RealtimeClient;
  #reconnects = 0;

  constructor(client: RealtimeClient) {
    super(client.stream(PATH, OPTIONS), {
      status: UNKNOWN,
      queues: UNKNOWN_QUEUES,
      performance: UNKNOWN,
      samples: [],
      changes: new Map(),
    });
    this.#client = client;
  }

  protected override take({ known }: Received): void {
    if (known?.type === "system_status") {
      this.#status.take(known.data);
      const { detection_queue = null, analysis_queue = null } = known.data.queues ?? {};
      const depths = { detection: detection_queue, analysis: analysis_queue };
      this.change({ queues: this.#queues.note(Date.now(), depths) });
    } else if (known?.type === "performance_update") {
      const { data } = known;
      this.change({ samples: this.#withSample({ at: this.#momentOf(data), data }) });
      this.#performance.take(data);
    } else if (known?.type === "service_status" && known.data.service !== undefined) {
      const { data } = known;
      this.change({ changes: new Map(this.get().changes).set(known.data.service, data) });
    }
  }

  /** When figures were collected; a time to come would hide all that comes until then. */
  #momentOf({ timestamp }: Readonly<Partial<PerformanceUpdateData>>): number {
    const at = timeOf(timestamp);
    const { clock } = this.#client;
    if (at === null) return clock.now();
    return clock.get() !== null && at > clock.now() + AHEAD ? clock.now() : at;
  }

  /** In the order of their times: one that is of long ago costs no other its place. */
  #withSample(sample: Sample): readonly Sample[] {
    // A client that comes back is sent the latest one again.
    const others = this.get().samples.filter(({ at }) => at !== sample.at);
    const place = others.findLastIndex(({ at }) => at < sample.at) + 1;
    const all = others.toSpliced(place, 0, sample);
    const newest = all.at(-1)?.at ?? 0;
    return all.filter(({ at }) => at > newest - KEPT_FIGURES);
  }

  protected override connected(connection: Connection): void {
    if (connection.reconnectCount !== this.#reconnects) {
      this.#reconnects = connection.reconnectCount;
      this.#status.restart();
      this.#performance.restart();
    }
    if (connection.state === "live") {
      this.#status.awaitFirst();
      this.#performance.awaitFirst();
    }
    super.connected(connection);
  }

  protected override end(): void {
    this.#status.forget();
    this.#performance.forget();
    this.#queues.forget();
    super.end();
  }
}

export const systemFeeds = new PerClient((client) => new SystemFeed(client));
