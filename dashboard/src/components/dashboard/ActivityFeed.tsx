import { type ConnectionState, useEventStream } from "@hsi/realtime";
import { activityCount } from "../../activityCount";
import { nameOf } from "../../cameraNames";
import { clock } from "../../format";
import { texts } from "../../texts";
import { useCameraNames } from "../../useCameraNames";
import { ActivityRow } from "../events/ActivityRow";
import { Card, Empty } from "../parts";

const words = texts.dashboard.activity;

const EMPTY: Partial<Record<ConnectionState, string>> = {
  connecting: words.connecting,
  closed: words.notConnected,
};

/** The last events, the newest first. */
export function ActivityFeed() {
  const { entries, gapAt, connectionState, isAnswered } = useEventStream();
  const names = useCameraNames();
  return (
    <Card
      title={words.title}
      aside={
        <span className="figure text-muted text-xs">
          {activityCount(entries.length, isAnswered)}
        </span>
      }
      className="min-h-[28rem]"
    >
      {entries.length === 0 ? (
        <Empty title={EMPTY[connectionState] ?? (isAnswered ? words.none : words.waiting)}>
          {words.explained}
        </Empty>
      ) : (
        // From tablets on, the list is as high as what stands beside it, however long it is.
        <div className="relative -mx-2 md:min-h-0 md:flex-1">
          <section
            aria-label={words.list}
            // biome-ignore lint/a11y/noNoninteractiveTabindex: it scrolls, by keyboard too
            tabIndex={0}
            className="overflow-y-auto max-md:h-[24rem] md:absolute md:inset-0"
          >
            <ol className="divide-y divide-line">
              {entries.map((event) => (
                <ActivityRow
                  key={event.identity}
                  event={event}
                  camera={event.cameraId === null ? null : nameOf(event.cameraId, names)}
                />
              ))}
            </ol>
            {gapAt !== null && (
              <p className="border-warn border-t px-2 py-3 text-sm text-warn-ink">
                {words.gap(clock(gapAt))}
              </p>
            )}
          </section>
        </div>
      )}
    </Card>
  );
}
