/** An entry of an answer about events, as an event that is shown. Pure. */

import { eventOf, type SecurityEvent, timeOf } from "./lenient.ts";
import type { RecentEvent } from "./messages.ts";

/** The event that an entry of the history is; null if it is something else. */
export function eventIn({ cursor, arrived_at, message }: RecentEvent): SecurityEvent | null {
  const arrivedAt = timeOf(arrived_at);
  if (message.type !== "event" || arrivedAt === null) return null;
  return eventOf(message.data, cursor, Date.now(), { isNew: false, arrivedAt });
}
