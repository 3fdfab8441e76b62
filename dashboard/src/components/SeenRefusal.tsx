import { type SecurityEvent, useSeen } from "@hsi/realtime";
import { texts } from "../texts";
import { Refusal } from "./Refusal";

const words = texts.events.seen;

/** Why it was refused to mark this event, or to take that back, and a button that tries again. */
export function SeenRefusal({ event }: { event: SecurityEvent | null }) {
  const { error, refused } = useSeen();
  if (!error || !refused || refused.event.identity !== event?.identity) return null;
  return <Refusal what={words.refused} why={error.message} retry={refused.retry} />;
}
