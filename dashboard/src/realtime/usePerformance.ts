import { useSyncExternalStore } from "react";
import { systemFeed } from "./systemFeed";
import { connectionValues } from "./useWebSocket";

/**
 * The latest performance figures, without their history.
 *
 * `connectionState` is `stale` also while the connection answers but figures are late: without Redis
 * there is no way for them.
 */
export function usePerformance() {
  const { connection, performance } = useSyncExternalStore(systemFeed.subscribe, systemFeed.get);
  const values = connectionValues(connection);
  const paused = performance.staleSince !== null;
  return {
    ...values,
    connectionState: values.isConnected && paused ? ("stale" as const) : values.connectionState,
    staleSince: values.staleSince ?? performance.staleSince,
    paused,
    current: performance.data,
    heardAt: performance.heardAt,
  };
}
