/** Pictures and clips of events: what a producer wrote, and whether it may be asked for. Pure. */

import type { SecurityEvent } from "@hsi/realtime";

/** Characters of an address, at most (docs/protocol.md). */
const MAX_ADDRESS = 2_048;
const SCHEMES = new Set(["http:", "https:"]);

/**
 * The address of a picture or clip, absolute; null where what was written is neither a path of this
 * page's origin nor http(s). Whether another origin may be asked decides the page's policy.
 *
 * @param written As it came.
 * @param page The page's own address.
 */
export function mediaAddress(written: unknown, page: URL): string | null {
  if (typeof written !== "string" || written.length > MAX_ADDRESS) return null;
  // Browsers take a backslash for a slash, and leave out line breaks and tabs.
  if (/[\\\s]/.test(written)) return null;
  const isPath = /^\/(?!\/)/.test(written);
  if (!isPath && !/^https?:\/\//i.test(written)) return null;
  if (!URL.canParse(written, page)) return null;
  const address = new URL(written, page);
  if (!SCHEMES.has(address.protocol) || address.username !== "" || address.password !== "") {
    return null;
  }
  return isPath && address.origin !== page.origin ? null : address.href;
}

/** The addresses of an event's picture and clip; null where there is none that may be asked for. */
export function mediaOf({ data }: Pick<SecurityEvent, "data">, page: URL) {
  return {
    image: mediaAddress(data.image_url, page),
    clip: mediaAddress(data.clip_url, page),
    /** Whether it has one that is no address of a picture or clip. */
    isOdd: [data.image_url, data.clip_url].some(
      (written) => written != null && mediaAddress(written, page) === null,
    ),
  };
}
