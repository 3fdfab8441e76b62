import { useState } from "react";

/**
 * Copies a text, and says whether it could; null before the first try.
 *
 * @param select Selects the text in the page: where the browser does not let the page copy, as over
 *   plain HTTP, the person can.
 */
export function useCopied(text: string, select: () => void) {
  const [copied, setCopied] = useState<boolean | null>(null);
  const copy = async () => {
    select();
    try {
      await navigator.clipboard.writeText(text);
      setCopied(true);
    } catch {
      setCopied(false);
    }
  };
  return { copied, copy };
}
