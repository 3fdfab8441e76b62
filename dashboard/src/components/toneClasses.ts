import type { Tone } from "../tones";

interface ToneClasses {
  /** Text and icons. */
  readonly ink: string;
  /** Lines of a drawing. */
  readonly stroke: string;
  /** The left edge of a tile. */
  readonly edge: string;
  /** A small filled field with text. */
  readonly badge: string;
  /** A bar across the page. */
  readonly bar: string;
}

/** How each tone looks. Whole class names: Tailwind makes those that it can read in a source. */
export const TONE_CLASSES: Readonly<Record<Tone, ToneClasses>> = {
  good: {
    ink: "text-good-ink",
    stroke: "stroke-good",
    edge: "border-l-good",
    badge: "bg-good/20 text-good-ink",
    bar: "border-line bg-ground",
  },
  note: {
    ink: "text-data-ink",
    stroke: "stroke-data",
    edge: "border-l-data",
    badge: "bg-data/20 text-data-ink",
    bar: "border-data bg-data/15",
  },
  warn: {
    ink: "text-warn-ink",
    stroke: "stroke-warn",
    edge: "border-l-warn",
    badge: "bg-warn/20 text-warn-ink",
    bar: "border-warn bg-warn/15",
  },
  bad: {
    ink: "text-bad-ink",
    stroke: "stroke-bad",
    edge: "border-l-bad",
    badge: "bg-bad/25 text-bad-ink",
    bar: "border-bad bg-bad/20",
  },
  unknown: {
    ink: "text-muted",
    stroke: "stroke-line",
    edge: "border-l-line",
    badge: "bg-raised text-muted",
    bar: "border-line bg-ground",
  },
};
