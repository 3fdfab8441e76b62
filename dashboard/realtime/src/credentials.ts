import { isBrowser } from "./browser.ts";
import { Observable } from "./observable.ts";

/** The API key of this browser session, and why a key is asked for, if it is. */
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

/** Where the page's API key is: by default in this tab's session storage, never in a URL or a log. */
export class Credentials extends Observable<Access> {
  readonly #storage: KeyStorage | null;
  readonly #name: string;

  /**
   * @param options.storage Where the key is kept; null: nowhere but in memory.
   * @param options.home Tells the keys of several homes apart, as by their base URLs.
   */
  constructor({ storage = tabStorage(), home = "" }: CredentialsOptions = {}) {
    const name = home === "" ? STORED : `${STORED} ${home}`;
    super(NO_ACCESS, { value: { key: storage?.getItem(name) ?? null, refused: null } });
    this.#storage = storage;
    this.#name = name;
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
    this.#storage?.setItem(this.#name, key);
    this.set({ key, refused: null });
  }

  /** Ask the person again, who may have closed the prompt. */
  readonly ask = (): void => {
    const { refused } = this.get();
    if (refused !== null) this.set({ key: null, refused });
  };

  /**
   * Note that a service refused the page.
   *
   * @param used The key that it refused, null for none: a late answer to an old key says nothing
   *   about a new one, and that there is none explains less than why it was refused.
   */
  refuse(used: string | null, reason: string): void {
    const { key, refused } = this.get();
    if (used !== key || (key === null && refused !== null)) return;
    this.#storage?.removeItem(this.#name);
    this.set({ key: null, refused: reason });
  }
}

/** This tab's session storage; null on a server, and where the browser does not allow it. */
function tabStorage(): KeyStorage | null {
  if (!isBrowser()) return null;
  try {
    return sessionStorage;
  } catch {
    return null;
  }
}
