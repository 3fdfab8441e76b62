import { getJson } from "./api.ts";
import { isBrowser } from "./browser.ts";
import { Credentials } from "./credentials.ts";
import { Interception } from "./interception.ts";
import { type Logger, QUIET_LOGGER } from "./logger.ts";
import { Retries } from "./retries.ts";
import { ServerClock } from "./serverClock.ts";
import { Stream, type StreamContext, type StreamOptions } from "./stream.ts";
import { Unanswered } from "./unanswered.ts";

export interface RealtimeOptions {
  /** Where the services are, as `https://home.example/security`; by default the page's own host. */
  readonly baseUrl?: string | undefined;
  /** An API key, for services of another host; by default none: the browser's cookie is enough. */
  readonly credentials?: Credentials | undefined;
  /** By default nothing is logged. */
  readonly logger?: Logger | undefined;
}

/** All connections of a page to one home; components share them. */
export class RealtimeClient {
  readonly credentials: Credentials;
  /** What time it is for the services. */
  readonly clock = new ServerClock();
  /** Whether something in front of the services answers in their place. */
  readonly interception = new Interception();
  /** Since when something that was asked for cannot be had. */
  readonly unanswered = new Unanswered();
  /** Asks again what found no answer. */
  readonly retries = new Retries();
  readonly #context: StreamContext;
  readonly #streams = new Map<string, Stream>();

  constructor({
    baseUrl = "",
    credentials = new Credentials(),
    logger = QUIET_LOGGER,
  }: RealtimeOptions = {}) {
    this.credentials = credentials;
    this.#context = {
      base: () => new URL(baseUrl || "/", globalThis.location?.href),
      credentials: this.credentials,
      logger,
      clock: this.clock,
      interception: this.interception,
      unanswered: this.unanswered,
      retries: this.retries,
    };
  }

  /** The one stream of a location; the first to ask says how it starts. */
  stream(location: string, options?: StreamOptions): Stream {
    return kept(this.#streams, location, () => new Stream(location, this.#context, options));
  }

  /** Get what a path under /api has, as `read` makes it of the body; see there. */
  getJson<T>(path: string, read: (body: unknown) => T | null): Promise<T> {
    return getJson(path, this.#context, read);
  }

  /** Change what a path under /api has; `read` makes something of the answer's body. */
  change<T>(
    method: "POST" | "DELETE",
    path: string,
    read: (body: unknown) => T | null,
  ): Promise<T> {
    return getJson(path, this.#context, read, method);
  }
}

/** Values of which each client has one for each key, made when they are first asked for. */
export class PerClient<T> {
  readonly #make: (client: RealtimeClient, key: string) => T;
  readonly #all = new WeakMap<RealtimeClient, Map<string, T>>();

  constructor(make: (client: RealtimeClient, key: string) => T) {
    this.#make = make;
  }

  of(client: RealtimeClient, key = ""): T {
    const values = this.#all.get(client) ?? new Map<string, T>();
    this.#all.set(client, values);
    return kept(values, key, () => this.#make(client, key));
  }
}

/** What is kept by this key, made if need be. A server keeps nothing: it only renders, for many. */
function kept<T>(all: Map<string, T>, key: string, make: () => T): T {
  const found = all.get(key) ?? make();
  if (isBrowser()) all.set(key, found);
  return found;
}
