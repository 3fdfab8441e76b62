/** Colours that can be read on what is behind them, whatever a program asked for. Pure. */

/** Red, green and blue, from 0 to 255. */
export type Color = readonly [number, number, number];

/** The least contrast of text (WCAG 2.2, AA). */
const LEAST = 4.5;
const STEPS = 20;
const BLACK: Color = [0, 0, 0];
const WHITE: Color = [255, 255, 255];

/** The contrast between two colours, from 1 to 21. */
export function contrast(one: Color, other: Color): number {
  const [light = 0, dark = 0] = [luminance(one), luminance(other)].sort((a, b) => b - a);
  return (light + 0.05) / (dark + 0.05);
}

/** So much of the second colour, from 0 to 1, in the first one. */
export function mixed(one: Color, other: Color, share: number): Color {
  const part = (a: number, b: number) => Math.round(a + (b - a) * share);
  return [part(one[0], other[0]), part(one[1], other[1]), part(one[2], other[2])];
}

/** This colour, or the nearest lighter or darker one that can be read on this ground. */
export function readable(color: Color, ground: Color): Color {
  const away = contrast(WHITE, ground) > contrast(BLACK, ground) ? WHITE : BLACK;
  for (let step = 0; step < STEPS; step += 1) {
    const candidate = mixed(color, away, step / STEPS);
    if (contrast(candidate, ground) >= LEAST) return candidate;
  }
  return away;
}

function luminance([red, green, blue]: Color): number {
  return 0.2126 * linear(red) + 0.7152 * linear(green) + 0.0722 * linear(blue);
}

function linear(value: number): number {
  const share = value / 255;
  return share <= 0.04045 ? share / 12.92 : ((share + 0.055) / 1.055) ** 2.4;
}
