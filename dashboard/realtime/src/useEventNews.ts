import { useMemo } from "react";
import type { RealtimeClient } from "./client.ts";
import { type EventListener, eventFeeds, eventStream, type Pulse } from "./eventFeed.ts";
import { counts } from "./eventWindow.ts";
import type { SecurityEvent } from "./lenient.ts";
import { useClient } from "./RealtimeProvider.tsx";
import { seenIn } from "./seen.ts";
import { seenFeeds } from "./seenFeed.ts";

/** The home's events for what goes on while the page is hidden, when no hook gives anything new. */
export interface EventNews {
  /** Be told each event at once; returns what ends that. */
  readonly listen: (listener: EventListener) => () => void;
  /** What says something about now, and nobody of the household has seen; the newest first. */
  readonly unseen: () => readonly SecurityEvent[];
  /** What says something about now, and somebody of the household has seen; the newest first. */
  readonly seen: () => readonly SecurityEvent[];
  /** Be told when that may be something else by another word of the services. */
  readonly watch: (listener: () => void) => () => void;
  /** What the last heartbeat or pong said; null while there was none. */
  readonly pulse: () => Pulse | null;
}

/** The home's events, for what has to know of them at once; the same object with each render. */
export function useEventNews(): EventNews {
  const client = useClient();
  return useMemo(() => newsOf(client), [client]);
}

export function newsOf(client: RealtimeClient): EventNews {
  const events = eventFeeds.of(client);
  const seen = seenFeeds.of(client);
  const counting = (isSeen: boolean) => {
    const { marks } = seen.get();
    const now = client.clock.now();
    return events
      .get()
      .recent.filter((event) => counts(event, now) && (seenIn(marks, event) !== null) === isSeen);
  };
  return {
    listen: (listener) => events.listen(listener),
    unseen: () => counting(false),
    seen: () => counting(true),
    watch: (listener) => {
      // What a page does itself, and has loaded, its feeds tell with a frame; the rest they hear.
      const releases = [
        events.subscribe(listener),
        seen.subscribe(listener),
        eventStream(client).listen(() => queueMicrotask(listener)),
      ];
      return () => {
        for (const release of releases) release();
      };
    },
    pulse: () => events.get().pulse,
  };
}
