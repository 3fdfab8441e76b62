/** A log as a file. Pure. */

import type { LogBuffer, LogLine } from "@hsi/realtime";
import { texts } from "../../texts";
import { whole } from "./count";
import { shownLine } from "./shown";

export type FileKind = "text" | "jsonl";

interface Kind {
  readonly ending: string;
  readonly type: string;
}

export const KINDS: Readonly<Record<FileKind, Kind>> = {
  text: { ending: "log", type: "text/plain;charset=utf-8" },
  jsonl: { ending: "jsonl", type: "application/jsonl;charset=utf-8" },
};

/** Lines that are one part of a file: a file of all of them would be two large texts at once. */
const PART = 5_000;
const LEVEL_WIDTH = "CRITICAL".length;

/** A line with its time (UTC) and its level, as a file has it. */
export function lineWithTime(line: LogLine): string {
  // What goes on a line has its time and level.
  if (line.continues) return shownLine(line);
  const time = line.at === null ? "-" : new Date(line.at).toISOString();
  return `${time} ${line.level.padEnd(LEVEL_WIDTH)} ${shownLine(line)}`;
}

/** What a file is called. */
export function fileName(id: string, kind: FileKind): string {
  return `${id}.${KINDS[kind].ending}`;
}

/**
 * All lines that are kept, as the parts of a file.
 *
 * As text: times, levels, and what is shown, without colours. As JSON lines, one for each message:
 * `time`, `level`, `message` as the job wrote it, `context`.
 *
 * @param isTrimmed Whether there were lines before: then the first line says so.
 */
export function* fileOf(lines: LogBuffer, kind: FileKind, isTrimmed: boolean): Generator<string> {
  if (isTrimmed) {
    const note = texts.jobs.fileHolds(whole(lines.end - lines.first));
    yield kind === "text" ? `# ${note}\n` : json(null, null, note, null);
  }
  let part: string[] = [];
  for (const line of kind === "text" ? textLines(lines) : jsonLines(lines)) {
    part.push(line);
    if (part.length < PART) continue;
    yield part.join("");
    part = [];
  }
  yield part.join("");
}

function* textLines(lines: LogBuffer): Generator<string> {
  for (const line of linesOf(lines)) yield `${lineWithTime(line)}\n`;
}

function* jsonLines(lines: LogBuffer): Generator<string> {
  let first: LogLine | null = null;
  let message: string[] = [];
  for (const line of linesOf(lines)) {
    if (line.continues && first !== null) {
      message.push(line.text);
      continue;
    }
    if (first !== null) yield jsonOf(first, message);
    [first, message] = [line, [line.text]];
  }
  if (first !== null) yield jsonOf(first, message);
}

function jsonOf(line: LogLine, message: readonly string[]): string {
  const time = line.at === null ? null : new Date(line.at).toISOString();
  return json(time, line.level, message.join("\n"), line.fields);
}

function json(time: string | null, level: string | null, message: string, context: unknown) {
  return `${JSON.stringify({ time, level, message, context })}\n`;
}

function* linesOf(lines: LogBuffer): Generator<LogLine> {
  for (let number = lines.first; number < lines.end; number += 1) {
    const line = lines.at(number);
    if (line) yield line;
  }
}
