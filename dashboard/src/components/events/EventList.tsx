import { type Camera, type SecurityEvent, useSeen } from "@hsi/realtime";
import { ArrowUp } from "lucide-react";
import { useEffect, useMemo } from "react";
import { namesOf } from "../../cameraNames";
import { daysOf, heightOf, inSight, sectionsOf } from "../../eventDays";
import { day, whole } from "../../format";
import { texts } from "../../texts";
import { EventRow } from "./EventRow";
import { useHeights } from "./useHeights";
import { useListScroll } from "./useListScroll";

const words = texts.events.list;

/** Windows full of events below what is in sight: with fewer, more are asked for. */
const AHEAD = 2;
const DAY = 86_400_000;

interface Props {
  readonly events: readonly SecurityEvent[];
  readonly cameras: readonly Camera[];
  /** Asks for what is before. */
  readonly more: () => void;
  /** The day that is today, as the services know it; its midnight. */
  readonly today: number;
}

/** Events by days, of which only those in sight are drawn; it scrolls with the page. */
export function EventList({ events, cameras, more, today }: Props) {
  const heights = useHeights();
  const { seenOf } = useSeen();
  const days = useMemo(() => daysOf(events), [events]);
  const sections = useMemo(() => sectionsOf(days, heights), [days, heights]);
  const { list, top, sight, newer, toTop } = useListScroll(events, sections, heights);
  const names = useMemo(() => namesOf(cameras), [cameras]);
  const height = heightOf(sections);
  const isNearEnd = height - top - sight < AHEAD * sight;
  useEffect(() => {
    if (isNearEnd) more();
  }, [isNearEnd, more, events]);

  return (
    <div className="relative">
      <div className="pointer-events-none sticky top-14 z-[5] flex h-0 justify-center">
        <div role="status" className="h-max">
          {newer > 0 && (
            <button
              type="button"
              onClick={toTop}
              className="pointer-events-auto inline-flex items-center gap-1.5 rounded-full border border-data-ink bg-raised px-3 py-1.5 text-sm shadow-lg hover:bg-line"
            >
              <ArrowUp aria-hidden className="size-4" />
              <span className="figure">{words.fresh(whole(newer))}</span>
            </button>
          )}
        </div>
      </div>
      <section
        ref={list}
        aria-label={texts.events.title}
        tabIndex={-1}
        className="relative outline-none"
        style={{ height }}
      >
        {inSight(sections, heights, top, sight).map(({ section, from, to }) => (
          <section
            key={section.start}
            aria-labelledby={`day-${section.start}`}
            className="absolute inset-x-0"
            style={{ top: section.top, height: section.height }}
          >
            <h2
              id={`day-${section.start}`}
              className="sticky top-12 z-[4] flex items-center rounded-t-xl bg-card px-2 font-semibold text-muted text-sm sm:top-10 sm:px-3"
              style={{ height: heights.heading }}
            >
              {dayWords(section.start, today)}
            </h2>
            <ol
              className="absolute inset-x-0"
              style={{ top: heights.heading + (from - section.from) * heights.row }}
            >
              {events.slice(from, to).map((event, index) => (
                <EventRow
                  key={event.identity}
                  event={event}
                  camera={names.get(event.cameraId ?? "") ?? null}
                  position={from + index + 1}
                  height={heights.row}
                  isSeen={seenOf(event) !== null}
                />
              ))}
            </ol>
          </section>
        ))}
      </section>
    </div>
  );
}

function dayWords(start: number, today: number): string {
  if (start === today) return words.today(day(start));
  // Half a day more or less: a day may have 23 or 25 hours.
  return Math.abs(today - start - DAY) < DAY / 2 ? words.yesterday(day(start)) : day(start);
}
