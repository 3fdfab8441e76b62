import type { LogBuffer } from "@hsi/realtime";
import { Download } from "lucide-react";
import { type MouseEvent, useId, useState } from "react";
import { texts } from "../../texts";
import { linesIn } from "./count";
import { type FileKind, fileName, fileOf, KINDS } from "./downloads";

interface Props {
  readonly id: string;
  readonly lines: LogBuffer;
  readonly isTrimmed: boolean;
  readonly className: string;
}

const CHOICES: readonly (readonly [kind: FileKind, name: string, hint: string])[] = [
  ["text", texts.jobs.asText, texts.jobs.asTextHint],
  ["jsonl", texts.jobs.asJson, texts.jobs.asJsonHint],
];
/** Pixels between the button and what it opens. */
const GAP = 4;

/** Saves the log as a file. */
export function DownloadMenu({ id, lines, isTrimmed, className }: Props) {
  const menu = useId();
  const [place, setPlace] = useState({ top: 0, right: 0 });
  const below = (event: MouseEvent<HTMLButtonElement>) => {
    const { bottom, right } = event.currentTarget.getBoundingClientRect();
    setPlace({ top: bottom + GAP, right: document.documentElement.clientWidth - right });
  };
  return (
    <>
      <button type="button" popoverTarget={menu} onClick={below} className={className}>
        <Download aria-hidden className="size-4" />
        <span className="max-sm:sr-only">{texts.jobs.download}</span>
      </button>
      <section
        id={menu}
        popover="auto"
        aria-label={texts.jobs.download}
        className="inset-auto w-72 max-w-[calc(100vw-1rem)] rounded-xl border border-line bg-card p-2 text-ink shadow-lg"
        style={place}
      >
        {CHOICES.map(([kind, name, hint]) => (
          <button
            key={kind}
            type="button"
            popoverTarget={menu}
            popoverTargetAction="hide"
            onClick={() => save(id, lines, kind, isTrimmed)}
            className="block w-full rounded-md px-2 py-1.5 text-left text-sm hover:bg-raised"
          >
            {name}
            <span className="block text-muted text-xs">{hint}</span>
          </button>
        ))}
        <p className="px-2 py-1.5 text-muted text-xs">
          {texts.jobs.downloadHolds(linesIn(lines.end - lines.first))}
          {isTrimmed && ` ${texts.jobs.downloadTrimmed}`}
        </p>
      </section>
    </>
  );
}

function save(id: string, lines: LogBuffer, kind: FileKind, isTrimmed: boolean): void {
  const file = new Blob([...fileOf(lines, kind, isTrimmed)], { type: KINDS[kind].type });
  const link = document.createElement("a");
  link.href = URL.createObjectURL(file);
  link.download = fileName(id, kind);
  link.click();
  // Not at once: the browser begins to read it after this.
  setTimeout(() => URL.revokeObjectURL(link.href), 60_000);
}
