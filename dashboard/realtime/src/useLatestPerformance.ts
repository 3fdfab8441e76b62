import { useClient } from "./RealtimeProvider.tsx";
import { systemFeeds } from "./systemFeed.ts";
import { useObservable } from "./useObservable.ts";
import { connectionValues } from "./useWebSocket.ts";

/**
 * The latest performance figures, without their history.
 *
 * While they cannot come through Redis, they are asked for at every interval, and `polled` is true.
 * `connectionState` is `stale` also while the connection answers but figures are late: nobody collects
 * them, or nobody answers.
 */
export function useLatestPerformance() {
  const { connection, performance, polled } = useObservable(systemFeeds.of(useClient()));
  const values = connectionValues(connection);
  const paused = performance.staleSince !== null;
  return {
    ...values,
    connectionState: values.isConnected && paused ? ("stale" as const) : values.connectionState,
    staleSince: values.staleSince ?? performance.staleSince,
    paused,
    polled,
    current: performance.data,
    heardAt: performance.heardAt,
  };
}
