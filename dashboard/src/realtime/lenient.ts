/**
 * What a page can show of messages that other producers write. A security event is never lost to a
 * missing field: what is odd is shown as unknown. Pure.
 */

import type { LogData } from "./messages";

export type RiskLevel = "low" | "medium" | "high" | "critical";
export type LogLevel = LogData["level"];

export interface SecurityEvent {
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
const RISK_LEVELS: readonly RiskLevel[] = ["low", "medium", "high", "critical"];
const OFFSET = /(?:Z|[+-]\d\d:?\d\d)$/i;

type Fields = Readonly<Record<string, unknown>>;

/** The fields of what should be an object. */
export function fieldsOf(data: unknown): Fields {
  return Object(data) as Fields;
}

/** Milliseconds since 1970 of a time on the wire, where none without an offset is local: UTC. */
export function timeOf(value: unknown): number | null {
  if (typeof value !== "string") return null;
  const time = Date.parse(OFFSET.test(value) ? value : `${value}Z`);
  return Number.isNaN(time) ? null : time;
}

export function numberOf(value: unknown): number | null {
  return typeof value === "number" && Number.isFinite(value) ? value : null;
}

function textOf(value: unknown): string | null {
  return typeof value === "string" && value !== "" ? value : null;
}

function oneOf<T extends string>(words: readonly T[], value: unknown): T | null {
  return words.find((word) => word === value) ?? null;
}

/** The event that this message tells of. */
export function eventOf(data: unknown, key: string, heardAt: number, isNew = true): SecurityEvent {
  const fields = fieldsOf(data);
  return {
    key,
    id: numberOf(fields.event_id) ?? numberOf(fields.id),
    cameraId: textOf(fields.camera_id),
    riskScore: numberOf(fields.risk_score),
    riskLevel: oneOf(RISK_LEVELS, fields.risk_level),
    summary: textOf(fields.summary) ?? "An event without a summary",
    startedAt: timeOf(fields.started_at),
    endedAt: timeOf(fields.ended_at),
    heardAt,
    isNew,
  };
}

/** When an event was last going on, ms since 1970: events are told in this order. */
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

/** The lines that this message of a job's log holds. */
export function linesOf(data: unknown): LogLine[] {
  const fields = fieldsOf(data);
  const message =
    typeof fields.message === "string" ? fields.message : (JSON.stringify(data) ?? "");
  const at = timeOf(fields.timestamp);
  const level = oneOf(LOG_LEVELS, fields.level) ?? "INFO";
  const context = contextOf(fields.context);
  return message.split("\n").map((text, index) => ({
    at,
    level,
    text,
    plain: text.includes("\u001b") ? text.replace(ANSI, "") : text,
    context: index === 0 ? context : "",
    continues: index > 0,
  }));
}

function contextOf(context: unknown): string {
  if (typeof context !== "object" || context === null) return "";
  return Object.entries(context)
    .map(([name, value]) => `${name}=${typeof value === "string" ? value : JSON.stringify(value)}`)
    .join(" ");
}
