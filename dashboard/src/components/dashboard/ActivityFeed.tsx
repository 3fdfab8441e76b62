import {
  type ConnectionState,
  type RiskLevel,
  type SecurityEvent,
  useEventStream,
} from "@hsi/realtime";
import { useState } from "react";
import { clock, spoken } from "../../format";
import { Ago, Card, Empty } from "../parts";
import { Risk } from "./Risk";

const EMPTY: Partial<Record<ConnectionState, string>> = {
  connecting: "Connecting…",
  closed: "Not connected",
};

/** The risks that a screen reader tells of at once. */
const GRAVE: ReadonlySet<RiskLevel | null> = new Set<RiskLevel>(["high", "critical"]);

/** Milliseconds for which an event counts as just arrived. */
const NEW = 2_000;

/** The last events, the newest first. */
export function ActivityFeed() {
  const { entries, gapAt, connectionState, isAnswered } = useEventStream();
  const [latest] = entries;
  const level = latest ? latest.riskLevel : null;
  return (
    <Card
      title="Activity"
      aside={
        <span className="figure text-muted text-xs">
          {entries.length} {entries.length === 1 ? "event" : "events"}
        </span>
      }
      className="min-h-[28rem]"
    >
      <p role="status" className="sr-only">
        {latest && GRAVE.has(level) && `${level} risk: ${latest.summary}`}
      </p>
      {entries.length === 0 ? (
        <Empty
          title={EMPTY[connectionState] ?? (isAnswered ? "No events yet" : "Waiting for events")}
        >
          What the cameras see appears here, the moment the AI has looked at it.
        </Empty>
      ) : (
        // From tablets on, the list is as high as what stands beside it, however long it is.
        <div className="relative -mx-2 md:min-h-0 md:flex-1">
          <section
            aria-label="Events"
            // biome-ignore lint/a11y/noNoninteractiveTabindex: it scrolls, by keyboard too
            tabIndex={0}
            className="overflow-y-auto max-md:h-[28rem] md:absolute md:inset-0"
          >
            <ol className="divide-y divide-line">
              {entries.map((event) => (
                <Entry key={event.identity} event={event} />
              ))}
            </ol>
            {gapAt !== null && (
              <p className="border-warn border-t px-2 py-3 text-sm text-warn-ink">
                The history was lost at {clock(gapAt)}: events before these may be missing.
              </p>
            )}
          </section>
        </div>
      )}
    </Card>
  );
}

function Entry({ event }: { event: SecurityEvent }) {
  // When it is first shown, not whenever it is drawn.
  const [arrived] = useState(() => event.isNew && Date.now() - event.heardAt < NEW);
  return (
    <li className={`flex items-center gap-3 px-2 py-2.5 ${arrived ? "arrived" : ""}`}>
      <Risk event={event} />
      <div className="min-w-0">
        <p className="line-clamp-2 text-sm" title={event.summary}>
          {event.summary}
        </p>
        <p className="truncate text-muted text-xs">
          {event.cameraId ? spoken(event.cameraId) : "unknown camera"} ·{" "}
          <Ago time={event.arrivedAt} />
          {event.startedAt !== null && ` · began ${clock(event.startedAt)}`}
        </p>
      </div>
    </li>
  );
}
