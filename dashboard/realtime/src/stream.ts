import ReconnectingWebSocket, { CloseEvent as OwnCloseEvent } from "partysocket/ws";
import { reconnection } from "./backoff.ts";
import type { Credentials } from "./credentials.ts";
import type { Interception } from "./interception.ts";
import { timeOf } from "./lenient.ts";
import type { Logger } from "./logger.ts";
import { CloseCode, CODES_THAT_END } from "./messages.ts";
import { type KnownMessage, type Message, messageOf, narrowed } from "./narrow.ts";
import { Observable } from "./observable.ts";
import type { Retries } from "./retries.ts";
import type { ServerClock } from "./serverClock.ts";
import { livenessOf } from "./silence.ts";
import type { Unanswered } from "./unanswered.ts";
import { isTrusted, socketAddressOf } from "./urls.ts";

/** A message, and what it is. */
export interface Received {
  /** As it came. */
  readonly raw: Message;
  /** Null where its type is none of the services'. */
  readonly known: KnownMessage | null;
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
  /**
   * Milliseconds without a frame that are nothing special; by default a heartbeat and some.
   * `Infinity` for a server that sends no heartbeats.
   */
  readonly quiet?: number;
  /** Milliseconds between two pings, the first of them on connecting; by default only silence is asked. */
  readonly pingEvery?: number;
}

/** What all streams of a page share. */
export interface StreamContext {
  /** Where the services are, absolute; asked for when a stream connects. */
  readonly base: () => URL;
  readonly credentials: Credentials;
  readonly logger: Logger;
  /** Learns from heartbeats what time it is for the services. */
  readonly clock: ServerClock;
  /** Learns whether something in front of the services answers in their place. */
  readonly interception: Interception;
  /** Learns which questions find nobody who can answer. */
  readonly unanswered: Unanswered;
  /** Learns when a service is there again. */
  readonly retries: Retries;
}

/** A heartbeat is due every 30 s (HEARTBEAT_INTERVAL). */
const QUIET = 35_000;
const CHECK_INTERVAL = 1_000;
/** Milliseconds by which two clocks may differ that nobody has set. */
const SET_BACK = 1_000;
/** The service that tells of itself that its replica cannot hear the others. */
const BROADCASTER = "system_broadcaster";
const PING = '{"type":"ping"}';

const NOT_YET: Connection = {
  state: "connecting",
  staleSince: null,
  reconnectCount: 0,
  ended: null,
};

type Listener = (received: Received) => void;

/**
 * One WebSocket for all who listen, that comes back after any break and goes on where it was.
 *
 * It keeps the cursor of what it heard last and resumes from there, so that each message reaches
 * its listeners once and in order; where that cannot be, a `resumed` with `recovered: false` says
 * so. It ends for good only where coming back is no use (CODES_THAT_END).
 */
export class Stream extends Observable<Connection> {
  readonly #location: string;
  readonly #start: string;
  readonly #quiet: number;
  readonly #pingEvery: number;
  readonly #context: StreamContext;
  readonly #listeners = new Set<Listener>();
  #socket: ReconnectingWebSocket | null = null;
  #cursor: string | null = null;
  #everOpen = false;
  #degraded = false;
  #silent = false;
  /** When anything was heard last, ms since 1970: for people. */
  #heardAt: number | null = null;
  /** The same, and when it was asked, for how long that is: a clock may be set back. */
  #aliveAt = 0;
  #askedAt: number | null = null;
  #pingedAt = 0;
  /** Whether this attempt came as far as a connection. */
  #isUp = false;
  #checking: ReturnType<typeof setInterval> | undefined;
  #unsubscribe: (() => void) | undefined;

  /** @param location A path below the base URL, or the URL of a WebSocket anywhere. */
  constructor(location: string, context: StreamContext, options: StreamOptions = {}) {
    super(NOT_YET);
    this.#location = location;
    this.#context = context;
    this.#start = options.start ?? "";
    this.#quiet = options.quiet ?? QUIET;
    this.#pingEvery = options.pingEvery ?? Number.POSITIVE_INFINITY;
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
    if (this.#checking !== undefined) this.#open();
  };

  protected override start(): void {
    this.#checking = setInterval(this.#checkLiveness, CHECK_INTERVAL);
    addEventListener("online", this.#hurry);
    document.addEventListener("visibilitychange", this.#hurry);
    this.#unsubscribe = this.#context.credentials.subscribe(this.#tryAgain);
    this.#open();
  }

  protected override end(): void {
    clearInterval(this.#checking);
    this.#checking = undefined;
    removeEventListener("online", this.#hurry);
    document.removeEventListener("visibilitychange", this.#hurry);
    this.#unsubscribe?.();
    this.#drop();
    // The next listener has none of what was heard so far.
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
    const { credentials } = this.#context;
    let attempt = credentials.attempt;
    let key: string | null = null;
    const protocols = (): string[] | null => {
      attempt = credentials.attempt;
      key = this.#isTrusted() ? credentials.get().key : null;
      return key === null ? null : credentials.protocols;
    };
    const socket = new ReconnectingWebSocket(this.#url, protocols, options);
    socket.onopen = () => this.#opened();
    socket.onmessage = (event) => this.#heard(String(event.data));
    socket.onclose = (event) => this.#closed(event, attempt, key);
    this.#socket = socket;
    this.#show({ ended: null });
  }

  #drop(): void {
    const socket = this.#socket;
    this.#socket = null;
    this.#isUp = false;
    if (!socket) return;
    socket.onopen = socket.onmessage = socket.onclose = null;
    socket.close();
  }

  readonly #url = (): string => {
    const beginning = this.#cursor ? `since=${encodeURIComponent(this.#cursor)}` : this.#start;
    return socketAddressOf(this.#location, this.#context.base(), beginning).href;
  };

  /** Whether it is the services' own host that it connects to: no other may see the key. */
  #isTrusted(): boolean {
    const base = this.#context.base();
    return isTrusted(socketAddressOf(this.#location, base, ""), base);
  }

  #opened(): void {
    const again = this.#everOpen ? 1 : 0;
    this.#everOpen = true;
    this.#isUp = true;
    this.#degraded = false;
    if (this.#isTrusted()) {
      this.#context.interception.clear();
      this.#context.retries.hurry();
    }
    this.#noteLife();
    this.#show({ reconnectCount: this.get().reconnectCount + again });
    if (Number.isFinite(this.#pingEvery)) this.#ping(performance.now());
    this.#log("info", again ? "connected again" : "connected");
  }

  #heard(frame: string): void {
    this.#noteLife();
    const raw = messageOf(frame);
    if (!raw) {
      this.#log("debug", "a frame that is no message");
      return;
    }
    if (raw.cursor) this.#cursor = raw.cursor;
    this.#noteTime(raw);
    const received = { raw, known: narrowed(raw) };
    this.#noteHealth(received.known);
    this.#show();
    for (const listener of [...this.#listeners]) {
      try {
        listener(received);
      } catch (error) {
        // Its mistake; the others are to hear the message all the same.
        this.#log("error", "a listener failed", error);
      }
    }
  }

  #noteLife(): void {
    this.#heardAt = Date.now();
    this.#aliveAt = performance.now();
    this.#askedAt = null;
    this.#silent = false;
  }

  #noteTime({ type, now }: Message): void {
    const time = type === "ping" || type === "pong" ? timeOf(now) : null;
    if (time !== null && this.#isTrusted()) this.#context.clock.note(time);
  }

  #noteHealth(known: KnownMessage | null): void {
    if (known?.type !== "service_status" || known.data.service !== BROADCASTER) return;
    this.#degraded = known.data.status === "degraded";
  }

  #closed(event: CloseEvent | OwnCloseEvent, attempt: number, key: string | null): void {
    if (!endsForGood(event)) {
      this.#log("info", "lost; coming back", { code: event.code, reason: event.reason });
      // Why it could not be opened, no browser tells.
      if (!this.#isUp && this.#isTrusted()) {
        void this.#context.interception.probe(this.#context.base());
      }
      this.#isUp = false;
      this.#show();
      return;
    }
    this.#log("info", "closed for good", { code: event.code, reason: event.reason });
    this.#show({ ended: { code: event.code, reason: event.reason } });
    if (event.code !== CloseCode.UNAUTHORIZED || !this.#isTrusted()) return;
    this.#context.credentials.refuse(attempt, refusal(key, event.reason));
    // Another key may have been entered meanwhile, or the browser let in.
    this.#tryAgain();
  }

  readonly #checkLiveness = (): void => {
    this.#followClock();
    if (this.#socket?.readyState !== WebSocket.OPEN || this.#heardAt === null) return;
    const now = performance.now();
    const liveness = livenessOf(now + this.#asleep(now, this.#heardAt), {
      heardAt: this.#aliveAt,
      askedAt: this.#askedAt,
      quiet: this.#quiet,
    });
    if (liveness === "ask" || (this.#askedAt === null && now - this.#pingedAt >= this.#pingEvery)) {
      this.#ping(now);
    }
    if (liveness === "dead") this.#open();
    this.#silent = liveness === "stale";
    this.#show();
  };

  /** Where the clock was set back, what was heard is of as long ago as ever, by the new time. */
  #followClock(): void {
    if (this.#heardAt === null) return;
    const age = performance.now() - this.#aliveAt;
    if (Date.now() - this.#heardAt > age - SET_BACK) return;
    this.#heardAt = Date.now() - age;
    this.#show();
  }

  /**
   * Milliseconds that a device was asleep, in which its monotonic clock may stand still; by the other
   * clock, so somebody may also have set that. It is enough to ask for it, and for nothing else.
   */
  #asleep(now: number, heardAt: number): number {
    if (this.#askedAt !== null) return 0;
    return Math.max(0, Date.now() - heardAt - (now - this.#aliveAt));
  }

  #ping(now: number): void {
    this.#askedAt = this.#pingedAt = now;
    this.#socket?.send(PING);
  }

  /** The network is back, or somebody looks again: do not let them wait for the next attempt. */
  readonly #hurry = (): void => {
    if (document.visibilityState === "visible" && this.get().state === "connecting") this.#open();
  };

  readonly #tryAgain = (): void => {
    const { ended } = this.get();
    const { refused } = this.#context.credentials.get();
    if (ended?.code === CloseCode.UNAUTHORIZED && refused === null && this.#isTrusted()) {
      this.#open();
    }
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

  /** Log something about this connection; without the query, which may hold a secret. */
  #log(level: keyof Logger, what: string, ...details: unknown[]): void {
    const { origin, pathname } = socketAddressOf(this.#location, this.#context.base(), "");
    this.#context.logger[level](`${origin}${pathname}: ${what}`, ...details);
  }

  #stateOf(ended: boolean): ConnectionState {
    if (ended) return "closed";
    if (this.#socket?.readyState !== WebSocket.OPEN) return "connecting";
    if (this.#silent) return "stale";
    return this.#degraded ? "degraded" : "live";
  }
}

/** The library tells its own failures (refused, timed out) by a close event of its own, as 1000. */
function endsForGood(event: CloseEvent | OwnCloseEvent): boolean {
  return !(event instanceof OwnCloseEvent) && CODES_THAT_END.has(event.code);
}

function refusal(key: string | null, reason: string): string {
  if (key === null) return "This home asks for an API key.";
  return `This key was refused${reason && `: ${reason}`}.`;
}
