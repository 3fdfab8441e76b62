import { createServer, type Server as HttpServer, type IncomingMessage } from "node:http";
import type { AddressInfo } from "node:net";
import { onTestFinished } from "vitest";

interface Holder {
  readonly name: string;
  readonly scope: string;
}

/** Something that a home answers in place of what it would. */
interface Override {
  readonly status: number;
  readonly body?: string;
  readonly headers?: Readonly<Record<string, string>>;
}

const MONTH = 30 * 24 * 3_600_000;
const MINUTES = 10 * 60_000;

/**
 * A real server on loopback that has sessions as the services do, for one browser: whose cookie it
 * keeps itself, as no script sees it.
 */
export class Home {
  readonly keys = new Map<string, Holder>();
  readonly invites = new Map<string, string>();
  /** Whether it asks anybody who they are. */
  asks = true;
  /** Whom this browser's cookie names. */
  cookie: (Holder & { readonly expires_at: string }) | null = null;
  /** What it answers in place of anything else; null breaks the connection. */
  override: Override | null | undefined;
  /** How far its clock is ahead, in milliseconds. */
  ahead = 0;
  /** All that it was asked, as "POST /api/session". */
  readonly asked: string[] = [];
  /** The keys that came. */
  readonly sent: string[] = [];
  readonly #http: HttpServer;
  #port = 0;

  private constructor() {
    this.#http = createServer(async (request, response) => {
      this.asked.push(`${request.method} ${request.url}`);
      const key = request.headers["x-api-key"];
      if (typeof key === "string") this.sent.push(key);
      const answer = this.override === undefined ? await this.#answer(request) : this.override;
      if (answer === null) {
        request.socket.destroy();
        return;
      }
      const date = new Date(Date.now() + this.ahead).toUTCString();
      response.writeHead(answer.status, { Date: date, ...answer.headers }).end(answer.body);
    });
  }

  /** Start one for this test alone. */
  static async forTest(): Promise<Home> {
    const home = new Home();
    await new Promise<void>((done) => home.#http.listen(0, "127.0.0.1", done));
    home.#port = (home.#http.address() as AddressInfo).port;
    onTestFinished(async () => {
      home.#http.closeAllConnections();
      await new Promise((done) => home.#http.close(done));
    });
    return home;
  }

  get url(): URL {
    return new URL(`http://127.0.0.1:${this.#port}/`);
  }

  /** How often this was asked. */
  count(question: string): number {
    return this.asked.filter((one) => one === question).length;
  }

  async #answer(request: IncomingMessage): Promise<Override> {
    const chunks = await request.toArray();
    const text = Buffer.concat(chunks).toString();
    const given: Record<string, string> = text === "" ? {} : JSON.parse(text);
    switch (`${request.method} ${request.url}`) {
      case "GET /api/session":
        if (!this.asks) return json(200, { name: "", scope: "admin", expires_at: null });
        return this.cookie ? json(200, this.cookie) : refused("sign in, or send a valid key");
      case "POST /api/session": {
        const invited = this.invites.get(given.invite ?? "");
        this.invites.delete(given.invite ?? "");
        const holder =
          invited === undefined
            ? this.keys.get(String(request.headers["x-api-key"]))
            : { name: "owner's guest", scope: invited };
        if (!holder) return refused("a valid API key is required");
        this.cookie = { ...holder, expires_at: this.#in(MONTH) };
        return json(200, this.cookie);
      }
      case "DELETE /api/session":
        this.cookie = null;
        return json(200, { detail: "signed out in this browser; others stay signed in" });
      case "POST /api/session/invites": {
        if (!this.cookie) return refused("sign in, or send a valid key");
        const code = `code-${this.invites.size + 1}`;
        const scope = given.scope ?? "read";
        this.invites.set(code, scope);
        return json(201, { code, scope, expires_at: this.#in(MINUTES) });
      }
      default:
        return json(404, { detail: "Not Found" });
    }
  }

  #in(milliseconds: number): string {
    return new Date(Date.now() + this.ahead + milliseconds).toISOString();
  }
}

function json(status: number, body: object): Override {
  return { status, body: JSON.stringify(body) };
}

function refused(detail: string): Override {
  return json(401, { status_code: 401, detail });
}
