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
    summary: fitting.summary || "An event without a summary",
    startedAt: timeOf(fitting.started_at),
    endedAt: timeOf(fitting.ended_at),
    hasEnded: DATE.test(fitting.ended_at ?? ""),
    arrivedAt,
    heardAt,
    isNew,
  };
}

/** When a cursor's message arrived at Redis, ms since 1970; null if there is no cursor. */
export function arrivalOf(cursor: string | undefined): number | null {
  const found = /^(\d{1,14})-\d{1,14}$/.exec(cursor ?? "");
  return found ? Number(found[1]) : null;
}

/** A line of a job's log as a viewer shows it; a message of several lines is several of them. */
export interface LogLine {
  /** When it was logged, ms since 1970; null where the job did not say. */
  readonly at: number | null;
  readonly level: LogLevel;
  /** With terminal colours. */
  readonly text: string;
  /** Without them: what a search looks at. */
  readonly plain: string;
  /** What the job said along with it; empty where it said nothing. */
  readonly context: string;
  /** Whether it goes on what the line before began. */
  readonly continues: boolean;
}

// biome-ignore lint/suspicious/noControlCharactersInRegex: terminal colours begin with ESC
const ANSI = /\u001b\[[0-9;:?]*[ -/]*[@-~]/g;

/**
 * The lines that this message of a job's log holds.
 *
 * @param data As far as it is what a log's data should be.
 * @param raw As it came: what is shown where there is no message.
 */
export function linesOf(data: Readonly<Partial<LogData>>, raw: unknown): LogLine[] {
  const message = data.message ?? JSON.stringify(raw) ?? "";
  const at = timeOf(data.timestamp);
  const level = data.level ?? "INFO";
  const context = contextOf(data.context ?? {});
  return message.split("\n").map((text, index) => ({
    at,
    level,
    text,
    plain: text.includes("\u001b") ? text.replace(ANSI, "") : text,
    context: index === 0 ? context : "",
    continues: index > 0,
  }));
}

function contextOf(context: object): string {
  return Object.entries(context)
    .map(([name, value]) => `${name}=${typeof value === "string" ? value : JSON.stringify(value)}`)
    .join(" ");
}
