import { texts } from "../../texts";
import { ToneIcon } from "../parts";
import { TONE_CLASSES } from "../toneClasses";
import { linesIn, whole } from "./count";
import type { LogWords } from "./logWords";

interface Props {
  readonly words: LogWords;
  readonly reconnect: () => void;
  /** Lines that the filter lets through. */
  readonly shown: number;
  readonly kept: number;
  readonly filtered: boolean;
  readonly trimmed: boolean;
}

/** The last line below a log: how its job and its connection are, and how many lines there are. */
export function LogFooter({ words, reconnect, shown, kept, filtered, trimmed }: Props) {
  return (
    <div className="flex min-h-9 flex-wrap items-center justify-between gap-x-4 border-line border-t px-3 py-1 text-sm">
      <div className="flex min-h-7 items-center gap-2">
        <ToneIcon tone={words.tone} className="size-4" />
        <p role="status" className={TONE_CLASSES[words.tone].ink}>
          {words.text}
        </p>
        {words.again && (
          <button
            type="button"
            onClick={reconnect}
            className="rounded border border-line px-2 py-0.5 font-medium hover:bg-raised"
          >
            {texts.jobs.reconnect}
          </button>
        )}
      </div>
      <p className="figure text-muted">
        {trimmed && `${texts.jobs.trimmed} `}
        {filtered ? texts.jobs.partOf(whole(shown), linesIn(kept)) : linesIn(kept)}
      </p>
    </div>
  );
}
