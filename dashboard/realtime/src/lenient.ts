/**
 * What a page can show of messages that other producers write. A security event is never lost to a
 * missing field: what is missing is shown as unknown. Pure.
 */

import type { EventData, LogData } from "./messages.ts";

export type RiskLevel = EventData["risk_level"];
export type LogLevel = LogData["level"];

/** An event as it is shown. */
export interface SecurityEvent {
  /** As it came. */
  readonly data: Readonly<Partial<EventData>>;
  /** Tells events apart: the cursor, or where there is none, its place in what was heard. */
  readonly key: string;
  readonly id: number | null;
  readonly cameraId: string | null;
  /** From 0 to 100. */
  readonly riskScore: number | null;
  readonly riskLevel: RiskLevel | null;
  readonly summary: string;
  /** Milliseconds since 1970. */
  readonly startedAt: number | null;
  readonly endedAt: number | null;
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

/** The event that these data tell of. */
export function eventOf(
  data: Readonly<Partial<EventData>>,
  key: string,
  heardAt: number,
  isNew = true,
): SecurityEvent {
  return {
    data,
    key,
    id: data.event_id ?? data.id ?? null,
    cameraId: data.camera_id || null,
    riskScore: data.risk_score ?? null,
    riskLevel: data.risk_level ?? null,
    summary: data.summary || "An event without a summary",
    startedAt: timeOf(data.started_at),
    endedAt: timeOf(data.ended_at),
    heardAt,
    isNew,
  };
}

/** When an event was last going on, ms since 1970: events are shown in this order. */
export function momentOf({ endedAt, startedAt, heardAt }: SecurityEvent): number {
  return endedAt ?? startedAt ?? heardAt;
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
