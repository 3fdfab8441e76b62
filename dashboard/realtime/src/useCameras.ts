import { useCallback, useEffect } from "react";
import { listOf } from "./conform.ts";
import { eventFeeds } from "./eventFeed.ts";
import type { Camera } from "./messages.ts";
import { useClient } from "./RealtimeProvider.tsx";
import { systemFeeds } from "./systemFeed.ts";
import { useApi } from "./useApi.ts";
import { useObservable } from "./useObservable.ts";

/** Milliseconds after which the list is asked for again, even if nothing seems to have changed. */
const REFRESH = 60_000;

/** Milliseconds without another hint before it is asked: they come in flocks. */
const SETTLE = 1_000;

const camerasOf = (body: unknown) => listOf("Camera", body);
const NO_CAMERAS: readonly Camera[] = [];

/** The home's cameras; asked for again when anything hints that they have changed. */
export function useCameras() {
  const client = useClient();
  const { others } = useObservable(eventFeeds.of(client));
  const { status, connection, cameraChanges } = useObservable(systemFeeds.of(client));
  const { data, error, isLoading, mutate } = useApi("/api/cameras", camerasOf, {
    refreshInterval: REFRESH,
  });
  const refresh = useCallback(() => void mutate(), [mutate]);
  const counts = status.data?.cameras;
  const hint = [
    counts?.total,
    counts?.online,
    counts?.offline,
    others,
    cameraChanges,
    connection.reconnectCount,
  ].join();
  useEffect(() => {
    const soon = setTimeout(refresh, SETTLE);
    return () => clearTimeout(soon);
  }, [hint, refresh]);
  return { cameras: data ?? NO_CAMERAS, isLoading, error, refresh };
}
