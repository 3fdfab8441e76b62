/**
 * Figures, times and words as a person reads them: numbers, dates and the 12 or 24 hours as the
 * browser's locale has them, and words in the language of the page. Pure.
 */

import type { AlertLimits } from "@hsi/realtime";
import { texts } from "./texts";

/** What stands for a figure that nobody could measure. */
export const UNKNOWN = "–";

type Measured = number | null | undefined;

const DAY = 86_400;
const HOUR = 3_600;
const MINUTE = 60;
const UNITS = [DAY, HOUR, MINUTE, 1];

/**
 * How a locale writes numbers and times.
 *
 * @param locale As BCP 47 has it; undefined is the browser's.
 */
export function formatsOf(locale: string | undefined) {
  const numbers = new Map<number, Intl.NumberFormat>();
  const compactNumber = new Intl.NumberFormat(locale, {
    notation: "compact",
    maximumFractionDigits: 1,
  });
  const shortest = new Intl.NumberFormat(locale, { maximumFractionDigits: 1 });
  const clockFormat = new Intl.DateTimeFormat(locale, { timeStyle: "medium" });
  const minuteFormat = new Intl.DateTimeFormat(locale, { timeStyle: "short" });
  const dateFormat = new Intl.DateTimeFormat(locale, {
    dateStyle: "medium",
    timeStyle: "medium",
  });
  const dayAndMonthFormat = new Intl.DateTimeFormat(locale, { day: "numeric", month: "short" });
  const zonedFormat = new Intl.DateTimeFormat(locale, { dateStyle: "medium", timeStyle: "long" });
  const dayFormat = new Intl.DateTimeFormat(locale, {
    weekday: "long",
    day: "numeric",
    month: "short",
    year: "numeric",
  });
  const collator = new Intl.Collator(locale, { numeric: true, sensitivity: "base" });

  /** A number with so many digits after the point. */
  function fixed(value: Measured, digits = 0): string {
    if (value === null || value === undefined) return UNKNOWN;
    let format = numbers.get(digits);
    if (!format) {
      format = new Intl.NumberFormat(locale, {
        minimumFractionDigits: digits,
        maximumFractionDigits: digits,
        signDisplay: "negative",
      });
      numbers.set(digits, format);
    }
    return format.format(value);
  }

  /** A number with its thousands apart: "12,345". */
  function whole(value: number): string {
    return fixed(value);
  }

  /** A count, in thousands or millions where it is large. */
  function compact(value: Measured): string {
    return value === null || value === undefined ? UNKNOWN : compactNumber.format(value);
  }

  /** A value of an alert, in its unit. */
  function inUnit(value: number, unit: AlertLimits["unit"] | undefined): string {
    const text = shortest.format(value);
    return unit === undefined ? text : `${text} ${unit === "C" ? "°C" : unit}`;
  }

  /** A duration in milliseconds, in the unit that suits it. */
  function latency(milliseconds: Measured): string {
    if (milliseconds === null || milliseconds === undefined) return UNKNOWN;
    const { times } = texts.page;
    return milliseconds < 1000
      ? times.milliseconds(fixed(milliseconds))
      : times.seconds(fixed(milliseconds / 1000, 1));
  }

  /** A duration in milliseconds, in words: "3 min", "2 h". */
  function duration(milliseconds: number): string {
    const seconds = Math.max(0, Math.floor(milliseconds / 1000));
    const { times } = texts.page;
    const count = (size: number) => whole(Math.floor(seconds / size));
    if (seconds >= DAY) return times.days(count(DAY));
    if (seconds >= HOUR) return times.hours(count(HOUR));
    return seconds >= MINUTE ? times.minutes(count(MINUTE)) : times.seconds(count(1));
  }

  /** The same in the two units that suit it: "1 min 40 s". */
  function lasting(milliseconds: number): string {
    const seconds = Math.max(0, Math.round(milliseconds / 1000));
    const at = UNITS.findIndex((size) => seconds >= size);
    const [unit, smaller = 1] = at < 0 ? [1] : UNITS.slice(at);
    const rest = (seconds % (unit ?? 1)) * 1000;
    const larger = duration(seconds * 1000);
    return rest < smaller * 1000 ? larger : `${larger} ${duration(rest)}`;
  }

  /** How long ago something was. */
  function ago(then: number, now: number): string {
    const { times } = texts.page;
    return now - then < 1000 ? times.now : times.ago(duration(now - then));
  }

  /** A time of day, in this browser's time zone. */
  function clock(time: number): string {
    return clockFormat.format(time);
  }

  /** The same to the minute. */
  function hourAndMinute(time: number): string {
    return minuteFormat.format(time);
  }

  /** A date and a time of day, in this browser's time zone. */
  function dateAndClock(time: number): string {
    return dateFormat.format(time);
  }

  /** A date without its year, in this browser's time zone. */
  function dayAndMonth(time: number): string {
    return dayAndMonthFormat.format(time);
  }

  /** The same with the time zone by its name. */
  function dateAndClockInZone(time: number): string {
    return zonedFormat.format(time);
  }

  /** The day of a time, in this browser's time zone. */
  function day(time: number): string {
    return dayFormat.format(time);
  }

  /** Names in the order in which a person looks for them: "cam 2" is before "cam 10". */
  function byName(one: string, other: string): number {
    return collator.compare(one, other);
  }

  return {
    fixed,
    whole,
    compact,
    inUnit,
    latency,
    duration,
    lasting,
    ago,
    clock,
    hourAndMinute,
    dateAndClock,
    dayAndMonth,
    dateAndClockInZone,
    day,
    byName,
  };
}

export const {
  fixed,
  whole,
  compact,
  inUnit,
  latency,
  duration,
  lasting,
  ago,
  clock,
  hourAndMinute,
  dateAndClock,
  dayAndMonth,
  dateAndClockInZone,
  day,
  byName,
} = formatsOf(undefined);

/** A name that programs gave, for people: front_door is "front door". */
export function spoken(name: string): string {
  return name.replaceAll(/[_-]+/g, " ");
}

/** Letters from right to left, and characters that turn the direction of what follows. */
const TURNS =
  /[\u0590-\u08ff\u200e\u200f\u202a-\u202e\u2066-\u2069\ufb1d-\ufdff\ufe70-\ufeff\u{10800}-\u{10fff}\u{1e800}-\u{1efff}]/u;
const CONTROLS = /[\u200e\u200f\u202a-\u202e\u2066-\u2069]/g;

/**
 * A text from outside that does nothing to the direction of what is around it, where there is no
 * place for a `<bdi>`: in an attribute, or within a sentence.
 */
export function isolated(text: string): string {
  return TURNS.test(text) ? `\u2068${text.replaceAll(CONTROLS, "")}\u2069` : text;
}
