import type { SecurityEvent } from "@hsi/realtime";
import { memo } from "react";
import { beganWords } from "../../eventFacts";
import { isolated } from "../../format";
import { texts } from "../../texts";
import { Risk } from "../dashboard/Risk";
import { useArrived } from "../dashboard/useArrived";
import { Ago } from "../parts";
import { Opens } from "./EventLink";

const words = texts.dashboard.activity;

interface Props {
  readonly event: SecurityEvent;
  /** The camera's name; null where nobody knows which one it was. */
  readonly camera: string | null;
}

/** An event of the latest ones, which a click or Enter opens. */
export const ActivityRow = memo(function ActivityRow({ event, camera }: Props) {
  const arrived = useArrived(event);
  const began = beganWords(event);
  return (
    <li
      className={`relative flex items-center gap-3 px-2 py-2.5 hover:bg-raised ${arrived ? "arrived" : ""}`}
    >
      <Risk event={event} />
      <div className="min-w-0">
        <p className="line-clamp-2 text-sm" title={isolated(event.summary)}>
          <Opens event={event} />
        </p>
        <p className="truncate text-muted text-xs">
          {camera ? <bdi>{camera}</bdi> : words.unknownCamera} · <Ago time={event.arrivedAt} />
          {began !== null && ` · ${began}`}
        </p>
      </div>
    </li>
  );
});
