/**
 * Which events of the history are wanted: as a page's query string, as a request, and of one event
 * that comes, whether it is one of them. Pure.
 */

import type { SecurityEvent } from "./lenient.ts";
import { RISK_LEVELS, type RiskLevel, scoresOf } from "./risk.ts";

export interface EventFilters {
  /** Ids of cameras; empty: all. */
  readonly cameras: readonly string[];
  /** Empty: all. An event of which nobody knows the level is always there. */
  readonly levels: readonly RiskLevel[];
  /** From 0 to 100: only what may be of this risk or a higher one. */
  readonly minScore: number | null;
  /** Every word of it is in the summary or in the camera's id, whatever its case. */
  readonly text: string;
  /** When they arrived: at this time or later, ms since 1970. */
  readonly from: number | null;
  /** And before this one. */
  readonly to: number | null;
  /** How far back from now, in milliseconds; counts where `from` says nothing. */
  readonly within: number | null;
  /** Whether somebody has seen them; null: either. */
  readonly seen: boolean | null;
}

export const NO_FILTERS: EventFilters = {
  cameras: [],
  levels: [],
  minScore: null,
  text: "",
  from: null,
  to: null,
  within: null,
  seen: null,
};

/** Characters of a text that a service looks for. */
export const MAX_TEXT = 100;
const MAX_SCORE = 100;
const MINUTE = 60_000;
const EVER = "1970-01-01T00:00:00Z";

/** The filters of a page's query string; what makes no sense in it is left out. */
export function filtersIn(search: string): EventFilters {
  const query = new URLSearchParams(search);
  const minutes = numberIn(query.get("within"), 1, Number.MAX_SAFE_INTEGER / MINUTE);
  const levels = query.getAll("level");
  const seen = query.get("seen");
  return {
    cameras: [...new Set(query.getAll("camera_id"))].filter((id) => id !== "").sort(),
    levels: RISK_LEVELS.filter((level) => levels.includes(level)),
    minScore: numberIn(query.get("min_risk"), 0, MAX_SCORE),
    text: (query.get("q") ?? "").slice(0, MAX_TEXT),
    from: timeIn(query.get("from")),
    to: timeIn(query.get("to")),
    within: minutes === null ? null : minutes * MINUTE,
    seen: seen === "true" || seen === "false" ? seen === "true" : null,
  };
}

/** The query string that has these filters, without a question mark; empty without any. */
export function searchOf(filters: EventFilters): string {
  const query = commonOf(filters);
  const { from, within } = filters;
  if (from !== null) query.set("from", new Date(from).toISOString());
  else if (within !== null) query.set("within", String(Math.round(within / MINUTE)));
  return query.toString();
}

/** What to ask `GET /api/events` for, over the whole history; `now` is the services' time. */
export function requestOf(filters: EventFilters, now: number): URLSearchParams {
  const query = commonOf(filters);
  const from = beginningOf(filters, now);
  query.set("from", from === null ? EVER : new Date(from).toISOString());
  return query;
}

function commonOf({ cameras, levels, minScore, text, to, seen }: EventFilters): URLSearchParams {
  const query = new URLSearchParams();
  for (const camera of cameras) query.append("camera_id", camera);
  for (const level of levels) query.append("level", level);
  if (minScore !== null) query.set("min_risk", String(minScore));
  if (text.trim() !== "") query.set("q", text.trim().slice(0, MAX_TEXT));
  if (to !== null) query.set("to", new Date(to).toISOString());
  if (seen !== null) query.set("seen", String(seen));
  return query;
}

/** From when on events are wanted; null: from the history's beginning. */
function beginningOf({ from, within }: EventFilters, now: number): number | null {
  if (from !== null) return from;
  return within === null ? null : now - within;
}

/** Whether an event that has just come is of the period that is wanted. */
export function isWithin(
  { arrivedAt }: SecurityEvent,
  filters: EventFilters,
  now: number,
): boolean {
  const from = beginningOf(filters, now);
  return (from === null || arrivedAt >= from) && (filters.to === null || arrivedAt < filters.to);
}

/** Whether what is told of an event fits, as the service decides it; of marks this says nothing. */
export function fits(event: SecurityEvent, filters: EventFilters): boolean {
  const { cameras, levels, minScore } = filters;
  if (cameras.length > 0 && !cameras.includes(event.cameraId ?? "")) return false;
  // Of which level it is nobody knows: it may be of any.
  const isKept = levels.length === 0 || event.riskLevel === null;
  if (!isKept && !levels.some((level) => level === event.riskLevel)) return false;
  if (minScore !== null && greatestRisk(event) < minScore) return false;
  return hasWords(event, filters.text);
}

/** The risk that an event may be of: it is never lost to a filter for what it does not say. */
function greatestRisk({ riskLevel, riskScore }: SecurityEvent): number {
  if (riskLevel === null) return riskScore ?? MAX_SCORE;
  const { least, greatest } = scoresOf(riskLevel);
  return riskScore === null ? greatest : Math.max(riskScore, least);
}

function hasWords({ data, cameraId }: SecurityEvent, text: string): boolean {
  const words = text.toLowerCase().split(/\s+/).filter(Boolean);
  const within = `${data.summary ?? ""} ${cameraId ?? ""}`.toLowerCase();
  return words.every((word) => within.includes(word));
}

function numberIn(text: string | null, least: number, greatest: number): number | null {
  if (text === null || text.trim() === "") return null;
  const value = Number(text);
  return Number.isFinite(value) && value >= least && value <= greatest ? Math.round(value) : null;
}

function timeIn(text: string | null): number | null {
  const time = Date.parse(text ?? "");
  return Number.isNaN(time) ? null : time;
}
