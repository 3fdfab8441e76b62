import { type RaisedAlertData, useAlertSeen } from "@hsi/realtime";
import { Check } from "lucide-react";
import { texts } from "../../texts";
import { Refusal } from "../Refusal";
import { SteadyButton } from "../SteadyButton";

const words = texts.performance.alerts;
const BUTTON = "rounded-md border border-line px-2 py-0.5 hover:bg-raised hover:text-ink";

interface SeenMarkProps {
  readonly alert: RaisedAlertData;
  /** The alert in words. */
  readonly what: string;
}

/** Who has seen an active alert; who may act can say so, and take it back. */
export function SeenMark({ alert, what }: SeenMarkProps) {
  const { seen, mayAct, mark, undo, error, retry } = useAlertSeen(alert);
  return (
    <>
      {seen && (
        <span className="flex items-center gap-1">
          <Check aria-hidden className="size-3.5" />
          <bdi>{words.seenBy(seen.by)}</bdi>
        </span>
      )}
      {mayAct && (
        <SteadyButton
          does={`${seen !== null} ${alert.id}`}
          aria-label={seen ? words.undoOf(what) : words.seenOf(what)}
          onPress={() => void (seen ? undo() : mark())}
          className={BUTTON}
        >
          {seen ? words.undo : words.seen}
        </SteadyButton>
      )}
      {error && retry && <Refusal what={words.refused} why={error.message} retry={retry} />}
    </>
  );
}
