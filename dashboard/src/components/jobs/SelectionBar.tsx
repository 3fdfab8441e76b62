import { Copy, Link, X } from "lucide-react";
import { useState } from "react";
import { copyText } from "../../clipboard";
import { texts } from "../../texts";
import { linesIn, whole } from "./count";

interface Props {
  /** Lines that are selected. */
  readonly count: number;
  /** Their text; with their times and levels, or without. */
  readonly textOf: (withTimes: boolean) => string;
  /** The part of the address that names them; empty where there is none. */
  readonly hash: string;
  readonly end: () => void;
}

const BUTTON =
  "inline-flex h-8 items-center gap-1.5 rounded-md border border-line px-2 text-sm hover:bg-raised";

/** What can be done with the selected lines. */
export function SelectionBar({ count, textOf, hash, end }: Props) {
  const [said, setSaid] = useState<string | null>(null);
  const copy = async (text: string, done: string) => {
    setSaid((await copyText(text)) ? done : texts.jobs.notCopied);
  };
  const copied = texts.jobs.linesCopied(linesIn(count));
  const link = () => `${location.origin}${location.pathname}${location.search}${hash}`;
  return (
    <div className="flex flex-wrap items-center gap-2 border-line border-t px-3 py-1 text-sm">
      <p role="status" className="figure">
        {texts.jobs.selected(count, whole(count))}
      </p>
      <button type="button" onClick={() => copy(textOf(false), copied)} className={BUTTON}>
        <Copy aria-hidden className="size-4" />
        {texts.jobs.copy}
      </button>
      <button type="button" onClick={() => copy(textOf(true), copied)} className={BUTTON}>
        {texts.jobs.copyWithTimes}
      </button>
      {hash !== "" && (
        <button
          type="button"
          onClick={() => copy(link(), texts.jobs.linkCopied)}
          className={BUTTON}
        >
          <Link aria-hidden className="size-4" />
          {texts.jobs.copyLink}
        </button>
      )}
      <p role="status" className="text-muted">
        {said}
      </p>
      <button
        type="button"
        onClick={end}
        aria-label={texts.jobs.endSelection}
        className="ml-auto rounded p-1 text-muted hover:text-ink"
      >
        <X aria-hidden className="size-4" />
      </button>
    </div>
  );
}
