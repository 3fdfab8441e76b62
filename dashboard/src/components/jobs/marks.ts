import type { Segment } from "./ansi";

/**
 * The same pieces, cut so that each place where the query stands is one of its own, and marked.
 * Pure.
 *
 * @param segments The pieces of a line; a place may begin in one and end in another.
 * @param query In lower case; empty: nothing is marked.
 */
export function withMarks(segments: readonly Segment[], query: string): readonly Segment[] {
  if (query === "") return segments;
  const text = segments.map((segment) => segment.text).join("");
  const lower = text.toLowerCase();
  // A few letters are longer in lower case: then the places would not be where they are.
  if (lower.length !== text.length || !lower.includes(query)) return segments;
  const places = placesOf(lower, query);
  let from = 0;
  return segments.flatMap((segment) => {
    const pieces = cut(segment, from, places);
    from += segment.text.length;
    return pieces;
  });
}

type Place = readonly [from: number, to: number];

function placesOf(text: string, query: string): Place[] {
  const places: Place[] = [];
  for (let at = text.indexOf(query); at >= 0; at = text.indexOf(query, at + query.length)) {
    places.push([at, at + query.length]);
  }
  return places;
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
