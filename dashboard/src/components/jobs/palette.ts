import type { Color } from "./contrast";

/** The terminal's 16 colours, as they are readable on a dark page. */
const NAMED: Readonly<Record<string, Color>> = {
  "ansi-black": [138, 138, 138],
  "ansi-red": [255, 125, 136],
  "ansi-green": [143, 208, 20],
  "ansi-yellow": [251, 181, 60],
  "ansi-blue": [127, 176, 255],
  "ansi-magenta": [199, 148, 255],
  "ansi-cyan": [95, 215, 224],
  "ansi-white": [212, 212, 212],
  "ansi-bright-black": [158, 158, 158],
  "ansi-bright-red": [255, 163, 171],
  "ansi-bright-green": [180, 232, 92],
  "ansi-bright-yellow": [255, 210, 122],
  "ansi-bright-blue": [169, 202, 255],
  "ansi-bright-magenta": [220, 188, 255],
  "ansi-bright-cyan": [154, 236, 242],
  "ansi-bright-white": [255, 255, 255],
};

/** As a ground, black stays black: only text has to stand out. */
const GROUNDS: Readonly<Record<string, Color>> = {
  "ansi-black": [0, 0, 0],
  "ansi-bright-black": [85, 85, 85],
};

const CUBE = [0, 95, 135, 175, 215, 255];
const CUBE_START = 16;
const GREY_START = 232;

/** The colour that anser names so, of text; `exact` is its own way to tell a true colour. Pure. */
export function inkOf(name: string | null, exact: string | null): Color | null {
  if (name === null) return null;
  if (name === "ansi-truecolor") return exactOf(exact);
  return NAMED[name] ?? numberedOf(name);
}

/** The same of what is behind the text. Pure. */
export function groundOf(name: string | null, exact: string | null): Color | null {
  return (name !== null && GROUNDS[name]) || inkOf(name, exact);
}

function exactOf(exact: string | null): Color | null {
  const [red, green, blue] = (exact ?? "").split(",").map(Number);
  if (red === undefined || green === undefined || blue === undefined) return null;
  return [red, green, blue];
}

/** One of the 256 colours: "ansi-palette-208". */
function numberedOf(name: string): Color | null {
  const number = Number(name.slice(name.lastIndexOf("-") + 1));
  if (!(number >= CUBE_START && number < 256)) return null;
  if (number >= GREY_START) {
    const grey = 8 + 10 * (number - GREY_START);
    return [grey, grey, grey];
  }
  const place = number - CUBE_START;
  const level = (step: number) => CUBE[step % 6] ?? 0;
  return [level(Math.floor(place / 36)), level(Math.floor(place / 6)), level(place)];
}
