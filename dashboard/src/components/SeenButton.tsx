import { canBeMarked, type SecurityEvent, useSeen } from "@hsi/realtime";
import { Check, Undo2 } from "lucide-react";
import { texts } from "../texts";
import { SteadyButton } from "./SteadyButton";

/** Says that an event was seen, or takes that back; nothing for who may not. */
export function SeenButton({ event }: { event: SecurityEvent }) {
  const { seenOf, mark, undo, mayAct } = useSeen();
  if (!mayAct || !canBeMarked(event)) return null;
  const isSeen = seenOf(event) !== null;
  const name = isSeen ? texts.events.seen.undo : texts.events.seen.mark;
  const Icon = isSeen ? Undo2 : Check;
  return (
    <SteadyButton
      does={`${isSeen} ${event.key}`}
      onPress={() => void (isSeen ? undo(event) : mark(event))}
      aria-label={texts.events.seen.about(name, event.summary)}
      className="flex shrink-0 items-center gap-1 rounded border border-line px-2 py-0.5 font-medium text-ink text-sm hover:bg-raised"
    >
      <Icon aria-hidden className="size-4" />
      {name}
    </SteadyButton>
  );
}
