import { Check, Copy } from "lucide-react";
import { useId, useRef } from "react";
import { texts } from "../../texts";
import { useCopied } from "../useCopied";
import { BUTTON, FIELD } from "./classes";

const words = texts.page.invite;

/** A text to take along, and a button that copies it. */
export function CopyField({ name, text }: { name: string; text: string }) {
  const id = useId();
  const field = useRef<HTMLInputElement>(null);
  const { copied, copy } = useCopied(text, () => field.current?.select());

  return (
    <div className="flex flex-col gap-1">
      <label htmlFor={id} className="text-muted">
        {name}
      </label>
      <div className="flex gap-2">
        <input
          id={id}
          ref={field}
          readOnly
          value={text}
          onFocus={(event) => event.currentTarget.select()}
          className={`min-w-0 flex-1 font-mono text-xs ${FIELD}`}
        />
        <button type="button" onClick={copy} className={BUTTON}>
          {copied ? (
            <Check aria-hidden className="size-4" />
          ) : (
            <Copy aria-hidden className="size-4" />
          )}
          {words.copy}
        </button>
      </div>
      <p role="status" className="text-muted text-xs">
        {copied === true && words.copied}
        {copied === false && words.selected}
      </p>
    </div>
  );
}
