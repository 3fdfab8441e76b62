import { filtersIn, searchOf, useEventHistory, useServerClock } from "@hsi/realtime";
import { useMemo } from "react";
import { useSearch } from "wouter/use-browser-location";
import { useNow } from "../clock";
import { EventList } from "../components/events/EventList";
import { FilterBar } from "../components/events/FilterBar";
import { ListEnd } from "../components/events/ListEnd";
import { whole } from "../format";
import { texts } from "../texts";
import { useWatched } from "../watched";

/** All that the cameras saw, as far back as the history goes, and how to find one of it. */
export default function EventsPage() {
  const search = useSearch();
  const filters = useMemo(() => filtersIn(search), [search]);
  const { events, more, ...history } = useEventHistory(filters);
  const { watched } = useWatched();
  const cameras = useMemo(() => watched.map(({ camera }) => camera), [watched]);
  const now = useNow() + (useServerClock() ?? 0);
  const today = new Date(now).setHours(0, 0, 0, 0);
  return (
    <div className="mx-auto flex max-w-5xl flex-col gap-3 sm:gap-4">
      <div className="flex items-baseline justify-between gap-3">
        <h1 className="font-semibold text-xl">{texts.events.title}</h1>
        {events.length > 0 && (
          <span className="figure text-muted text-xs">
            {texts.events.list.loaded(whole(events.length), history.isWhole)}
          </span>
        )}
      </div>
      <FilterBar filters={filters} cameras={cameras} />
      {/* Another list begins at its top, and knows nothing of the one before. It keeps what is in
          sight where it is by itself: the browser's own way would follow the end. */}
      <div
        key={searchOf(filters)}
        className="rounded-xl border border-line bg-card [overflow-anchor:none]"
      >
        <EventList events={events} cameras={cameras} more={more} today={today} />
        <ListEnd
          history={history}
          count={events.length}
          filters={filters}
          isFiltered={searchOf(filters) !== ""}
          again={more}
        />
      </div>
    </div>
  );
}
