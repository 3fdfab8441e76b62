/** Which of this origin's paths are the page's. Pure. */

/** Characters of a path that a message may ask to open. */
const MAX_LENGTH = 2_048;
/** What an ingress takes to the services. */
const SERVED = /^(api|ws|health)(\/|$)/;
/** A file by its name: no page of the dashboard, as in its Caddyfile. */
const FILE = /^[^/]*\.[^/]*$/;

/** What the worker does with a request: see worker.ts; null: nothing at all. */
export type Kind = "page" | "asset" | "file";

/** The part of an address that is below the page's base; null if it is elsewhere. */
function belowOf(address: URL, base: URL): string | null {
  if (address.origin !== base.origin || !address.pathname.startsWith(base.pathname)) return null;
  return address.pathname.slice(base.pathname.length);
}

/**
 * What a request is for.
 *
 * @param files Those that belong to the page, by their paths below its base.
 */
export function kindOf(
  address: URL,
  isNavigation: boolean,
  base: URL,
  files: readonly string[],
): Kind | null {
  const path = belowOf(address, base);
  if (path === null || SERVED.test(path)) return null;
  if (isNavigation) return FILE.test(path) ? null : "page";
  if (path.startsWith("assets/")) return "asset";
  return files.includes(path) ? "file" : null;
}

/**
 * The address that a message may have the browser open: a path of the page, with or without its
 * base, else the page itself.
 */
export function openable(asked: unknown, base: URL): string {
  if (typeof asked !== "string" || asked.length > MAX_LENGTH || !URL.canParse(asked, base)) {
    return base.href;
  }
  const isPath = /^\/(?![/\\])/.test(asked) && !asked.startsWith(base.pathname);
  const address = new URL(isPath ? `.${asked}` : asked, base);
  return kindOf(address, true, base, []) === "page" ? address.href : base.href;
}
