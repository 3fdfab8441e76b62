/** The stretch of time that the charts show, and how a person moves it. Pure. */

import { RANGE_LENGTHS, TIME_RANGES, type TimeRange } from "@hsi/realtime";

/** From when until when, in milliseconds since 1970. */
export interface Span {
  readonly from: number;
  readonly to: number;
}

/** Milliseconds that are seen at least: six samples. */
export const SHORTEST = 30_000;
const LONGEST = RANGE_LENGTHS["7d"];

/** What there can be figures of: the last week. */
export function boundsAt(newest: number): Span {
  return { from: newest - LONGEST, to: newest };
}

/** The last so many minutes, hours or days. */
export function spanOf(range: TimeRange, newest: number): Span {
  return { from: newest - RANGE_LENGTHS[range], to: newest };
}

/** The span, moved and shortened so that it lies within the bounds. */
export function fitted(span: Span, bounds: Span): Span {
  const longest = bounds.to - bounds.from;
  const length = Math.min(Math.max(span.to - span.from, SHORTEST), longest);
  const from = Math.min(Math.max(span.from, bounds.from), bounds.to - length);
  return { from: Math.round(from), to: Math.round(from + length) };
}

/**
 * The span, longer or shorter about a moment, which stays where it is.
 *
 * @param factor Of its length: below 1 shows less of it, in more detail.
 */
export function zoomed(span: Span, factor: number, at: number, bounds: Span): Span {
  const length = span.to - span.from;
  const wanted = Math.max(length * factor, SHORTEST);
  const share = (at - span.from) / length;
  const from = at - wanted * share;
  return fitted({ from, to: from + wanted }, bounds);
}

/** The span, later by so many milliseconds. */
export function moved(span: Span, by: number, bounds: Span): Span {
  return fitted({ from: span.from + by, to: span.to + by }, bounds);
}

/** A place on a chart under a finger, from 0 at its left to 1 at its right, and the moment it holds. */
export interface Grip {
  readonly place: number;
  readonly time: number;
}

/**
 * The span in which each finger is where the moment is that it took hold of: one finger moves it,
 * two also stretch it.
 *
 * @param grips One or two.
 */
export function gripped(span: Span, grips: readonly Grip[], bounds: Span): Span {
  const [first, second] = [...grips].sort((one, other) => one.time - other.time);
  if (!first) return span;
  // Fingers that lie upon or beyond each other stretch nothing.
  const apart = second ? second.place - first.place : 0;
  const length = second && apart > 0.01 ? (second.time - first.time) / apart : span.to - span.from;
  const from = first.time - first.place * length;
  return fitted({ from, to: from + length }, bounds);
}

/** The shortest range whose figures reach back to the beginning of a span: it has most detail. */
export function rangeFor(span: Span, newest: number): TimeRange {
  const reaches = (range: TimeRange) => newest - RANGE_LENGTHS[range] <= span.from;
  return TIME_RANGES.find(reaches) ?? "7d";
}
