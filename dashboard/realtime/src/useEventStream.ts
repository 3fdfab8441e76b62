import { useMemo } from "react";
import { eventFeeds } from "./eventFeed.ts";
import { useClient } from "./RealtimeProvider.tsx";
import { useObservable } from "./useObservable.ts";
import { connectionValues } from "./useWebSocket.ts";

/**
 * The home's security events, newest first, at most 100 (R53).
 *
 * They begin with the last ones that the history has. Each is there once, whatever breaks; where
 * some are missing, `gapAt` says since when this page knows.
 */
export function useEventStream() {
  const feed = eventFeeds.of(useClient());
  const { connection, entries, lastByCamera, gapAt } = useObservable(feed);
  const events = useMemo(() => entries.map(({ data }) => data), [entries]);
  return {
    ...connectionValues(connection),
    /** The messages' `data`, as they came. */
    events,
    latestEvent: events[0] ?? null,
    /** The same events ready to be shown: with a key, and what is missing as null. */
    entries,
    /** The last event of each camera, by its id. */
    lastByCamera,
    gapAt,
    clearEvents: feed.clear,
    reconnect: feed.reconnect,
  };
}
