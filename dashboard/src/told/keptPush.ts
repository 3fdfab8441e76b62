/**
 * What this device was registered with for pushes, kept where the worker reads it, too: it registers
 * again while no page is open.
 */

import { fieldsOf } from "./rules";

/** A part of a registration, without its subscription. */
export interface KeptPush {
  /** What was sent, as JSON: what has not changed is not sent again. */
  readonly sent: string;
}

const NAME = "hsi-push";
const PLACE = "told/push.json";

/** What was kept; null where nothing was. */
export async function keptPush(base: URL): Promise<KeptPush | null> {
  const cache = await caches.open(NAME);
  const response = await cache.match(new URL(PLACE, base));
  const { sent } = fieldsOf(await response?.json());
  return typeof sent === "string" ? { sent } : null;
}

export async function keepPush(base: URL, kept: KeptPush | null): Promise<void> {
  const cache = await caches.open(NAME);
  const place = new URL(PLACE, base);
  if (kept === null) await cache.delete(place);
  else await cache.put(place, Response.json(kept));
}
