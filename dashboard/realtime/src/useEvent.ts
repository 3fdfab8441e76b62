import { useEffect, useMemo } from "react";
import type { RealtimeClient } from "./client.ts";
import { wholeOf } from "./conform.ts";
import { type EventFeedState, eventFeeds } from "./eventFeed.ts";
import { loadedEvent } from "./eventHistory.ts";
import type { SecurityEvent } from "./lenient.ts";
import type { RecentEvent } from "./messages.ts";
import { useClient } from "./RealtimeProvider.tsx";
import { eventIn } from "./recentEvent.ts";
import { seenHints } from "./seenHints.ts";
import { useApi } from "./useApi.ts";
import { useObservable } from "./useObservable.ts";

interface Found {
  readonly entry: RecentEvent | null;
  readonly event: SecurityEvent | null;
  readonly previous: string | null;
  readonly next: string | null;
  /** Why there is no such event; null if there is. */
  readonly missing: string | null;
}

function found(body: unknown): Found | null {
  const answer = wholeOf("OneEvent", body);
  if (answer === null) return null;
  const { event: entry, previous, next } = answer;
  return { entry, event: eventIn(entry), previous, next, missing: null };
}

const missing = (why: string): Found => ({
  entry: null,
  event: null,
  previous: null,
  next: null,
  missing: why,
});

/**
 * One event, with its neighbours of the same camera. What the page knows of it already is there at
 * once.
 *
 * @param cursor Its cursor; null asks for none.
 */
export function useEvent(cursor: string | null) {
  const client = useClient();
  const feed = useObservable(eventFeeds.of(client));
  const path = cursor === null ? null : `/api/events/${encodeURIComponent(cursor)}`;
  const { data, error, isLoading, mutate } = useApi<Found>(path, found, { missing });
  const { recent, lastByCamera } = feed;
  const known = useMemo(
    () => (cursor === null ? null : knownEvent(client, cursor, { recent, lastByCamera })),
    [client, cursor, recent, lastByCamera],
  );
  const event = data?.event ?? known;
  const entry = data?.entry ?? null;
  useEffect(() => {
    if (entry) seenHints.of(client).note([entry]);
  }, [client, entry]);
  // The newest of its camera has a next one as soon as that has come.
  const newest = event?.cameraId ? (lastByCamera.get(event.cameraId)?.key ?? null) : null;
  const hasNewer =
    data?.entry != null && data.next === null && newest !== null && newest !== cursor;
  useEffect(() => {
    if (hasNewer) void mutate();
  }, [hasNewer, newest, mutate]);
  return {
    /** Null while it is not known, and where there is none. */
    event,
    /** The message as it was published; null while the service has not told. */
    message: data?.entry?.message ?? null,
    /** Cursor of the one before it of the same camera; null where there is none, or nobody knows. */
    previous: data?.previous ?? null,
    /** Cursor of the one after it. */
    next: data?.next ?? null,
    /** What the service says where there is no such event; null where there is, or nobody knows. */
    missing: data?.missing ?? null,
    isLoading,
    error,
  };
}

/** What the page knows of an event without asking. */
function knownEvent(
  client: RealtimeClient,
  cursor: string,
  { recent, lastByCamera }: Pick<EventFeedState, "recent" | "lastByCamera">,
): SecurityEvent | null {
  const heard = [...recent, ...lastByCamera.values()];
  return heard.find(({ key }) => key === cursor) ?? loadedEvent(client, cursor);
}
