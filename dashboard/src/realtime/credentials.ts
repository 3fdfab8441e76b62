import { Observable } from "./observable";

/** The API key of this browser session, and why a key is asked for, if it is. */
export interface Access {
  readonly key: string | null;
  /** Why the last attempt without or with a key was refused; null while nothing was refused. */
  readonly refused: string | null;
}

const STORED = "hsi.api-key";
/** What a key may consist of: it travels as a WebSocket subprotocol, which is an HTTP token. */
const KEY = /^[\w!#$%&'*+.^`|~-]+$/;

/** Where the page's API key is: in this tab's session storage, never in a URL or a log. */
export class Credentials extends Observable<Access> {
  constructor() {
    super({ key: sessionStorage.getItem(STORED), refused: null });
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

  /** Use this key from now on, for as long as this tab is open. */
  use(key: string): void {
    sessionStorage.setItem(STORED, key);
    this.set({ key, refused: null });
  }

  /** Ask the person again, who may have closed the prompt. */
  readonly ask = (): void => {
    const { refused } = this.get();
    if (refused !== null) this.set({ key: null, refused });
  };

  /**
   * Note that a service refused us.
   *
   * @param used The key that it refused, null for none: a late answer to an old key says nothing
   *   about a new one, and that there is none explains less than why it was refused.
   */
  refuse(used: string | null, reason: string): void {
    const { key, refused } = this.get();
    if (used !== key || (key === null && refused !== null)) return;
    sessionStorage.removeItem(STORED);
    this.set({ key: null, refused: reason });
  }
}

export const credentials = new Credentials();
