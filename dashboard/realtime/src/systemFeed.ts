import { PerClient, type RealtimeClient } from "./client.ts";
import { wholeOf } from "./conform.ts";
import { Feed, type FeedState } from "./feed.ts";
import { timeOf } from "./lenient.ts";
import type { PerformanceUpdateData, ServiceStatusData, SystemStatusData } from "./messages.ts";
import { Polling } from "./polling.ts";
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

/** Milliseconds between two questions for figures that cannot come through Redis: an interval. */
const POLL_INTERVAL = 5_000;

/** Something that is sent again and again, and whether it still is. */
export interface Reading<T> {
  readonly data: Readonly<T> | null;
  /** When this page heard it, ms since 1970. */
  readonly heardAt: number | null;
  /** Since when it is late (ms since 1970): when the last one came; null while it is not. */
  readonly staleSince: number | null;
}

/** What is known of something: any part of it may be missing. */
type Known<T> = T extends readonly (infer Item)[]
  ? readonly Known<Item>[]
  : T extends object
    ? { readonly [Name in keyof T]?: Known<T[Name]> }
    : T;

/** Performance figures, as far as they are known. */
export type Figures = Known<PerformanceUpdateData>;

/** Performance figures of a moment, or of some time about it. */
export interface Sample {
  /** When they were collected, ms since 1970. */
  readonly at: number;
  /** Of some time: the means. */
  readonly data: Figures;
  /** Of some time: the lowest of each. */
  readonly low?: Figures;
  /** Of some time: the highest of each. */
  readonly high?: Figures;
}

export interface SystemFeedState extends FeedState {
  readonly status: Reading<Partial<SystemStatusData>>;
  /** Whether the queues of the AI move, by the last statuses. */
  readonly queues: Queues;
  readonly performance: Reading<Partial<PerformanceUpdateData>>;
  /** Whether figures are asked for at every interval, because they cannot come through Redis. */
  readonly polled: boolean;
  /** The last hour's figures as far as this page heard them, oldest first. */
  readonly samples: readonly Sample[];
  /** What was last told of each service whose health changed. */
  readonly changes: ReadonlyMap<string, Readonly<Partial<ServiceStatusData>>>;
  /** How many changes of cameras were told: what shows cameras asks for the list again. */
  readonly cameraChanges: number;
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
    this.#rhythm.note(performance.now());
    this.#set({ data, heardAt: Date.now(), staleSince: null });
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
  readonly #performance = new Periodic<Partial<PerformanceUpdateData>>((performance) => {
    this.#published = performance;
    // What was asked for meanwhile is younger than what is late.
    if (performance.staleSince === null || !this.#polling.isOn) this.change({ performance });
    this.#poll();
  });
  /** What came through Redis, however late it is. */
  #published: Reading<Partial<PerformanceUpdateData>> = UNKNOWN;
  readonly #polling: Polling<PerformanceUpdateData>;
  readonly #queues = new QueueWatch();
  readonly #client: RealtimeClient;
  #reconnects = 0;

  constructor(client: RealtimeClient) {
    super(client.stream(PATH, OPTIONS), {
      status: UNKNOWN,
      queues: UNKNOWN_QUEUES,
      performance: UNKNOWN,
      polled: false,
      samples: [],
      changes: new Map(),
      cameraChanges: 0,
    });
    this.#client = client;
    this.#polling = new Polling(
      () => client.getJson("/api/performance", (body) => wholeOf("PerformanceUpdateData", body)),
      (data) => this.#takeAnswer(data),
      POLL_INTERVAL,
    );
  }

  /** Ask for figures while they cannot come through Redis, though this page has a connection. */
  #poll(): void {
    const { state } = this.get().connection;
    const isLate = this.#published.staleSince !== null;
    this.#polling.turn(state === "degraded" || (state === "live" && isLate));
    this.change({ polled: this.#polling.isOn });
  }

  #takeAnswer(data: Readonly<Partial<PerformanceUpdateData>> | null): void {
    const { performance } = this.get();
    const isNew = data && timeOf(data.timestamp) !== timeOf(performance.data?.timestamp);
    if (isNew) {
      this.#keep(data);
      this.change({ performance: { data, heardAt: Date.now(), staleSince: null } });
    } else if (this.#published.staleSince !== null) {
      const staleSince = performance.heardAt ?? this.#published.staleSince;
      this.change({ performance: { ...performance, staleSince } });
    }
  }

  #keep(data: Readonly<Partial<PerformanceUpdateData>>): void {
    this.change({ samples: this.#withSample({ at: this.#momentOf(data), data }) });
  }

  protected override take({ known }: Received): void {
    if (known?.type === "system_status") {
      this.#status.take(known.data);
      const { detection_queue = null, analysis_queue = null } = known.data.queues ?? {};
      const depths = { detection: detection_queue, analysis: analysis_queue };
      this.change({ queues: this.#noteQueues(depths) });
    } else if (known?.type === "performance_update") {
      const { data } = known;
      this.#keep(data);
      this.#performance.take(data);
    } else if (known?.type === "service_status" && known.data.service !== undefined) {
      const { data } = known;
      this.change({ changes: new Map(this.get().changes).set(known.data.service, data) });
    } else if (known?.type === "camera_status") {
      this.change({ cameraChanges: this.get().cameraChanges + 1 });
    }
  }

  /** Whether they move is of how long they did not, whatever the clock says; since when is its time. */
  #noteQueues(depths: Parameters<QueueWatch["note"]>[1]): Queues {
    const now = performance.now();
    const queues = this.#queues.note(now, depths);
    return queues.since === null ? queues : { ...queues, since: Date.now() - (now - queues.since) };
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
    this.#poll();
  }

  protected override end(): void {
    this.#status.forget();
    this.#performance.forget();
    this.#polling.turn(false);
    this.#published = UNKNOWN;
    this.#queues.forget();
    super.end();
  }
}

export const systemFeeds = new PerClient((client) => new SystemFeed(client));
