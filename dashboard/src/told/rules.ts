/** Of which events this device tells a person, and how they choose it. Pure. */

import { RISK_LEVELS, type RiskLevel, type SecurityEvent } from "@hsi/realtime";
import { levelOf } from "../homeVerdict";

/** Hours of the day in which nothing is told, by the clock on the wall. */
export interface QuietHours {
  /** Times of day, as "22:00". */
  readonly from: string;
  readonly to: string;
  /** Whether a critical event is told all the same. */
  readonly exceptCritical: boolean;
}

export interface Rules {
  /** Events at or above it are told. */
  readonly level: RiskLevel;
  /** Ids of the cameras whose events are told; null: of all. */
  readonly cameras: readonly string[] | null;
  readonly quiet: QuietHours | null;
}

/** The rules, and by which ways events are told while the page is open. */
export interface Choice extends Rules {
  readonly notifies: boolean;
  readonly sounds: boolean;
}

export const NOTHING_CHOSEN: Choice = {
  level: "high",
  cameras: null,
  quiet: null,
  notifies: false,
  sounds: false,
};

export const USUAL_QUIET: QuietHours = { from: "22:00", to: "07:00", exceptCritical: true };

/** Whether an event is of the level and the cameras that were chosen; without a camera, it is. */
export function isChosen(event: SecurityEvent, { level, cameras }: Rules): boolean {
  const { cameraId } = event;
  const ofCamera = cameras === null || cameraId === null || cameras.includes(cameraId);
  return ofCamera && rankOf(levelOf(event)) >= rankOf(level);
}

/** Whether an event is told at a moment, ms since 1970; quiet hours are by this device's zone. */
export function isTold(event: SecurityEvent, rules: Rules, moment: number): boolean {
  if (!isChosen(event, rules)) return false;
  if (rules.quiet === null || !isWithin(rules.quiet, timeOfDay(moment))) return true;
  return rules.quiet.exceptCritical && levelOf(event) === "critical";
}

/** A level's place among all, from the lowest. */
export function rankOf(level: RiskLevel): number {
  return RISK_LEVELS.indexOf(level);
}

/**
 * Whether a time of day, as "23:30", is within these hours, which may go over midnight. Their end
 * is no longer within; from a time to the same time is the whole day.
 */
export function isWithin({ from, to }: Pick<QuietHours, "from" | "to">, time: string): boolean {
  if (from < to) return from <= time && time < to;
  return from <= time || time < to;
}

/**
 * The time of day that clocks on the wall show. Quiet hours are told by it and by no length: so
 * they begin and end when people expect it, when clocks go forward or back, too.
 */
export function timeOfDay(moment: number): string {
  const date = new Date(moment);
  const [hours, minutes] = [date.getHours(), date.getMinutes()];
  return `${String(hours).padStart(2, "0")}:${String(minutes).padStart(2, "0")}`;
}

const TIME = /^([01]\d|2[0-3]):[0-5]\d$/;

/** Whether a text is a time of day, as "07:00". */
export function isTimeOfDay(text: unknown): text is string {
  return typeof text === "string" && TIME.test(text);
}

/** A choice as it is kept. */
export function written(choice: Choice): string {
  return JSON.stringify(choice);
}

/** The choice that was kept; each part that is not what it should be is as if never chosen. */
export function choiceIn(text: string | null): Choice {
  const { level, cameras, quiet, notifies, sounds } = fieldsOf(parsed(text));
  return {
    level: RISK_LEVELS.find((one) => one === level) ?? NOTHING_CHOSEN.level,
    cameras: Array.isArray(cameras) ? cameras.filter((id) => typeof id === "string") : null,
    quiet: quietIn(quiet),
    notifies: notifies === true,
    sounds: sounds === true,
  };
}

function quietIn(value: unknown): QuietHours | null {
  const { from, to, exceptCritical } = fieldsOf(value);
  if (!isTimeOfDay(from) || !isTimeOfDay(to)) return null;
  return { from, to, exceptCritical: exceptCritical !== false };
}

function parsed(text: string | null): unknown {
  if (text === null) return null;
  try {
    return JSON.parse(text);
  } catch {
    // Something else was kept under this name.
    return null;
  }
}

/** The fields of something that came as JSON; none where it has none. */
export function fieldsOf(value: unknown): Readonly<Record<string, unknown>> {
  return typeof value === "object" && value !== null ? { ...value } : {};
}
