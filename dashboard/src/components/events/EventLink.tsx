import { cursorOf, type SecurityEvent } from "@hsi/realtime";
import type { ReactNode } from "react";
import { Link } from "wouter";
import { useEventLink } from "./usePlace";

interface Props {
  readonly cursor: string;
  readonly className?: string;
  readonly children: ReactNode;
}

/** Opens an event over the page that is shown. */
export function EventLink({ cursor, className = "", children }: Props) {
  const { href, state } = useEventLink()(cursor);
  return (
    <Link href={href} state={state} className={className}>
      {children}
    </Link>
  );
}

/** Makes all of the nearest `relative` element a part of its link. */
const COVERS =
  "outline-none after:absolute after:inset-0 hover:underline focus-visible:after:rounded focus-visible:after:outline-2 focus-visible:after:-outline-offset-2 focus-visible:after:outline-data-ink";

/** An event's summary, which opens it; what is in no history has no address. */
export function Opens({ event }: { event: SecurityEvent }) {
  return (
    <Covering event={event}>
      <bdi>{event.summary}</bdi>
    </Covering>
  );
}

/** The same where there is no room for the summary. */
export function OpensUnseen({ event }: { event: SecurityEvent }) {
  return (
    <Covering event={event}>
      <span className="sr-only">{event.summary}</span>
    </Covering>
  );
}

function Covering({ event, children }: { event: SecurityEvent; children: ReactNode }) {
  const cursor = cursorOf(event);
  if (cursor === null) return children;
  return (
    <EventLink cursor={cursor} className={COVERS}>
      {children}
    </EventLink>
  );
}
