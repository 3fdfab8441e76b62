import type { Credentials } from "@hsi/realtime";
import type { Tabs } from "../tabs";
import { texts } from "../texts";
import { asksForNothing, type Invite, PUBLISH, type Scope, type Session } from "./session";
import { type SessionApi, SessionError } from "./sessionApi";

/** Milliseconds between two looks at who is signed in, while there is no answer. */
const RETRY_INTERVAL = 5_000;
/** Milliseconds after which all replicas know a key that one of them knows. */
const SETTLED_AFTER = 3_000;

const words = texts.page.signIn;

/**
 * How this browser stands with the home: not known yet, trading an invite, asked for nothing, signed
 * in, or out, and why.
 */
export type SignInState =
  | { readonly phase: "asking" | "arriving" | "open" }
  | { readonly phase: "in"; readonly session: Session }
  | { readonly phase: "out"; readonly why: string };

/** What signing in needs of the page. */
export interface Surroundings {
  readonly api: SessionApi;
  /** What the page's connections share: whether they were refused, and that they may try again. */
  readonly credentials: Credentials;
  /** Forget all that is shown, and close all connections: by loading the page again. */
  readonly leave: () => void;
  /** Reaches this home's other tabs in this browser. */
  readonly tabs: Tabs;
}

/**
 * Who is signed in in this browser.
 *
 * It asks the services once, and again when they refuse the page: so a person is asked once,
 * however many connections were refused, and connections come back when somebody has signed in.
 */
export class SignIn {
  readonly #around: Surroundings;
  readonly #listeners = new Set<() => void>();
  #state: SignInState = { phase: "asking" };
  #checking = false;
  /** The session for which refused connections have tried again. */
  #triedFor: string | null = null;

  constructor(around: Surroundings) {
    this.#around = around;
  }

  readonly get = (): SignInState => this.#state;

  readonly subscribe = (listener: () => void): (() => void) => {
    this.#listeners.add(listener);
    return () => {
      this.#listeners.delete(listener);
    };
  };

  /** Find out who is signed in; with an invite's code, sign in by that. */
  start(code: string | null): void {
    this.#around.credentials.subscribe(this.#noteRefusal);
    this.#around.tabs.addEventListener("message", () => void this.#follow());
    if (code === null) void this.#look();
    else void this.arrive(code);
  }

  /** Trade an invite's code for a session; one that is no good is said, and the key asked for. */
  async arrive(code: string): Promise<void> {
    this.#set({ phase: "arriving" });
    try {
      this.#enter(await this.#around.api.trade(code));
    } catch (error) {
      await this.#look(wordsOf(error));
    }
  }

  /**
   * Sign in; the key is sent once, and kept nowhere.
   *
   * @throws SessionError with words for a person.
   */
  async signIn(key: string): Promise<void> {
    this.#enter(await this.#around.api.signIn(key));
  }

  /**
   * Sign out in this browser.
   *
   * @throws SessionError with words for a person.
   */
  async signOut(): Promise<void> {
    try {
      await this.#around.api.signOut();
    } catch (error) {
      if (!isUnauthorized(error)) throw error;
    }
    this.#around.tabs.postMessage("changed");
    this.#around.leave();
  }

  /**
   * Make an invite.
   *
   * @throws SessionError with words for a person.
   */
  async invite(scope: Scope): Promise<Invite> {
    try {
      return await this.#around.api.invite(scope);
    } catch (error) {
      if (isUnauthorized(error)) void this.#check();
      throw error;
    }
  }

  /** Ask the person again, who may have closed the prompt. */
  readonly ask = (): void => {
    this.#out(this.#state.phase === "out" ? this.#state.why : words.asked);
  };

  /** Ask until there is an answer; with `why` once, and that is what the prompt says. */
  async #look(why: string | null = null): Promise<void> {
    const { api, credentials } = this.#around;
    const { phase } = this.#state;
    while (this.#state.phase === phase) {
      try {
        this.#take(await api.look());
        this.#noteRefusal();
        return;
      } catch (error) {
        const isRefused = credentials.get().refused !== null;
        if (isUnauthorized(error) || isRefused || why !== null)
          return this.#out(why ?? words.asked);
        // Services of before have no sessions: what they ask for, connections find out.
        if (error instanceof SessionError && error.status === 404) {
          return this.#set({ phase: "open" });
        }
      }
      await pause(RETRY_INTERVAL);
    }
  }

  readonly #noteRefusal = (): void => {
    const { phase } = this.#state;
    const isRefused = this.#around.credentials.get().refused !== null;
    if (isRefused && (phase === "in" || phase === "open")) void this.#check();
  };

  /** Find out why the page was refused. */
  async #check(): Promise<void> {
    if (this.#checking) return;
    this.#checking = true;
    try {
      const session = await this.#stillIn();
      if (session === null) return;
      // Refused all the same: by a replica that knows of a key before or after others do, or before
      // another tab signed in. Trying once more is enough to find out: more would be a storm.
      const tried = this.#triedFor;
      this.#triedFor = `${session.expiresAt} ${session.name}`;
      if (tried === this.#triedFor) return this.#out(words.mismatch);
      await pause(SETTLED_AFTER);
      if (await this.#stillIn()) this.#around.credentials.letIn();
    } finally {
      this.#checking = false;
    }
  }

  /** The session of who is in, or of nobody where nothing is asked for; null if that has ended. */
  async #stillIn(): Promise<Session | null> {
    const before = this.#state;
    if (before.phase === "out") return null;
    const session = await this.#around.api.look().catch(() => null);
    if (this.#state !== before) return null;
    if (session === null) this.#out(before.phase === "in" ? words.ended : words.asked);
    return session;
  }

  /** Another tab has signed in or out: so has this one. */
  async #follow(): Promise<void> {
    const { phase } = this.#state;
    try {
      const session = await this.#around.api.look();
      this.#take(session);
      if (phase === "out") this.#around.credentials.letIn();
    } catch (error) {
      if (isUnauthorized(error) && phase === "in") this.#around.leave();
    }
  }

  #enter(session: Session): void {
    this.#take(session);
    if (this.#state.phase === "out") return;
    this.#around.credentials.letIn();
    this.#around.tabs.postMessage("changed");
  }

  #take(session: Session): void {
    if (asksForNothing(session)) this.#set({ phase: "open" });
    else if (session.scope === PUBLISH) this.#out(words.publishOnly);
    else this.#set({ phase: "in", session });
  }

  #out(why: string): void {
    this.#set({ phase: "out", why });
  }

  #set(state: SignInState): void {
    this.#state = state;
    for (const listener of [...this.#listeners]) listener();
  }
}

function isUnauthorized(error: unknown): boolean {
  return error instanceof SessionError && error.status === 401;
}

/** What is said to a person of something that failed. */
export function wordsOf(error: unknown): string {
  return error instanceof Error ? error.message : String(error);
}

function pause(milliseconds: number): Promise<void> {
  return new Promise((done) => setTimeout(done, milliseconds));
}
