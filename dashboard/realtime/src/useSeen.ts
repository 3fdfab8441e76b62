import { useCallback } from "react";
import type { SecurityEvent } from "./lenient.ts";
import { useClient } from "./RealtimeProvider.tsx";
import { type Seen, seenIn, seenKeyOf } from "./seen.ts";
import { seenFeeds } from "./seenFeed.ts";
import { useActor } from "./useActor.ts";
import { useObservable } from "./useObservable.ts";

/**
 * Which events somebody of the household has seen, live, and how to say so.
 *
 * A change shows at once, and is taken back if the service refuses: then `error` says why. At a
 * higher level than that at which it was seen, an event is unseen again.
 */
export function useSeen() {
  const client = useClient();
  const feed = seenFeeds.of(client);
  const { marks, isKnown, hints, error, refused } = useObservable(feed);
  const actor = useActor();
  const name = actor?.name ?? "";
  const seenOf = useCallback((event: SecurityEvent): Seen | null => seenIn(marks, event), [marks]);
  const knows = useCallback(
    (event: SecurityEvent) => isKnown || hints.has(seenKeyOf(event) ?? ""),
    [isKnown, hints],
  );
  const mark = useCallback((event: SecurityEvent) => feed.mark(event, name), [feed, name]);
  const undo = useCallback((event: SecurityEvent) => feed.undo(event), [feed]);
  return {
    /** Who has seen an event, and when; null while nobody has. */
    seenOf,
    /** Whether that is known: else somebody may have seen an event of which `seenOf` has nobody. */
    knows,
    /** Say that it was seen; done when the service has answered. */
    mark,
    /** Take that back. */
    undo,
    /** Whether who is signed in may; null while that is not known. */
    mayAct: actor?.mayAct ?? null,
    /** Why the last change was refused; null while none was, and once that is no news any more. */
    error,
    /** Of which event that was, and `retry`, which does the same again; null without an error. */
    refused,
    /** All marks, for `seenIn`. */
    marks,
  };
}
