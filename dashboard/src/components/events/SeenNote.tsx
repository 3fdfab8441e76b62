import { type SecurityEvent, useSeen } from "@hsi/realtime";
import { CheckCheck } from "lucide-react";
import { dateAndClock } from "../../format";
import { texts } from "../../texts";
import { SeenButton } from "../SeenButton";
import { SeenRefusal } from "../SeenRefusal";

const words = texts.events.seen;

/** Whether somebody has seen an event, who and when, and how to say so. */
export function SeenNote({ event }: { event: SecurityEvent }) {
  const { seenOf, knows } = useSeen();
  const seen = seenOf(event);
  const nobody = knows(event) ? words.notYet : words.notKnown;
  return (
    <div className="flex flex-col gap-2 border-line border-t pt-4 text-sm">
      <div className="flex items-center justify-between gap-3">
        <p className="flex min-w-0 items-center gap-2 text-muted">
          {seen && <CheckCheck aria-hidden className="size-4 shrink-0" />}
          <bdi>{seen ? words.by(seen.by, dateAndClock(seen.at)) : nobody}</bdi>
        </p>
        <SeenButton event={event} />
      </div>
      <SeenRefusal event={event} />
    </div>
  );
}
