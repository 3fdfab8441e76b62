import { KEPT_EVENTS } from "@hsi/realtime";
import { texts } from "./texts";

const words = texts.dashboard.activity;

/**
 * How many events a list shows: a full one has the latest of more, and an empty one says something
 * only once an answer came. Pure.
 */
export function activityCount(count: number, isAnswered: boolean): string {
  if (count === 0 && !isAnswered) return "";
  return count < KEPT_EVENTS ? words.count(count) : words.latest(count);
}
