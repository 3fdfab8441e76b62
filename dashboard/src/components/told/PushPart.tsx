import { useEffect, useId, useSyncExternalStore } from "react";
import { texts } from "../../texts";
import type { Push, PushState } from "../../told/push";
import type { Choice } from "../../told/rules";
import { Failure } from "../parts";
import { BUTTON } from "../signin/classes";

const { told: words } = texts;

/** Web Push: on, off, or why there is none. */
export function PushPart({ push, choice }: { push: Push; choice: Choice }) {
  const state = useSyncExternalStore(push.subscribe, push.get);
  const id = useId();
  useEffect(() => void push.look(), [push]);
  const isOn = state.phase === "on";
  const turn = () => void (isOn ? push.turnOff() : push.turnOn(choice));
  return (
    <section aria-labelledby={id} className="flex flex-col gap-1">
      <div className="flex min-h-10 items-center justify-between gap-2">
        <h3 id={id}>{words.push}</h3>
        {(isOn || state.phase === "off" || state.phase === "failed") && (
          <button type="button" onClick={turn} className={BUTTON}>
            {isOn ? words.turnOff : words.turnOn}
          </button>
        )}
      </div>
      {state.phase === "failed" ? (
        <Failure what={words.pushFailed} why={state.why} />
      ) : (
        <p className="text-muted">{wordsOf(state)}</p>
      )}
    </section>
  );
}

function wordsOf(state: Exclude<PushState, { phase: "failed" }>): string {
  switch (state.phase) {
    case "on":
      return words.pushOn;
    case "off":
      return words.pushOff;
    case "denied":
      return words.permission.denied;
    case "not set up":
      return words.noPush.notSetUp;
    case "unsupported":
      return words.noPush[state.why];
    default:
      return words.pushBusy;
  }
}
