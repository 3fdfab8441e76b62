import { Observable } from "./observable.ts";

/** The API key that this page sends, and why it was refused, if it was. */
export interface Access {
  readonly key: string | null;
  /** Why the last attempt without or with a key was refused; null while nothing was refused. */
  readonly refused: string | null;
}

/** Where a key is kept; `sessionStorage` and `localStorage` are such. */
export type KeyStorage = Pick<Storage, "getItem" | "setItem" | "removeItem">;

const STORED = "hsi.api-key";
/** What a key may consist of: it travels as a WebSocket subprotocol, which is an HTTP token. */
const KEY = /^[\w!#$%&'*+.^`|~-]+$/;

export interface CredentialsOptions {
  readonly storage?: KeyStorage | null;
  readonly home?: string;
}

const NO_ACCESS: Access = { key: null, refused: null };

/**
 * How the page shows who it is: by the browser's cookie for its own host, which no script sees, or
 * by an API key, which is never in a URL or a log.
 */
export class Credentials extends Observable<Access> {
  readonly #storage: KeyStorage | null;
  readonly #name: string;
  #attempt = 0;

  /**
   * @param options.storage Where the key is kept, as `sessionStorage`; by default in memory alone.
   * @param options.home Tells the keys of several homes apart in one storage, as by their base URLs.
   */
  constructor({ storage = null, home = "" }: CredentialsOptions = {}) {
    const name = home === "" ? STORED : `${STORED} ${home}`;
    super(NO_ACCESS, { value: { key: keptIn(storage, name), refused: null } });
    this.#storage = storage;
    this.#name = name;
  }

  /** Which way in is in use, by its number: each `use` and `letIn` begins another. */
  get attempt(): number {
    return this.#attempt;
  }

  /** The WebSocket subprotocols to offer. */
  get protocols(): string[] {
    const { key } = this.get();
    return key === null ? [] : [`api-key.${key}`];
  }

  /** The HTTP headers to send. */
  get headers(): Record<string, string> {
    const { key } = this.get();
    return key === null ? {} : { "X-API-Key": key };
  }

  /** Say why this text cannot be a key; null if it can. */
  static fault(key: string): string | null {
    if (key === "") return "Enter the key that you were given.";
    return KEY.test(key) ? null : "A key has no spaces and no letters beyond A to Z.";
  }

  /** Use this key from now on, for as long as it is kept. */
  use(key: string): void {
    try {
      this.#storage?.setItem(this.#name, key);
    } catch {
      // Blocked or full: it is kept in memory alone.
    }
    this.#begin(key);
  }

  /** Try again what was refused: the browser has a cookie now that lets it in. */
  letIn(): void {
    this.#begin(this.get().key);
  }

  /** Ask the person again, who may have closed the prompt. */
  readonly ask = (): void => {
    const { refused } = this.get();
    if (refused !== null) this.set({ key: null, refused });
  };

  /**
   * Note that a service refused the page.
   *
   * @param attempt Which way in it refused: a late answer to an old one says nothing about a new
   *   one, and that nothing is sent explains less than why the key was refused.
   */
  refuse(attempt: number, reason: string): void {
    const { key, refused } = this.get();
    if (attempt !== this.#attempt || (key === null && refused !== null)) return;
    try {
      this.#storage?.removeItem(this.#name);
    } catch {
      // What keeps nothing has kept no key.
    }
    this.set({ key: null, refused: reason });
  }

  #begin(key: string | null): void {
    this.#attempt += 1;
    this.set({ key, refused: null });
  }
}

function keptIn(storage: KeyStorage | null, name: string): string | null {
  try {
    return storage?.getItem(name) ?? null;
  } catch {
    return null;
  }
}
