/** Where things are, and who may be given the API key. Pure. */

const SECURE = new Set(["https:", "wss:"]);

/**
 * The address of something.
 *
 * @param url A path below the base URL, as `/ws/events`, or an absolute URL.
 * @param base Where the services are, absolute.
 */
export function addressOf(url: string, base: URL): URL {
  if (!url.startsWith("/") || url.startsWith("//")) return new URL(url, base);
  return new URL(base.origin + base.pathname.replace(/\/+$/, "") + url);
}

/** The same for a WebSocket, with a query that says where it begins. */
export function socketAddressOf(url: string, base: URL, beginning: string): URL {
  const address = addressOf(url, base);
  address.protocol = isSecure(address) ? "wss:" : "ws:";
  address.hash = "";
  if (beginning !== "") {
    // One of them says where it begins, whatever stood there.
    for (const name of ["since", "tail"]) address.searchParams.delete(name);
    for (const [name, value] of new URLSearchParams(beginning)) {
      address.searchParams.set(name, value);
    }
  }
  return address;
}

/** Whether an address is on the services' own host, and as safe on its way: else it gets no key. */
export function isTrusted(address: URL, base: URL): boolean {
  return address.host === base.host && (isSecure(address) || !isSecure(base));
}

function isSecure({ protocol }: URL): boolean {
  return SECURE.has(protocol);
}
