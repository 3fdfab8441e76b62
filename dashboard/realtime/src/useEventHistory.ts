import { type EventFilters, NO_FILTERS, searchOf } from "./eventFilters.ts";
import { eventHistories } from "./eventHistory.ts";
import { useClient } from "./RealtimeProvider.tsx";
import { useObservable } from "./useObservable.ts";

/**
 * The history of events, newest first: the latest at once, what was before by `more`, what comes as
 * it comes. All components that want the same share it.
 *
 * @param filters Which events; by default all of the history.
 */
export function useEventHistory(filters: Partial<EventFilters> = {}) {
  const search = searchOf({ ...NO_FILTERS, ...filters });
  const history = eventHistories.of(useClient(), search);
  return { ...useObservable(history), more: history.more };
}
