import type { LogBuffer } from "@hsi/realtime";
import { type RefObject, useEffect } from "react";
import { selectedText } from "./copied";
import { shownLine } from "./shown";

const FIELDS = "input, textarea, select";

/**
 * Copies what is selected in a log: text across rows, each line as one, or else the selected lines,
 * also those that are not drawn.
 *
 * @param textOf The text of the selected lines; null: none is selected.
 */
export function useCopy(
  log: RefObject<HTMLElement | null>,
  lines: LogBuffer,
  textOf: (() => string) | null,
): void {
  useEffect(() => {
    const onCopy = (event: ClipboardEvent) => {
      if (!log.current || document.activeElement?.matches(FIELDS)) return;
      const selection = getSelection();
      const whole = (number: number) => {
        const line = lines.at(number);
        return line ? shownLine(line) : "";
      };
      let text = selectedText(selection, log.current, whole);
      // What is selected elsewhere is copied as everywhere.
      if (text === null && selection?.isCollapsed !== false) text = textOf?.() ?? null;
      if (text === null) return;
      event.clipboardData?.setData("text/plain", text);
      event.preventDefault();
    };
    document.addEventListener("copy", onCopy);
    return () => document.removeEventListener("copy", onCopy);
  }, [log, lines, textOf]);
}
