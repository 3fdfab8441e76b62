import type { SecurityEvent } from "@hsi/realtime";
import { isolated } from "../../format";
import { texts } from "../../texts";
import { Risk } from "../dashboard/Risk";
import { Ago } from "../parts";
import { Opens } from "./EventLink";
import { Thumbnail } from "./Thumbnail";

const words = texts.dashboard.cameras;

interface Props {
  readonly last: SecurityEvent | null;
  /** The last one with a picture. */
  readonly picture: SecurityEvent | null;
  /** Whether an answer came: until then, no event means nothing. */
  readonly isAnswered: boolean;
}

/** What a camera saw last, which opens it, and its last picture, where it has one. */
export function LastEvent({ last, picture, isAnswered }: Props) {
  if (!last) {
    return (
      <p className="flex h-15 items-center text-muted text-sm">
        {isAnswered ? words.noEvent : words.waitingForEvents}
      </p>
    );
  }
  return (
    <>
      {picture && <Thumbnail event={picture} className="h-24 w-full" />}
      <div className="flex h-15 items-center gap-3">
        <Risk event={last} />
        <div className="min-w-0">
          <p className="line-clamp-2 text-sm leading-snug" title={isolated(last.summary)}>
            <Opens event={last} />
          </p>
          <p className="text-muted text-xs">
            <Ago time={last.arrivedAt} />
          </p>
        </div>
      </div>
    </>
  );
}
