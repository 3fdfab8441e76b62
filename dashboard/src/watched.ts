import { type Camera, type SecurityEvent, useCameras, useEventStream } from "@hsi/realtime";
import { useMemo } from "react";
import { byName } from "./format";

/** A camera, and the last event that it saw. */
export interface Watched {
  readonly camera: Camera;
  readonly last: SecurityEvent | null;
  /** The last one with a picture. */
  readonly picture: SecurityEvent | null;
}

/** The last event with a picture of each camera; the events are the newest first. Pure. */
export function pictured(events: readonly SecurityEvent[]): ReadonlyMap<string, SecurityEvent> {
  const found = new Map<string, SecurityEvent>();
  for (const event of events) {
    const { cameraId, data } = event;
    if (cameraId !== null && data.image_url && !found.has(cameraId)) found.set(cameraId, event);
  }
  return found;
}

/** The cameras of the list, then those that only events know, each in the order of names. Pure. */
export function watchedOf(
  cameras: readonly Camera[],
  last: ReadonlyMap<string, SecurityEvent>,
  pictures: ReadonlyMap<string, SecurityEvent> = new Map(),
): Watched[] {
  const listed = new Set(cameras.map(({ id }) => id));
  const others = [...last.keys()].filter((id) => !listed.has(id)).sort(byName);
  const unlisted = others.map(
    (id): Camera => ({ id, name: id, status: "unknown", last_seen_at: null }),
  );
  const inOrder = cameras.toSorted((one, other) => byName(one.name, other.name));
  return [...inOrder, ...unlisted].map((camera) => ({
    camera,
    last: last.get(camera.id) ?? null,
    picture: pictures.get(camera.id) ?? null,
  }));
}

/** The home's cameras, each with the last event that it saw. */
export function useWatched() {
  const { lastByCamera, recent } = useEventStream();
  const { cameras, isLoading, error } = useCameras();
  const pictures = useMemo(
    () => pictured([...lastByCamera.values(), ...recent]),
    [lastByCamera, recent],
  );
  return { watched: watchedOf(cameras, lastByCamera, pictures), isLoading, error };
}
