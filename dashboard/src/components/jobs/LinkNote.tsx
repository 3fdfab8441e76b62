import { X } from "lucide-react";
import { texts } from "../../texts";
import { ToneIcon } from "../parts";
import { whole } from "./count";
import type { Whereabouts } from "./lineLink";
import type { LineRange } from "./lineSelection";

interface Props {
  readonly range: LineRange;
  readonly place: Whereabouts;
  /** Whether no more lines come. */
  readonly isOver: boolean;
  readonly close: () => void;
}

/** Says of the lines that the page's address names why they are not shown. */
export function LinkNote({ range, place, isOver, close }: Props) {
  return (
    <div className="flex items-center gap-2 border-line border-b px-3 py-1.5 text-sm">
      <ToneIcon tone={place.state === "gone" || isOver ? "warn" : "note"} className="size-4" />
      <p role="status">{linkWords(range, place, isOver)}</p>
      <button
        type="button"
        onClick={close}
        aria-label={texts.jobs.endNote}
        className="ml-auto rounded p-1 text-muted hover:text-ink"
      >
        <X aria-hidden className="size-4" />
      </button>
    </div>
  );
}

function linkWords({ first, last }: LineRange, place: Whereabouts, isOver: boolean): string {
  const { jobs } = texts;
  const named =
    first === last ? jobs.lineNamed(whole(first)) : jobs.linesNamed(whole(first), whole(last));
  if (place.state === "gone") return jobs.lineGone(capital(named), whole(place.begins));
  return isOver ? jobs.lineMissing(named) : jobs.lineNotYet(named);
}

function capital(text: string): string {
  return `${text.charAt(0).toUpperCase()}${text.slice(1)}`;
}
