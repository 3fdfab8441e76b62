import Anser from "anser";
import { type Color, mixed, readable } from "./contrast";
import { groundOf, inkOf } from "./palette";

/** A piece of a line that looks alike. */
export interface Segment {
  readonly text: string;
  /** For CSS; null: as the line. */
  readonly color: string | null;
  readonly background: string | null;
  readonly bold: boolean;
  readonly italic: boolean;
  readonly underline: boolean;
  readonly strike: boolean;
  /** Whether it is what somebody searches for. */
  readonly marked: boolean;
}

interface Scheme {
  /** What is behind a line where that is hardest to read on: that of an error. */
  readonly ground: Color;
  readonly ink: Color;
}

const LIGHT: Scheme = { ground: [249, 233, 235], ink: [22, 24, 29] };
const DARK: Scheme = { ground: [40, 24, 25], ink: [242, 242, 242] };
/** How far dim text goes towards its ground. */
const DIM = 0.4;

const CSI = "\u001b[";
/**
 * What a terminal does not show and anser does not read: titles and links (OSC), the other escapes,
 * colours in the form with colons, and control characters but the tab. `hsi tail job` leaves out the
 * same (shared/hsi/cli/lines.py).
 */
const UNSHOWN =
  // biome-ignore lint/suspicious/noControlCharactersInRegex: control characters are the subject
  /\u001b\][^\u0007\u001b]*(?:\u0007|\u001b\\)?|\u001b\[[0-9;]*:[0-9;:]*m|\u001b[ -/]*[0-Z\\^-~]|\u001b(?!\[)|[\u0000-\u0008\u000a-\u001a\u001c-\u001f\u007f-\u009f]/g;

const PLAIN: Omit<Segment, "text"> = {
  color: null,
  background: null,
  bold: false,
  italic: false,
  underline: false,
  strike: false,
  marked: false,
};

/**
 * The pieces of a line with terminal colours. Pure.
 *
 * It goes from code to code itself: `ansiToJson` gives all pieces one list of decorations, so that
 * what is underlined at the end would be so from the start.
 */
export function segmentsOf(line: string): Segment[] {
  const [first = "", ...coded] = line.replace(UNSHOWN, "").split(CSI);
  // Most lines have none, and many are drawn at once.
  if (coded.length === 0) return first === "" ? [] : [{ ...PLAIN, text: first }];
  const anser = new Anser();
  const segments = [
    { ...PLAIN, text: first },
    ...coded.map((chunk) =>
      segmentOf(anser.processChunkJson(chunk, { json: true, use_classes: true }, true)),
    ),
  ];
  return segments.filter(({ text }) => text !== "");
}

/** What anser says at run time; its types leave out the nulls. */
interface Entry {
  readonly content: string;
  readonly fg: string | null;
  readonly bg: string | null;
  readonly fg_truecolor: string | null;
  readonly bg_truecolor: string | null;
  readonly decorations: readonly string[];
}

function segmentOf(entry: Entry): Segment {
  const has = (decoration: string) => entry.decorations.includes(decoration);
  // Both at once: a page that turns light or dark has nothing to draw again.
  const [light, dark] = [colorsIn(LIGHT, entry), colorsIn(DARK, entry)];
  return {
    text: entry.content,
    color: css(light.color, dark.color),
    background: css(light.background, dark.background),
    bold: has("bold"),
    italic: has("italic"),
    underline: has("underline"),
    strike: has("strikethrough"),
    marked: false,
  };
}

/** The colours of a piece; null: as the line. */
function colorsIn(scheme: Scheme, entry: Entry) {
  const has = (decoration: string) => entry.decorations.includes(decoration);
  let ink = inkOf(entry.fg, entry.fg_truecolor);
  let ground = groundOf(entry.bg, entry.bg_truecolor);
  if (has("reverse")) [ink, ground] = [ground ?? scheme.ground, ink ?? scheme.ink];
  const behind = ground ?? scheme.ground;
  // What is hidden in a terminal is only dim here: a log should not hide anything.
  if (has("dim") || has("hidden")) ink = mixed(ink ?? scheme.ink, behind, DIM);
  if (ground) ink ??= scheme.ink;
  return { color: ink && rgb(readable(ink, behind)), background: ground && rgb(ground) };
}

function css(light: string | null, dark: string | null): string | null {
  if (light === dark || light === null || dark === null) return dark;
  return `light-dark(${light}, ${dark})`;
}

function rgb([red, green, blue]: Color): string {
  return `rgb(${red} ${green} ${blue})`;
}
