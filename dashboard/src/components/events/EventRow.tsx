import type { SecurityEvent } from "@hsi/realtime";
import { CheckCheck } from "lucide-react";
import { memo } from "react";
import { beganWords } from "../../eventFacts";
import { clock, dateAndClock, isolated, spoken } from "../../format";
import { texts } from "../../texts";
import { Risk } from "../dashboard/Risk";
import { Opens } from "./EventLink";
import { Thumbnail } from "./Thumbnail";

const words = texts.dashboard.activity;

interface Props {
  readonly event: SecurityEvent;
  /** The camera's name; null where nobody gave it one. */
  readonly camera: string | null;
  /** Its place among all that are loaded, from 1. */
  readonly position: number;
  readonly height: number;
  /** Whether somebody has seen it. */
  readonly isSeen: boolean;
}

/** An event of the list, which a click or Enter opens. */
export const EventRow = memo(function EventRow({ event, camera, position, height, isSeen }: Props) {
  const began = beganWords(event);
  const name = camera ?? (event.cameraId === null ? null : spoken(event.cameraId));
  return (
    <li
      aria-setsize={-1}
      aria-posinset={position}
      className="relative flex items-center gap-3 border-line border-t px-2 hover:bg-raised sm:px-3"
      style={{ height }}
    >
      <Risk event={event} />
      <div className="min-w-0 flex-1">
        <p className="line-clamp-2 text-sm leading-snug" title={isolated(event.summary)}>
          <Opens event={event} />
        </p>
        <p className="figure truncate text-muted text-xs">
          <time
            dateTime={new Date(event.arrivedAt).toISOString()}
            title={dateAndClock(event.arrivedAt)}
          >
            {clock(event.arrivedAt)}
          </time>
          {" · "}
          {name === null ? words.unknownCamera : <bdi>{name}</bdi>}
          {isSeen && (
            <span>
              {" · "}
              <CheckCheck aria-hidden className="inline size-3.5" /> {texts.events.seen.isSeen}
            </span>
          )}
          {began !== null && <span className="max-sm:hidden"> · {began}</span>}
        </p>
      </div>
      <Thumbnail event={event} className="h-14 w-20 max-sm:w-14" />
    </li>
  );
});
