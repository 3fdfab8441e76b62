/**
 * What a page can show of messages that other producers write. A security event is never lost to a
 * missing field: what is missing is shown as unknown. Pure.
 */

import { fieldsOf, partOf } from "./conform.ts";
import type { EventData, LogData } from "./messages.ts";
import { type Risk, riskOf } from "./risk.ts";

export type LogLevel = LogData["level"];

/** An event as it is shown. */
export interface SecurityEvent extends Risk {
  /** As it came, as far as it is what an event's data should be. */
  readonly data: Readonly<Partial<EventData>>;
  /** Tells events apart: the cursor, or where there is none, its place in what was heard. */
  readonly key: string;
  /** The same for all messages about one event: its id and camera, if it has an id. */
  readonly identity: string;
  readonly id: number | null;
  readonly cameraId: string | null;
  readonly summary: string;
  /** Milliseconds since 1970. */
  readonly startedAt: number | null;
  readonly endedAt: number | null;
  /** Whether it says when it ended. */
  readonly hasEnded: boolean;
  /**
   * When it arrived at Redis by the services' clock, ms since 1970: its age counts from then, since
   * the clocks of producers may be wrong.
   */
  readonly arrivedAt: number;
  /** When this page heard of it, ms since 1970. */
  readonly heardAt: number;
  /** Whether it happened while this page watched, or while it was away. */
  readonly isNew: boolean;
}

export const LOG_LEVELS: readonly LogLevel[] = ["DEBUG", "INFO", "WARNING", "ERROR", "CRITICAL"];
const OFFSET = /(?:Z|[+-]\d\d:?\d\d)$/i;

/** Milliseconds since 1970 of a time as services write it; one without an offset is UTC. */
export function timeOf(value: string | null | undefined): number | null {
  if (value === null || value === undefined) return null;
  const time = Date.parse(OFFSET.test(value) ? value : `${value}Z`);
  return Number.isNaN(time) ? null : time;
}

interface Circumstances {
  readonly isNew?: boolean;
  /** By default, when the page heard of it. */
  readonly arrivedAt?: number;
}

const DATE = /^\d{4}-\d\d-\d\d/;

/** The event that these data tell of, as they came. */
export function eventOf(
  data: unknown,
  key: string,
  heardAt: number,
  { isNew = true, arrivedAt = heardAt }: Circumstances = {},
): SecurityEvent {
  const fitting = partOf("EventData", data);
  const id = fitting.event_id ?? fitting.id ?? null;
  const cameraId = fitting.camera_id || null;
  return {
    data: fitting,
    key,
    identity: id === null ? key : `${id} ${cameraId}`,
    id,
    cameraId,
    ...riskOf(fieldsOf(data)),
    summary: plainOf(fitting.summary ?? "") || "An event without a summary",
    startedAt: timeOf(fitting.started_at),
    endedAt: timeOf(fitting.ended_at),
    hasEnded: DATE.test(fitting.ended_at ?? ""),
    arrivedAt,
    heardAt,
    isNew,
  };
}

/** What the key of an event begins with that was heard and is in no history. */
export const HEARD = "heard-";

/** The cursor of an event, by which it can be asked for; null if it is in no history. */
export function cursorOf({ key }: SecurityEvent): string | null {
  return key.startsWith(HEARD) ? null : key;
}

const CURSOR = /^(\d{1,14})-(\d{1,14})$/;

/** When a cursor's message arrived at Redis, ms since 1970; null if there is no cursor. */
export function arrivalOf(cursor: string | undefined): number | null {
  const found = CURSOR.exec(cursor ?? "");
  return found ? Number(found[1]) : null;
}

/** Which message of its channel a cursor's is, from 1 on; null if there is no cursor. */
export function numberOf(cursor: string | undefined): number | null {
  const found = CURSOR.exec(cursor ?? "");
  return found ? Number(found[2]) : null;
}

/** A line of a job's log as a viewer shows it; a message of several lines is several of them. */
export interface LogLine {
  /**
   * Its message's number in the log, from 1 on, for everybody, and whatever is no longer kept; null
   * where nobody has counted.
   */
  readonly number: number | null;
  /** When it was logged, ms since 1970; null where the job did not say. */
  readonly at: number | null;
  readonly level: LogLevel;
  /** With terminal colours. */
  readonly text: string;
  /** Without them: what a search looks at. */
  readonly plain: string;
  /** What the job said along with it; empty where it said nothing. */
  readonly context: string;
  /** The same as it came; null where it said nothing, and for what goes on a line. */
  readonly fields: Readonly<Record<string, unknown>> | null;
  /** Whether it goes on what the line before began. */
  readonly continues: boolean;
}

// biome-ignore lint/suspicious/noControlCharactersInRegex: terminal colours begin with ESC
const ANSI = /\u001b\[[0-9;:?]*[ -/]*[@-~]/g;

// biome-ignore lint/suspicious/noControlCharactersInRegex: all but a tab and a line break
const CONTROLS = /[\u0000-\u0008\u000b-\u001f\u007f-\u009f]/g;

/** A text without terminal colours and other controls, which say nothing to a person. */
function plainOf(text: string): string {
  return text.replace(ANSI, "").replace(CONTROLS, "");
}

/**
 * The lines that this message of a job's log holds.
 *
 * @param data As far as it is what a log's data should be.
 * @param raw As it came: what is shown where there is no message.
 * @param cursor The message's.
 */
export function linesOf(
  data: Readonly<Partial<LogData>>,
  raw: unknown,
  cursor?: string,
): LogLine[] {
  const message = data.message ?? JSON.stringify(raw) ?? "";
  const at = timeOf(data.timestamp);
  const level = data.level ?? "INFO";
  const fields = fieldsOf(data.context);
  const hasFields = Object.keys(fields).length > 0;
  const context = contextOf(fields);
  const number = numberOf(cursor);
  return message.split("\n").map((text, index) => ({
    number,
    at,
    level,
    text,
    plain: text.includes("\u001b") ? text.replace(ANSI, "") : text,
    context: index === 0 ? context : "",
    fields: index === 0 && hasFields ? fields : null,
    continues: index > 0,
  }));
}

function contextOf(context: object): string {
  return Object.entries(context)
    .map(([name, value]) => `${name}=${typeof value === "string" ? value : JSON.stringify(value)}`)
    .join(" ");
}
