import { useSyncExternalStore } from "react";
import { systemFeed } from "./systemFeed";
import { connectionValues } from "./useWebSocket";

/**
 * The latest system status (seed: useSystemStatus).
 *
 * `connectionState` is `stale` also while the connection answers but statuses are late, and
 * `degraded` while its replica cannot hear the others.
 */
export function useSystemStatus() {
  const { connection, status, changes } = useSyncExternalStore(
    systemFeed.subscribe,
    systemFeed.get,
  );
  const values = connectionValues(connection);
  const late = values.isConnected && status.staleSince !== null;
  return {
    ...values,
    connectionState: late ? ("stale" as const) : values.connectionState,
    staleSince: values.staleSince ?? status.staleSince,
    status: status.data,
    heardAt: status.heardAt,
    changes,
    reconnect: systemFeed.reconnect,
  };
}
