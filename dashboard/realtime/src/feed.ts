import { Observable } from "./observable.ts";
import type { Connection, Received, Stream } from "./stream.ts";

/** Milliseconds for which a feed outlives its last listener: from one page to the next. */
const LINGER = 2_000;

/** What every feed shows of its stream. */
export interface FeedState {
  readonly connection: Connection;
}

/** What has come of a stream so far, shared by all components that show it. */
export abstract class Feed<T extends FeedState> extends Observable<T> {
  protected readonly stream: Stream;
  readonly #initial: T;
  #releases: (() => void)[] = [];

  constructor(stream: Stream, initial: Omit<T, "connection">) {
    const state = { ...initial, connection: stream.get() } as T;
    super(state, { linger: LINGER });
    this.stream = stream;
    this.#initial = state;
  }

  /** Come back now: after it was closed for good, or instead of waiting. */
  readonly reconnect = (): void => this.stream.reconnect();

  /** Take a message. */
  protected abstract take(received: Received): void;

  /** Note that the connection changed. */
  protected connected(connection: Connection): void {
    this.change({ connection } as Partial<T>);
  }

  protected override start(): void {
    this.#releases = [
      this.stream.subscribe(() => this.connected(this.stream.get())),
      this.stream.listen((received) => this.take(received)),
    ];
    this.connected(this.stream.get());
  }

  protected override end(): void {
    for (const release of this.#releases) release();
    this.set(this.#initial);
  }
}
