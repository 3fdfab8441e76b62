import { useClient } from "./RealtimeProvider.tsx";
import { systemFeeds } from "./systemFeed.ts";
import { useObservable } from "./useObservable.ts";
import { connectionValues } from "./useWebSocket.ts";

/**
 * The latest performance figures, without their history.
 *
 * `connectionState` is `stale` also while the connection answers but figures are late: without Redis
 * there is no way for them.
 */
export function useLatestPerformance() {
  const { connection, performance } = useObservable(systemFeeds.of(useClient()));
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
