import { useSyncExternalStore } from "react";
import { eventFeed } from "./eventFeed";
import { connectionValues } from "./useWebSocket";

/**
 * The home's security events, newest first, at most 100 (seed: useEventStream).
 *
 * They begin with the last ones that the history has. Each is there once, whatever breaks; where
 * some are missing, `gapAt` says since when this page knows.
 */
export function useEventStream() {
  const { connection, events, lastByCamera, gapAt, others } = useSyncExternalStore(
    eventFeed.subscribe,
    eventFeed.get,
  );
  return {
    ...connectionValues(connection),
    events,
    latestEvent: events[0] ?? null,
    lastByCamera,
    gapAt,
    others,
    clearEvents: eventFeed.clear,
    reconnect: eventFeed.reconnect,
  };
}
