// @vitest-environment node
import { readFileSync } from "node:fs";
import { join } from "node:path";
import { expect, test } from "vitest";
import { type Color, contrast, mixed } from "../src/components/jobs/contrast";

const CSS = readFileSync(join(import.meta.dirname, "../src/styles.css"), "utf8");
const TOKEN = /--color-([\w-]+): light-dark\((#\w{6}), (#\w{6})\);/g;

function colorOf(hex = ""): Color {
  const parts = [1, 3, 5].map((at) => Number.parseInt(hex.slice(at, at + 2), 16));
  return [parts[0] ?? 0, parts[1] ?? 0, parts[2] ?? 0];
}

const TOKENS = [...CSS.matchAll(TOKEN)];
const themes = {
  light: new Map(TOKENS.map(([, name = "", light]) => [name, colorOf(light)])),
  dark: new Map(TOKENS.map(([, name = "", , dark]) => [name, colorOf(dark)])),
};
const TONES = ["good", "data", "ai", "bad", "warn"];
/** The most of a tone that is mixed into what is behind text of its own (toneClasses.ts). */
const TINT = 0.25;
/** How much of the colour of data marks a row that has just arrived. */
const MARK = Number(/var\(--color-data\) (\d+)%, transparent/.exec(CSS)?.[1]) / 100;

test.each(Object.entries(themes))("in the %s theme all text can be read", (_, colors) => {
  const of = (name: string) => colors.get(name) ?? [0, 0, 0];
  const found: string[] = [];
  const check = (what: string, text: Color, behind: Color) => {
    const ratio = contrast(text, behind);
    if (ratio < 4.5) found.push(`${what}: ${ratio.toFixed(2)}`);
  };
  for (const ground of ["ground", "card", "raised"]) {
    check(`ink on ${ground}`, of("ink"), of(ground));
    check(`muted on ${ground}`, of("muted"), of(ground));
    for (const tone of TONES) check(`${tone}-ink on ${ground}`, of(`${tone}-ink`), of(ground));
  }
  for (const tone of TONES) {
    for (const ground of ["ground", "card"]) {
      const tinted = mixed(of(ground), of(tone), TINT);
      check(`${tone}-ink on its tint on ${ground}`, of(`${tone}-ink`), tinted);
    }
  }
  const marked = mixed(of("card"), of("data"), MARK);
  check("muted on a marked row", of("muted"), marked);
  check("bad-ink on its tint on a marked row", of("bad-ink"), mixed(marked, of("bad"), TINT));
  for (const tone of ["good", "bad", "warn"]) check(`ground on ${tone}`, of("ground"), of(tone));
  expect(colors.size).toBe(17);
  expect(found).toEqual([]);
});
