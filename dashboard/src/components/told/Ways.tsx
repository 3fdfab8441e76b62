import { useEffect, useSyncExternalStore } from "react";
import { texts } from "../../texts";
import type { Notifier } from "../../told/notifier";
import type { Choice } from "../../told/rules";
import { BUTTON } from "../signin/classes";
import type { PartProps } from "./TellDialog";

const { told: words } = texts;

interface WaysProps extends PartProps {
  readonly notifier: Notifier;
}

/** By a notification, by a sound; and what the browser does not let the page do. */
export function Ways({ notifier, choice, change }: WaysProps) {
  return (
    <fieldset className="flex flex-col gap-3">
      <legend className="sr-only">{words.title}</legend>
      <NotificationWay notifier={notifier} choice={choice} change={change} />
      <SoundWay notifier={notifier} choice={choice} change={change} />
    </fieldset>
  );
}

function NotificationWay({ notifier: { notifications }, choice, change }: WaysProps) {
  const permission = useSyncExternalStore(notifications.subscribe, notifications.permission);
  const canNotify = permission === "granted" || permission === "default";
  const choose = async (isOn: boolean) => {
    // The click is what a browser wants before it asks the person.
    change({ notifies: isOn && (await notifications.ask()) === "granted" });
  };
  const sample = () =>
    void notifications.show(
      { title: texts.page.name, body: words.sampleNotification, tag: "hsi", url: "/", level: null },
      { isAgain: true },
    );
  return (
    <div className="flex flex-col gap-1">
      <Way
        name={words.notifies}
        isOn={choice.notifies && permission === "granted"}
        isPossible={canNotify}
        choose={(isOn) => void choose(isOn)}
        sample={choice.notifies && permission === "granted" ? sample : null}
        sampleName={words.tryNotification}
      />
      {permission !== "granted" && (permission !== "default" || choice.notifies) && (
        <p className="ml-6 text-warn-ink">{words.permission[permission]}</p>
      )}
    </div>
  );
}

function SoundWay({ notifier: { sound }, choice, change }: WaysProps) {
  const isBlocked = useSyncExternalStore(sound.subscribe, sound.isBlocked);
  const { level, sounds } = choice;
  useEffect(() => {
    if (sounds) void sound.prepare();
  }, [sound, sounds]);
  return (
    <div className="flex flex-col gap-1">
      <Way
        name={words.sounds}
        isOn={sounds}
        isPossible
        choose={(isOn) => change({ sounds: isOn } satisfies Partial<Choice>)}
        sample={sounds ? () => void sound.play(level) : null}
        sampleName={words.trySound}
      />
      {sounds && isBlocked && <p className="ml-6 text-warn-ink">{words.soundBlocked}</p>}
    </div>
  );
}

interface WayProps {
  readonly name: string;
  readonly isOn: boolean;
  readonly isPossible: boolean;
  readonly choose: (isOn: boolean) => void;
  /** Shows how it is; null while it is off. */
  readonly sample: (() => void) | null;
  readonly sampleName: string;
}

function Way({ name, isOn, isPossible, choose, sample, sampleName }: WayProps) {
  return (
    <div className="flex min-h-10 items-center justify-between gap-2">
      <label className="flex items-center gap-2">
        <input
          type="checkbox"
          checked={isOn}
          disabled={!isPossible}
          onChange={({ target }) => choose(target.checked)}
        />
        {name}
      </label>
      {sample && (
        <button type="button" onClick={sample} className={BUTTON}>
          {sampleName}
        </button>
      )}
    </div>
  );
}
