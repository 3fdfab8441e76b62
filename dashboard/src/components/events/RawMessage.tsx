import { Check, Copy } from "lucide-react";
import { useRef } from "react";
import { texts } from "../../texts";
import { BUTTON } from "../signin/classes";
import { useCopied } from "../useCopied";

const words = texts.events.one;

/** The message that told of an event, as it was published: to open, and to copy. */
export function RawMessage({ message }: { message: Readonly<Record<string, unknown>> }) {
  const field = useRef<HTMLPreElement>(null);
  const text = JSON.stringify(message, null, 2);
  const { copied, copy } = useCopied(text, () => {
    if (field.current) getSelection()?.selectAllChildren(field.current);
  });

  return (
    <details className="border-line border-t pt-4 text-sm">
      <summary className="cursor-pointer text-muted hover:text-ink">{words.message}</summary>
      <div className="mt-3 flex flex-col items-start gap-2">
        <pre
          ref={field}
          // biome-ignore lint/a11y/noNoninteractiveTabindex: it scrolls, by keyboard too
          tabIndex={0}
          className="max-h-96 w-full overflow-auto rounded-lg border border-line bg-ground p-3 font-mono text-xs [font-variant-ligatures:none]"
        >
          {text}
        </pre>
        <button type="button" onClick={copy} className={BUTTON}>
          {copied ? (
            <Check aria-hidden className="size-4" />
          ) : (
            <Copy aria-hidden className="size-4" />
          )}
          {words.copy}
        </button>
        <p role="status" className="text-muted text-xs">
          {copied === true && words.copied}
          {copied === false && words.selected}
        </p>
      </div>
    </details>
  );
}
