import type { LogLine } from "@hsi/realtime";
import { LogBuffer } from "../../realtime/src/logBuffer";

/** Makes a line of a log; its number in the log is counted by `bufferOf`. */
export function line(text: string, changes: Partial<LogLine> = {}): LogLine {
  return {
    number: null,
    at: Date.UTC(2026, 0, 17, 10, 32, 5, 6),
    level: "INFO",
    text,
    plain: text,
    context: "",
    fields: null,
    continues: false,
    ...changes,
  };
}

/** A log with these lines, numbered from `first` on. */
export function bufferOf(lines: readonly LogLine[], first = 1): LogBuffer {
  const buffer = new LogBuffer();
  let number = first - 1;
  buffer.push(
    lines.map((one) => {
      if (!one.continues) number += 1;
      return { ...one, number };
    }),
  );
  return buffer;
}
