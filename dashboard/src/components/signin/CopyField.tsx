import { Check, Copy } from "lucide-react";
import { useId, useRef, useState } from "react";
import { BUTTON, FIELD } from "./classes";

/** A text to take along, and a button that copies it. */
export function CopyField({ name, text }: { name: string; text: string }) {
  const id = useId();
  const field = useRef<HTMLInputElement>(null);
  const [copied, setCopied] = useState<boolean | null>(null);

  const copy = async () => {
    // Selected in any case: where the browser does not let the page copy, as over plain HTTP, the
    // person can.
    field.current?.select();
    try {
      await navigator.clipboard.writeText(text);
      setCopied(true);
    } catch {
      setCopied(false);
    }
  };

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
          className={`min-w-0 flex-1 text-xs ${FIELD}`}
        />
        <button type="button" onClick={copy} className={BUTTON}>
          {copied ? (
            <Check aria-hidden className="size-4" />
          ) : (
            <Copy aria-hidden className="size-4" />
          )}
          Copy
        </button>
      </div>
      <p role="status" className="text-muted text-xs">
        {copied === true && "Copied"}
        {copied === false && "Selected: copy it with the keyboard, or by pressing on it."}
      </p>
    </div>
  );
}
