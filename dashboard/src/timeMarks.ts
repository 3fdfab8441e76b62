/** What stands at the marks of a time axis. Pure. */

import { clock, dayAndMonth, hourAndMinute } from "./format";

const MINUTE = 60_000;
const DAY = 24 * 60 * MINUTE;

/**
 * The words of some marks: seconds where they are close, the date where a day begins.
 *
 * @param marks Milliseconds since 1970, evenly apart.
 */
export function timeMarks(marks: readonly number[]): string[] {
  const step = (marks[1] ?? MINUTE) - (marks[0] ?? 0);
  return marks.map((mark) => {
    if (step >= DAY || isMidnight(mark)) return dayAndMonth(mark);
    return step < MINUTE ? clock(mark) : hourAndMinute(mark);
  });
}

function isMidnight(time: number): boolean {
  const date = new Date(time);
  return date.getHours() === 0 && date.getMinutes() === 0 && date.getSeconds() === 0;
}
