import { useMemo } from "react";
import { eventFeeds } from "./eventFeed.ts";
import { useClient } from "./RealtimeProvider.tsx";
import { useObservable } from "./useObservable.ts";
import { connectionValues } from "./useWebSocket.ts";

/**
 * The home's security events, newest first, at most 100 (R53).
 *
 * They begin with the last ones that the history has. Each is there once, whatever breaks; where
 * some are missing, `gapAt` says since when this page knows. `connectionState` is `degraded` while
 * its replica says that it cannot hear Redis.
 */
export function useEventStream() {
  const feed = eventFeeds.of(useClient());
  const { connection, entries, recent, window, pulse, deafSince, isAnswered, lastByCamera, gapAt } =
    useObservable(feed);
  const events = useMemo(() => entries.map(({ data }) => data), [entries]);
  const values = connectionValues(connection);
  const isDeaf = values.connectionState === "live" && deafSince !== null;
  return {
    ...values,
    connectionState: isDeaf ? ("degraded" as const) : values.connectionState,
    /** The messages' `data`, as they came. */
    events,
    latestEvent: events[0] ?? null,
    /** The same events ready to be shown: with a key, and what is missing as null. */
    entries,
    /** All that is known of the last 15 minutes, and what has not ended since. */
    recent,
    /** Whether that is all of it. */
    window,
    /** What its last heartbeat or pong said. */
    pulse,
    /** Since when its replica says that it cannot hear Redis; null while it can. */
    deafSince,
    /** Whether an answer came: until then, no events mean nothing. */
    isAnswered,
    /** The last event of each camera, by its id. */
    lastByCamera,
    gapAt,
    clearEvents: feed.clear,
    reconnect: feed.reconnect,
  };
}
