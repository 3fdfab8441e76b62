import ReconnectingWebSocket, { CloseEvent as OwnCloseEvent } from "partysocket/ws";
import { reconnection } from "./backoff";
import { type Credentials, credentials as pageCredentials } from "./credentials";
import { CloseCode, CODES_THAT_END } from "./messages";
import { Observable } from "./observable";
import { judge } from "./silence";

/** What any message looks like; its type decides what its data is. */
export interface Message {
  readonly cursor?: string;
  readonly type: string;
  readonly data?: unknown;
  readonly timestamp?: string;
}

/**
 * How a connection is: on its way (at first or again), heard, open but silent for too long, served
 * by a replica that cannot hear the others, or ended for good.
 */
export type ConnectionState = "connecting" | "live" | "stale" | "degraded" | "closed";

export interface Connection {
  readonly state: ConnectionState;
  /** Since when what is shown may be out of date (ms since 1970); null while it is not, or nothing is shown yet. */
  readonly staleSince: number | null;
  /** How often it was lost and came back. */
  readonly reconnectCount: number;
  /** Why it ended for good, in the state `closed`. */
  readonly ended: { readonly code: number; readonly reason: string } | null;
}

export interface StreamOptions {
  /** What to ask for at first, before there is a cursor: `tail=100` or `since=0-0`. */
  readonly start?: string;
  /** Milliseconds without a frame that are nothing special; by default a heartbeat and some. */
  readonly quiet?: number;
  readonly credentials?: Credentials;
}

/** A heartbeat is due every 30 s (HEARTBEAT_INTERVAL). */
const QUIET = 35_000;
const LOOK_INTERVAL = 1_000;
const PING = '{"type":"ping"}';

const NOT_YET: Connection = {
  state: "connecting",
  staleSince: null,
  reconnectCount: 0,
  ended: null,
};

type Listener = (message: Message) => void;

/**
 * One WebSocket for all who listen, that comes back after any break and goes on where it was.
 *
 * It keeps the cursor of what it heard last and resumes from there, so that each message reaches
 * its listeners once and in order; where that cannot be, a `resumed` with `recovered: false` says
 * so. It ends for good only where coming back is no use (CODES_THAT_END).
 */
export class Stream extends Observable<Connection> {
  readonly #path: string;
  readonly #start: string;
  readonly #quiet: number;
  readonly #credentials: Credentials;
  readonly #listeners = new Set<Listener>();
  #socket: ReconnectingWebSocket | null = null;
  #cursor: string | null = null;
  #everOpen = false;
  #degraded = false;
  #silent = false;
  #heardAt: number | null = null;
  #askedAt: number | null = null;
  #look: ReturnType<typeof setInterval> | undefined;
  #unsubscribe: (() => void) | undefined;

  constructor(path: string, options: StreamOptions = {}) {
    super(NOT_YET);
    this.#path = path;
    this.#start = options.start ?? "";
    this.#quiet = options.quiet ?? QUIET;
    this.#credentials = options.credentials ?? pageCredentials;
  }

  /** Hear every message, from now on until the returned function is called. */
  listen(listener: Listener): () => void {
    this.#listeners.add(listener);
    const release = this.subscribe(() => {});
    return () => {
      this.#listeners.delete(listener);
      release();
    };
  }

  /** Come back now: after it was closed for good, or instead of waiting. */
  readonly reconnect = (): void => {
    if (this.#look !== undefined) this.#open();
  };

  protected override start(): void {
    this.#look = setInterval(this.#lookAfter, LOOK_INTERVAL);
    addEventListener("online", this.#hurry);
    document.addEventListener("visibilitychange", this.#hurry);
    this.#unsubscribe = this.#credentials.subscribe(this.#tryAgain);
    this.#open();
  }

  protected override end(): void {
    clearInterval(this.#look);
    this.#look = undefined;
    removeEventListener("online", this.#hurry);
    document.removeEventListener("visibilitychange", this.#hurry);
    this.#unsubscribe?.();
    this.#drop();
    // Whoever comes next has none of what was heard so far.
    this.#cursor = this.#heardAt = this.#askedAt = null;
    this.#everOpen = this.#degraded = this.#silent = false;
    this.set(NOT_YET);
  }

  #open(): void {
    this.#drop();
    // Not spread: its delays are drawn whenever they are read.
    const options = Object.assign(reconnection(), {
      shouldReconnectOnClose: (event: CloseEvent | OwnCloseEvent) => !endsForGood(event),
    });
    let key: string | null = null;
    const protocols = (): string[] | null => {
      key = this.#credentials.get().key;
      return key === null ? null : this.#credentials.protocols;
    };
    const socket = new ReconnectingWebSocket(this.#url, protocols, options);
    socket.onopen = () => this.#opened();
    socket.onmessage = (event) => this.#heard(String(event.data));
    socket.onclose = (event) => this.#closed(event, key);
    this.#socket = socket;
    this.#show({ ended: null });
  }

  #drop(): void {
    const socket = this.#socket;
    this.#socket = null;
    if (!socket) return;
    socket.onopen = socket.onmessage = socket.onclose = null;
    socket.close();
  }

  readonly #url = (): string => {
    const query = this.#cursor ? `since=${encodeURIComponent(this.#cursor)}` : this.#start;
    const base = `${location.protocol === "https:" ? "wss" : "ws"}://${location.host}`;
    return `${base}${this.#path}${query && `?${query}`}`;
  };

  #opened(): void {
    const again = this.#everOpen ? 1 : 0;
    this.#everOpen = true;
    this.#degraded = false;
    this.#noteLife();
    this.#show({ reconnectCount: this.get().reconnectCount + again });
  }

  #heard(text: string): void {
    this.#noteLife();
    const message = parsed(text);
    if (!message) return;
    if (message.cursor) this.#cursor = message.cursor;
    if (message.type === "service_status") this.#noteHealth(message.data);
    this.#show();
    for (const listener of [...this.#listeners]) {
      try {
        listener(message);
      } catch (error) {
        // Its mistake; the others are to hear the message all the same.
        reportError(error);
      }
    }
  }

  #noteLife(): void {
    this.#heardAt = Date.now();
    this.#askedAt = null;
    this.#silent = false;
  }

  #noteHealth(data: unknown): void {
    const { service, status } = Object(data) as { service?: unknown; status?: unknown };
    if (service === "system_broadcaster") this.#degraded = status === "degraded";
  }

  #closed(event: CloseEvent | OwnCloseEvent, key: string | null): void {
    if (!endsForGood(event)) {
      this.#show();
      return;
    }
    this.#show({ ended: { code: event.code, reason: event.reason } });
    if (event.code !== CloseCode.UNAUTHORIZED) return;
    this.#credentials.refuse(key, refusal(key, event.reason));
    // Another key may have been entered meanwhile.
    this.#tryAgain();
  }

  readonly #lookAfter = (): void => {
    if (this.#socket?.readyState !== WebSocket.OPEN || this.#heardAt === null) return;
    const now = Date.now();
    const verdict = judge(now, {
      heardAt: this.#heardAt,
      askedAt: this.#askedAt,
      quiet: this.#quiet,
    });
    if (verdict === "ask") {
      this.#askedAt = now;
      this.#socket.send(PING);
    }
    if (verdict === "dead") this.#open();
    this.#silent = verdict === "stale";
    this.#show();
  };

  /** The network is back, or somebody looks again: do not let them wait for the next attempt. */
  readonly #hurry = (): void => {
    if (document.visibilityState === "visible" && this.get().state === "connecting") this.#open();
  };

  readonly #tryAgain = (): void => {
    const { ended } = this.get();
    const { key } = this.#credentials.get();
    if (ended?.code === CloseCode.UNAUTHORIZED && key !== null) this.#open();
  };

  #show(changes: Pick<Partial<Connection>, "ended" | "reconnectCount"> = {}): void {
    const before = this.get();
    const ended = changes.ended === undefined ? before.ended : changes.ended;
    const state = this.#stateOf(ended !== null);
    const staleSince = state === "live" || state === "degraded" ? null : this.#heardAt;
    const same = state === before.state && staleSince === before.staleSince;
    if (same && Object.keys(changes).length === 0) return;
    this.change({ ...changes, ended, state, staleSince });
  }

  #stateOf(ended: boolean): ConnectionState {
    if (ended) return "closed";
    if (this.#socket?.readyState !== WebSocket.OPEN) return "connecting";
    if (this.#silent) return "stale";
    return this.#degraded ? "degraded" : "live";
  }
}

const streams = new Map<string, Stream>();

/** The page's one stream of a path; the first to ask says how it starts. */
export function streamOf(path: string, options?: StreamOptions): Stream {
  const found = streams.get(path) ?? new Stream(path, options);
  streams.set(path, found);
  return found;
}

/** The library tells its own failures (refused, timed out) by a close event of its own, as 1000. */
function endsForGood(event: CloseEvent | OwnCloseEvent): boolean {
  return !(event instanceof OwnCloseEvent) && CODES_THAT_END.has(event.code);
}

function refusal(key: string | null, reason: string): string {
  if (key === null) return "This home asks for an API key.";
  return `This key was refused${reason && `: ${reason}`}.`;
}

function parsed(text: string): Message | null {
  try {
    const message: unknown = JSON.parse(text);
    const { type } = Object(message) as { type?: unknown };
    return typeof type === "string" ? (message as Message) : null;
  } catch {
    // Services send JSON objects; whatever else came in between is none of ours.
    return null;
  }
}
