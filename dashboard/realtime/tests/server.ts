import { createServer, type Server as HttpServer, type IncomingMessage } from "node:http";
import type { AddressInfo, Socket } from "node:net";
import type { Duplex } from "node:stream";
import { type WebSocket, WebSocketServer } from "ws";

/** A connection that came, as the server sees it. */
export interface Peer {
  /** Path and query, as asked for. */
  readonly url: string;
  readonly path: string;
  /** The subprotocols that it offered. */
  readonly protocols: readonly string[];
  readonly socket: WebSocket;
  /** The client's frames. */
  readonly heard: string[];
  open: boolean;
}

/** A message on its way to clients; those of a history get a cursor. */
export interface Outgoing {
  readonly type: string;
  readonly data?: unknown;
  readonly timestamp?: string;
}

interface Topic {
  entries: { cursor: string; text: string | null }[];
  trimmed: boolean;
  number: number;
}

/** An answer of the API; null is none: the connection is broken. */
export type Answer = { status: number; body: string } | null;

/** Why clients without the key are refused. */
const REASON = "a valid API key is required";
const UNAUTHORIZED: Answer = { status: 401, body: JSON.stringify({ detail: REASON }) };
const NOT_FOUND: Answer = { status: 404, body: '{"detail":"Not Found"}' };

/** The API's own answers, if `answers` has no others. */
const EVENTS = "/api/events";
const SEEN = "/api/events/seen";
const MARK = /^(POST|DELETE) \/api\/events\/([^/?]+)\/seen(?:\?risk_level=(\w+))?$/;

/** Before the first message of a history. */
const START = "0-0";

/**
 * A real server on loopback that speaks the protocol (docs/protocol.md): histories with cursors,
 * `since` and `tail`, heartbeats, pongs, keys as subprotocols; and fails as told.
 */
export class Server {
  /** All connections that ever came, oldest first. */
  readonly peers: Peer[] = [];
  /** The key that it asks for; null for none. */
  key: string | null = null;
  /** Whether it leaves pings without an answer. */
  deaf = false;
  /** The HTTP status with which it refuses handshakes; 0 leaves them without any answer. */
  refusing: number | null = null;
  /** What was asked of the API: path and query, after a method that is not GET, and the key. */
  readonly asked: { readonly path: string; readonly key: string | undefined }[] = [];
  /** The API's answers, by path and query, after a method that is not GET. */
  readonly answers = new Map<string, Answer | Promise<Answer>>();
  /** The paths at which a proxy's login page stands in for the API. */
  readonly pages = new Set<string>();
  /** What clients of a path get when they connect, by path. */
  readonly greetings = new Map<string, readonly Outgoing[]>();
  /** Whether heartbeats, pongs and answers say that Redis is heard; null: they say nothing of it. */
  heard: boolean | null = null;
  /** How often heartbeats and pongs say that something may have been missed. */
  breaks = 0;
  /** Whether the API knows all events of the window. */
  complete = true;
  /** How far its clock is ahead, in milliseconds. */
  ahead = 0;
  /** Whom the API knows the page as. */
  session = { name: "kitchen", scope: "act", expires_at: null };
  /** Which events were seen, by id. */
  readonly seen = new Map<string, { at: string; by: string; risk_level: string | null }>();
  readonly #topics = new Map<string, Topic>();
  readonly #http: HttpServer;
  readonly #sockets = new Set<Socket>();
  readonly #websockets = new WebSocketServer({ noServer: true });
  #port = 0;

  private constructor() {
    this.#http = createServer(async (request, response) => {
      const url = request.url ?? "";
      const path = request.method === "GET" ? url : `${request.method} ${url}`;
      const key = request.headers["x-api-key"];
      this.asked.push({ path, key: typeof key === "string" ? key : undefined });
      if (this.pages.has(path)) {
        response.writeHead(200, { "Content-Type": "text/html" }).end("<h1>Sign in</h1>");
        return;
      }
      const known = this.answers.has(path) ? this.answers.get(path) : this.#ownAnswer(path);
      const answer = this.key === null || this.key === key ? await known : UNAUTHORIZED;
      if (answer) response.writeHead(answer.status).end(answer.body);
      else request.socket.destroy();
    });
    this.#http.on("connection", (socket) => {
      this.#sockets.add(socket);
      socket.on("close", () => this.#sockets.delete(socket));
    });
    this.#http.on("upgrade", (request, socket, head) => this.#shake(request, socket, head));
  }

  /** Start one at a free port. */
  static async start(): Promise<Server> {
    const server = new Server();
    await server.up();
    return server;
  }

  get url(): string {
    return `http://127.0.0.1:${this.#port}/`;
  }

  /** Listen, at the port it had before if there was one. */
  async up(): Promise<void> {
    await new Promise<void>((done) => this.#http.listen(this.#port, "127.0.0.1", done));
    this.#port = (this.#http.address() as AddressInfo).port;
  }

  /** Be gone: nothing listens, and connections break. */
  async down(): Promise<void> {
    const closed = new Promise((done) => this.#http.close(done));
    for (const socket of this.#sockets) socket.destroy();
    await closed;
  }

  /** End: tell all clients that there is nothing more, so that none comes back. */
  async stop(): Promise<void> {
    const open = this.peers.filter((peer) => peer.open);
    const left = open.map((peer) => new Promise((done) => peer.socket.once("close", done)));
    this.close(1000);
    await Promise.all(left);
    await this.down();
  }

  /** Have the API keep the answer to this path until the returned function is called with it. */
  hold(path: string): (answer: Answer) => void {
    let release: (answer: Answer) => void = () => {};
    const answer = new Promise<Answer>((done) => {
      release = done;
    });
    this.answers.set(path, answer);
    return release;
  }

  /** The connections that ever came to this path; to all by default. */
  at(path?: string): readonly Peer[] {
    return this.peers.filter((peer) => path === undefined || peer.path === path);
  }

  /** The URLs that this path was asked for by, in order. */
  urls(path: string): readonly string[] {
    return this.at(path).map((peer) => peer.url);
  }

  /** How many connections are open. */
  open(path?: string): number {
    return this.at(path).filter((peer) => peer.open).length;
  }

  /**
   * Publish with history; return the cursor. Not `heard`: no client gets it, as below a `level`.
   * `ago` is for how many milliseconds it has been in the history.
   */
  publish(path: string, message: Outgoing, { heard = true, ago = 0 } = {}): string {
    const topic = this.#topic(path);
    topic.number += 1;
    const cursor = `${this.#now - ago}-${topic.number}`;
    const text = JSON.stringify({ cursor, ...message });
    topic.entries.push({ cursor, text: heard ? text : null });
    if (heard) this.send(path, text);
    return cursor;
  }

  /** Publish without history. */
  say(path: string, message: Outgoing): void {
    this.send(path, JSON.stringify(message));
  }

  /** Send this frame to all at this path. */
  send(path: string, frame: string | Uint8Array): void {
    for (const peer of this.at(path)) peer.socket.send(frame);
  }

  /** Send heartbeats; return their cursor. */
  heartbeat(path: string): string {
    const cursor = this.#head(path);
    this.send(path, JSON.stringify({ type: "ping", cursor, ...this.#state }));
    return cursor;
  }

  /** Forget the history so far, of which no client is told. */
  trim(path: string): void {
    const topic = this.#topic(path);
    topic.entries = [];
    topic.trimmed = true;
  }

  /** Close the connections with this code. */
  close(code: number, { path, reason = "" }: { path?: string; reason?: string } = {}): void {
    for (const peer of this.at(path)) peer.socket.close(code, reason);
  }

  /** Break the connections, without a word. */
  drop(path?: string): void {
    for (const peer of this.at(path)) peer.socket.terminate();
  }

  get #now(): number {
    return Date.now() + this.ahead;
  }

  get #state(): object {
    const breaks = this.breaks > 0 ? { breaks: this.breaks } : {};
    if (this.heard === null) return breaks;
    return { now: new Date(this.#now).toISOString(), heard: this.heard, ...breaks };
  }

  /** Say that somebody has seen an event, or no longer says so; all are told. */
  markAsSeen(id: string, by: string, riskLevel: string | null, { undone = false } = {}): Answer {
    const mark = { at: new Date(this.#now).toISOString(), by, risk_level: riskLevel };
    if (undone) this.seen.delete(id);
    else this.seen.set(id, mark);
    this.say("/ws/events", { type: "event_seen", data: { id, seen: !undone, ...mark } });
    return { status: 200, body: JSON.stringify({ id, seen: undone ? null : mark }) };
  }

  /** What the API answers by itself. */
  #ownAnswer(path: string): Answer {
    const [, method, id, level = null] = MARK.exec(path) ?? [];
    if (id !== undefined) {
      return this.markAsSeen(id, this.session.name, level, { undone: method === "DELETE" });
    }
    if (path === SEEN) {
      const seen = [...this.seen].map(([one, mark]) => ({ id: one, ...mark }));
      const now = new Date(this.#now).toISOString();
      return { status: 200, body: JSON.stringify({ now, seen }) };
    }
    if (path === "/api/session") return { status: 200, body: JSON.stringify(this.session) };
    return this.#history(path);
  }

  /** What `GET /api/events` answers, newest first, and what it does for one of them. */
  #history(path: string): Answer {
    const { pathname, searchParams } = new URL(path, "http://127.0.0.1");
    if (pathname.startsWith(`${EVENTS}/`))
      return this.#oneAnswer(pathname.slice(EVENTS.length + 1));
    if (pathname !== EVENTS) return NOT_FOUND;
    const number = (name: string, other: number) => Number(searchParams.get(name) ?? other);
    const period = searchParams.get("from");
    const from = period ? Date.parse(period) : this.#now - number("minutes", 15) * 60_000;
    const before = searchParams.get("before");
    const all = this.#topic("/ws/events").entries.flatMap(({ cursor, text }) => {
      const message = JSON.parse(text ?? "{}");
      const time = Number.parseInt(cursor, 10);
      if (time < from || (message.data?.risk_score ?? 0) < number("min_risk", 0)) return [];
      const seen = this.seen.get(String(message.data?.event_id ?? cursor)) ?? null;
      return [{ cursor, arrived_at: new Date(time).toISOString(), message, seen }];
    });
    const older =
      before === null
        ? all
        : all.slice(
            0,
            all.findIndex((one) => one.cursor === before),
          );
    const events = older.slice(-number("limit", 100)).reverse();
    const next = events.length < older.length ? events.at(-1)?.cursor : null;
    const { complete, heard } = this;
    const now = new Date(this.#now).toISOString();
    const cursor = this.#topic("/ws/events").entries.at(-1)?.cursor ?? null;
    const answer = {
      now,
      heard: heard === true,
      complete,
      known_since: null,
      cursor,
      events,
      next,
    };
    return { status: 200, body: JSON.stringify(answer) };
  }

  /** The neighbours are of any camera: that they are of the same is the services' part. */
  #oneAnswer(cursor: string): Answer {
    const { entries } = this.#topic("/ws/events");
    const at = entries.findIndex((one) => one.cursor === decodeURIComponent(cursor));
    const found = entries[at];
    if (!found) return { status: 404, body: '{"detail":"no such event"}' };
    const event = {
      cursor: found.cursor,
      arrived_at: new Date(Number.parseInt(found.cursor, 10)).toISOString(),
      message: JSON.parse(found.text ?? "{}"),
    };
    const previous = entries[at - 1]?.cursor ?? null;
    const next = entries[at + 1]?.cursor ?? null;
    const now = new Date(this.#now).toISOString();
    return { status: 200, body: JSON.stringify({ event, previous, next, now }) };
  }

  #topic(path: string): Topic {
    const found = this.#topics.get(path) ?? { entries: [], trimmed: false, number: 0 };
    this.#topics.set(path, found);
    return found;
  }

  #head(path: string): string {
    return this.#topic(path).entries.at(-1)?.cursor ?? START;
  }

  #shake(request: IncomingMessage, socket: Duplex, head: Buffer): void {
    if (this.refusing === 0) return;
    if (this.refusing !== null) {
      socket.end(`HTTP/1.1 ${this.refusing} Refused\r\nContent-Length: 0\r\n\r\n`);
      return;
    }
    this.#websockets.handleUpgrade(request, socket, head, (accepted) => {
      this.#accept(request, accepted);
    });
  }

  #accept(request: IncomingMessage, socket: WebSocket): void {
    const url = request.url ?? "";
    const { pathname, searchParams } = new URL(url, "http://127.0.0.1");
    const protocols = request.headers["sec-websocket-protocol"]?.split(/, */) ?? [];
    const peer: Peer = { url, path: pathname, protocols, socket, heard: [], open: true };
    socket.on("close", () => {
      peer.open = false;
    });
    socket.on("message", (frame) => {
      peer.heard.push(String(frame));
      if (!this.deaf) socket.send(JSON.stringify({ type: "pong", ...this.#state }));
    });
    this.peers.push(peer);
    if (this.key !== null && !protocols.includes(`api-key.${this.key}`)) {
      socket.close(4401, REASON);
      return;
    }
    for (const text of this.#beginning(pathname, searchParams)) socket.send(text);
  }

  #beginning(path: string, query: URLSearchParams): string[] {
    const { entries, trimmed } = this.#topic(path);
    const since = query.get("since");
    const tail = query.get("tail");
    const texts = (from: number) =>
      entries.slice(from).flatMap(({ text }) => (text === null ? [] : [text]));
    if (since !== null) {
      const at = entries.findIndex(({ cursor }) => cursor === since);
      const recovered = at >= 0 || (since === START && !trimmed);
      const replayed = texts(at + 1);
      const data = { recovered, replayed: replayed.length, since };
      return [JSON.stringify({ type: "resumed", data }), ...replayed];
    }
    if (tail === null) return (this.greetings.get(path) ?? []).map((one) => JSON.stringify(one));
    const last = Number(tail) === 0 ? [] : texts(0).slice(-Number(tail));
    return [...last, JSON.stringify({ type: "ping", cursor: this.#head(path), ...this.#state })];
  }
}
