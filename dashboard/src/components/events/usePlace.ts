import { useCallback } from "react";
import { useLocation, useRoute } from "wouter";
import { useHistoryState, useSearch } from "wouter/use-browser-location";
import { behindOf, EVENT_PATTERN, EVENTS_PATH, type Over } from "../../behind";
import { eventPath } from "../../eventPath";

/** The path of the page that is shown: where an event is open, of the page behind it. */
export function usePlace(): string {
  const [location] = useLocation();
  const [isEvent] = useRoute(EVENT_PATTERN);
  const state: unknown = useHistoryState();
  return isEvent ? (behindOf(state) ?? EVENTS_PATH) : location;
}

/** The cursor of the event that is open; null where there is none. */
export function useOpenEvent(): string | null {
  const [isEvent, parameters] = useRoute(EVENT_PATTERN);
  return isEvent ? parameters.cursor : null;
}

/** Where an event is opened to from here: its path, with the filters that the page behind has. */
export function useEventLink(): (cursor: string) => { href: string; state: Over } {
  const place = usePlace();
  const search = useSearch();
  return useCallback(
    (cursor) => ({
      href: `${eventPath(cursor)}${place === EVENTS_PATH ? search : ""}`,
      state: { behind: place },
    }),
    [place, search],
  );
}

/** Shows another event in place of the one that is open: Back still closes it. */
export function useOpenInstead(): (cursor: string) => void {
  const [, navigate] = useLocation();
  return useCallback(
    (cursor) => {
      const state: unknown = history.state;
      navigate(`${eventPath(cursor)}${location.search}`, { state, replace: true });
    },
    [navigate],
  );
}

/** Closes the event that is open: Back, where it was opened from a page of this tab. */
export function useLeaveEvent(): () => void {
  const [, navigate] = useLocation();
  return useCallback(() => {
    const state: unknown = history.state;
    if (behindOf(state) !== null) history.back();
    else navigate(`${EVENTS_PATH}${location.search}`, { replace: true });
  }, [navigate]);
}
