import type { LogLine } from "@hsi/realtime";
import { segmentsOf } from "./ansi";

// biome-ignore lint/suspicious/noControlCharactersInRegex: what a line does not show begins so
const CONTROL = /[\u0000-\u0008\u000a-\u001f\u007f-\u009f]/;

/** A text as it is shown: without colours and what a terminal does not show. Pure. */
export function shownText(text: string): string {
  if (!CONTROL.test(text)) return text;
  return segmentsOf(text)
    .map((segment) => segment.text)
    .join("");
}

/** A line as it is shown: what was said, and what was said along with it. Pure. */
export function shownLine(line: LogLine): string {
  const message = shownText(line.text);
  return line.context === "" ? message : `${message} ${shownText(line.context)}`;
}
