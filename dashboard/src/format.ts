/** Figures, times and words as a person reads them. Pure. */

import type { AlertLimits } from "@hsi/realtime";

/** What stands for a figure that nobody could measure. */
export const UNKNOWN = "–";

/** A number with so many digits after the point. */
export function fixed(value: number | null | undefined, digits = 0): string {
  return value === null || value === undefined ? UNKNOWN : value.toFixed(digits);
}

const COMPACT = new Intl.NumberFormat("en", { notation: "compact", maximumFractionDigits: 1 });

/** A count, in thousands or millions where it is large. */
export function compact(value: number | null | undefined): string {
  return value === null || value === undefined ? UNKNOWN : COMPACT.format(value);
}

/** A value of an alert, in its unit. */
export function inUnit(value: number, unit: AlertLimits["unit"] | undefined): string {
  const text = String(Math.round(value * 10) / 10);
  return unit === undefined ? text : `${text} ${unit === "C" ? "°C" : unit}`;
}

/** A duration in milliseconds, in the unit that suits it. */
export function latency(milliseconds: number | null | undefined): string {
  if (milliseconds === null || milliseconds === undefined) return UNKNOWN;
  if (milliseconds < 1000) return `${milliseconds.toFixed(0)} ms`;
  return `${(milliseconds / 1000).toFixed(1)} s`;
}

const UNITS = [
  ["d", 86_400],
  ["h", 3_600],
  ["min", 60],
  ["s", 1],
] as const;

/** A duration in milliseconds, in words: "3 min", "2 h". */
export function duration(milliseconds: number): string {
  const seconds = Math.max(0, Math.floor(milliseconds / 1000));
  const [unit, length] = UNITS.find(([, size]) => seconds >= size) ?? ["s", 1];
  return `${Math.floor(seconds / length)} ${unit}`;
}

/** How long ago something was. */
export function ago(then: number, now: number): string {
  return now - then < 1000 ? "now" : `${duration(now - then)} ago`;
}

const CLOCK = new Intl.DateTimeFormat("en-GB", { timeStyle: "medium" });
const DATE_AND_CLOCK = new Intl.DateTimeFormat("en-GB", {
  dateStyle: "medium",
  timeStyle: "medium",
});

/** A time of day, in this browser's time zone. */
export function clock(time: number): string {
  return CLOCK.format(time);
}

/** A date and a time of day, in this browser's time zone. */
export function dateAndClock(time: number): string {
  return DATE_AND_CLOCK.format(time);
}

/** A name that programs gave, for people: front_door is "front door". */
export function spoken(name: string): string {
  return name.replaceAll(/[_-]+/g, " ");
}
