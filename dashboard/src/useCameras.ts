import { useEffect } from "react";
import useSWR from "swr";
import {
  type Camera,
  getJson,
  type SecurityEvent,
  useEventStream,
  useSystemStatus,
} from "./realtime";

/** Milliseconds after which the list is asked for again, even if nothing seems to have changed. */
const REFRESH = 60_000;

/** Milliseconds without another hint before it is asked: they come in flocks. */
const SETTLE = 1_000;

/** A camera and the last event that it saw. */
export interface Watched {
  readonly camera: Camera;
  readonly last: SecurityEvent | null;
}

/** The cameras of the list, then those that only events know, each by name. Pure. */
export function watchedOf(
  cameras: readonly Camera[],
  last: ReadonlyMap<string, SecurityEvent>,
): Watched[] {
  const listed = new Set(cameras.map(({ id }) => id));
  const others = [...last.keys()].filter((id) => !listed.has(id)).sort();
  const unlisted = others.map(
    (id): Camera => ({ id, name: id, status: "unknown", last_seen_at: null }),
  );
  return [...cameras, ...unlisted].map((camera) => ({
    camera,
    last: last.get(camera.id) ?? null,
  }));
}

/** The home's cameras; asked for again when anything hints that they have changed. */
export function useCameras() {
  const { lastByCamera, others } = useEventStream();
  const { status, reconnectCount } = useSystemStatus();
  const { data, error, isLoading, mutate } = useSWR<Camera[], Error>(
    "/api/cameras",
    getJson<Camera[]>,
    { refreshInterval: REFRESH },
  );
  const counts = status?.cameras;
  const hint = [counts?.total, counts?.online, counts?.offline, others, reconnectCount].join();
  // biome-ignore lint/correctness/useExhaustiveDependencies: the hint is why it asks again
  useEffect(() => {
    const soon = setTimeout(() => void mutate(), SETTLE);
    return () => clearTimeout(soon);
  }, [hint, mutate]);
  return {
    watched: watchedOf(data ?? [], lastByCamera),
    cameras: data ?? [],
    isLoading,
    error: error ?? null,
  };
}
