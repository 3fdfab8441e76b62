import { RISK_LEVELS, type RiskLevel } from "@hsi/realtime";
import { Bell } from "lucide-react";
import { useEffect, useId, useRef, useSyncExternalStore } from "react";
import { texts } from "../../texts";
import type { Notifier } from "../../told/notifier";
import type { Choice } from "../../told/rules";
import { BUTTON, DIALOG, FIELD, TITLE } from "../signin/classes";
import { CameraChoice } from "./CameraChoice";
import { PushPart } from "./PushPart";
import { QuietHoursChoice } from "./QuietHoursChoice";
import { Ways } from "./Ways";

const { told: words } = texts;

/** A part of the dialog: what is chosen, and a way to choose something else. */
export interface PartProps {
  readonly choice: Choice;
  readonly change: (changes: Partial<Choice>) => void;
}

interface TellDialogProps {
  readonly notifier: Notifier;
  readonly onClose: () => void;
}

/** What this device's person is told of, and how; each choice counts at once. */
export default function TellDialog({ notifier, onClose }: TellDialogProps) {
  const dialog = useRef<HTMLDialogElement>(null);
  const id = useId();
  const { choices } = notifier;
  const choice = useSyncExternalStore(choices.subscribe, choices.get);
  const change = (changes: Partial<Choice>) => choices.change(changes);

  useEffect(() => {
    if (!dialog.current?.open) dialog.current?.showModal();
  }, []);

  return (
    <dialog ref={dialog} aria-labelledby={id} onClose={onClose} className={DIALOG}>
      <div className="flex flex-col gap-5 text-sm">
        <h2 id={id} className={TITLE}>
          <Bell aria-hidden className="size-5 text-good" />
          {words.title}
        </h2>
        <LevelChoice choice={choice} change={change} />
        <CameraChoice choice={choice} change={change} />
        <QuietHoursChoice choice={choice} change={change} />
        <Ways notifier={notifier} choice={choice} change={change} />
        <PushPart push={notifier.push} choice={choice} />
        <p className="text-muted text-xs">{words.ofDevice}</p>
        <button type="button" onClick={() => dialog.current?.close()} className={BUTTON}>
          {words.close}
        </button>
      </div>
    </dialog>
  );
}

function LevelChoice({ choice, change }: PartProps) {
  const choose = (value: string) => {
    const level: RiskLevel | undefined = RISK_LEVELS.find((one) => one === value);
    if (level) change({ level });
  };
  return (
    <label className="flex flex-wrap items-center justify-between gap-2">
      {words.level}
      <select
        value={choice.level}
        onChange={({ target }) => choose(target.value)}
        className={FIELD}
      >
        {RISK_LEVELS.map((level) => (
          <option key={level} value={level}>
            {words.from[level]}
          </option>
        ))}
      </select>
    </label>
  );
}
