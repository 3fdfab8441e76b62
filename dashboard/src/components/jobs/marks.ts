/** Cuts the pieces of a line. Pure. */

import type { Segment } from "./ansi";
import type { Address } from "./links";
import type { Place } from "./search";

/**
 * The same pieces, cut so that each of these places is one of its own, and marked.
 *
 * @param segments The pieces of a line; a place may begin in one and end in another.
 * @param places From left to right.
 */
export function withMarks(
  segments: readonly Segment[],
  places: readonly Place[],
): readonly Segment[] {
  if (places.length === 0) return segments;
  let from = 0;
  return segments.flatMap((segment) => {
    const pieces = cut(segment, from, places);
    from += segment.text.length;
    return pieces;
  });
}

/** A segment that begins at `offset` of the line, cut at these places. */
function cut(segment: Segment, offset: number, places: readonly Place[]): Segment[] {
  const end = offset + segment.text.length;
  const pieces: Segment[] = [];
  const take = (from: number, to: number, marked: boolean) => {
    const text = segment.text.slice(from - offset, to - offset);
    if (text !== "") pieces.push({ ...segment, text, marked });
  };
  let at = offset;
  for (const [from, to] of places) {
    if (to <= offset || from >= end) continue;
    take(at, Math.max(from, at), false);
    take(Math.max(from, at), Math.min(to, end), true);
    at = Math.min(to, end);
  }
  take(at, end, false);
  return pieces;
}

/** The pieces from one character of the line up to another one, without it. */
export function slice(segments: readonly Segment[], from: number, to: number): Segment[] {
  let offset = 0;
  return segments.flatMap((segment) => {
    const text = segment.text.slice(Math.max(0, from - offset), Math.max(0, to - offset));
    offset += segment.text.length;
    return text === "" ? [] : [{ ...segment, text }];
  });
}

/** Pieces that lead to one address, or to none. */
export interface Run {
  readonly href: string | null;
  readonly segments: readonly Segment[];
}

/** The pieces of a line, those of each address together. */
export function withLinks(segments: readonly Segment[], addresses: readonly Address[]): Run[] {
  if (addresses.length === 0) return [{ href: null, segments }];
  const runs: Run[] = [];
  const take = (href: string | null, from: number, to: number) => {
    const pieces = slice(segments, from, to);
    if (pieces.length > 0) runs.push({ href, segments: pieces });
  };
  let at = 0;
  for (const { place, href } of addresses) {
    take(null, at, place[0]);
    take(href, ...place);
    at = place[1];
  }
  take(null, at, Number.POSITIVE_INFINITY);
  return runs;
}
