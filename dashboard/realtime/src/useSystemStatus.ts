import { useClient } from "./RealtimeProvider.tsx";
import { systemFeeds } from "./systemFeed.ts";
import { useObservable } from "./useObservable.ts";
import { connectionValues } from "./useWebSocket.ts";

/**
 * The latest system status (R54).
 *
 * `connectionState` is `stale` also while the connection answers but statuses are late, and
 * `degraded` while its replica cannot hear the others.
 */
export function useSystemStatus() {
  const feed = systemFeeds.of(useClient());
  const { connection, status, queues, changes } = useObservable(feed);
  const values = connectionValues(connection);
  const late = values.isConnected && status.staleSince !== null;
  return {
    ...values,
    connectionState: late ? ("stale" as const) : values.connectionState,
    staleSince: values.staleSince ?? status.staleSince,
    status: status.data,
    /** Whether the queues of the AI move. */
    queues,
    heardAt: status.heardAt,
    changes,
    reconnect: feed.reconnect,
  };
}
