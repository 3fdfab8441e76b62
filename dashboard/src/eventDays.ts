/** Events by days, each with its place in a list of which only what is in sight is drawn. Pure. */

/** A day of the browser's time zone, with those of the events that arrived on it. */
export interface Day {
  /** Its midnight, ms since 1970. */
  readonly start: number;
  /** Index of its first event. */
  readonly from: number;
  readonly count: number;
}

/** Pixels. */
export interface Heights {
  readonly heading: number;
  readonly row: number;
}

/** A day's part of the list. */
export interface Section extends Day {
  /** Pixels above it. */
  readonly top: number;
  readonly height: number;
}

/** Rows above and below those in sight: a frame may scroll so far before they are drawn. */
const OVERSCAN = 6;

/** The days of these events, which are in order, the newest first. */
export function daysOf(events: readonly { readonly arrivedAt: number }[]): readonly Day[] {
  const days: { start: number; from: number; count: number }[] = [];
  events.forEach(({ arrivedAt }, index) => {
    const day = days.at(-1);
    // One that is out of order stays where it is: each day is there once.
    if (day && arrivedAt >= day.start) day.count += 1;
    else days.push({ start: new Date(arrivedAt).setHours(0, 0, 0, 0), from: index, count: 1 });
  });
  return days;
}

/** The days with their places. */
export function sectionsOf(days: readonly Day[], heights: Heights): readonly Section[] {
  let top = 0;
  return days.map((day) => {
    const section = { ...day, top, height: heights.heading + day.count * heights.row };
    top += section.height;
    return section;
  });
}

/** The height of all of them. */
export function heightOf(sections: readonly Section[]): number {
  const last = sections.at(-1);
  return last ? last.top + last.height : 0;
}

/** What is drawn of a day: the events from this index, up to that one without it. */
export interface Drawn {
  readonly section: Section;
  readonly from: number;
  readonly to: number;
}

/**
 * What to draw.
 *
 * @param top Pixels of the list above what is in sight.
 * @param sight Pixels that are in sight.
 */
export function inSight(
  sections: readonly Section[],
  { heading, row }: Heights,
  top: number,
  sight: number,
): readonly Drawn[] {
  const [first, last] = [top - OVERSCAN * row, top + sight + OVERSCAN * row];
  return sections
    .filter((section) => section.top < last && section.top + section.height > first)
    .map((section) => {
      const rows = section.top + heading;
      const at = (pixels: number) =>
        section.from + Math.max(0, Math.min(section.count, (pixels - rows) / row));
      return { section, from: Math.floor(at(first)), to: Math.ceil(at(last)) };
    });
}

/** The index of the event that is so many pixels from the top. */
export function indexAt(
  sections: readonly Section[],
  { heading, row }: Heights,
  pixels: number,
): number {
  const section = sections.findLast(({ top }) => top <= pixels) ?? sections[0];
  if (!section) return 0;
  const within = Math.floor((pixels - section.top - heading) / row);
  return section.from + Math.max(0, Math.min(section.count - 1, within));
}

/** How many pixels from the top the event of this index is. */
export function topOf(
  sections: readonly Section[],
  { heading, row }: Heights,
  index: number,
): number {
  const section = sections.findLast(({ from }) => from <= index);
  return section ? section.top + heading + (index - section.from) * row : 0;
}
