import { type Camera, type SecurityEvent, useCameras, useEventStream } from "@hsi/realtime";

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

/** The home's cameras, each with the last event that it saw. */
export function useWatched() {
  const { lastByCamera } = useEventStream();
  const { cameras, isLoading, error } = useCameras();
  return { watched: watchedOf(cameras, lastByCamera), isLoading, error };
}
