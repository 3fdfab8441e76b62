// @vitest-environment node
import { readdirSync, readFileSync } from "node:fs";
import { join } from "node:path";
import { expect, test } from "vitest";
import { TONE_CLASSES } from "../src/components/toneClasses";
import { healthTone } from "../src/tones";

const SOURCES = join(import.meta.dirname, "../src");

test("a health has one tone, wherever it is shown, and one that is not known has none", () => {
  const words = ["healthy", "starting", "degraded", "unhealthy", "unreachable", "asleep"];
  expect(words.map(healthTone)).toEqual(["good", "note", "warn", "bad", "bad", "unknown"]);
  expect([undefined, "", "constructor"].map(healthTone)).toEqual(["unknown", "unknown", "unknown"]);
});

test("tones look different from each other", () => {
  for (const kind of ["ink", "stroke", "edge", "badge"] as const) {
    const classes = Object.values(TONE_CLASSES).map((tone) => tone[kind]);
    expect(new Set(classes).size).toBe(classes.length);
  }
});

/** The source files, by their paths. */
function sources(): [path: string, text: string][] {
  const paths = readdirSync(SOURCES, { recursive: true, encoding: "utf8" });
  return paths
    .filter((path) => /\.tsx?$/.test(path))
    .map((path) => [path, readFileSync(join(SOURCES, path), "utf8")]);
}

test("colours have their names in the style sheet alone", () => {
  const withHex = sources().filter(([, text]) => /["'`]#[0-9a-f]{3,8}\b/i.test(text));
  expect(withHex.map(([path]) => path)).toEqual([]);
});

test("what is pure imports no component and no React", () => {
  const pure = sources().filter(([path]) =>
    /^(columns|format|notice|tones|verdicts)\.ts$/.test(path),
  );
  expect(pure).toHaveLength(5);
  for (const [path, text] of pure) {
    expect(text, path).not.toMatch(/from "(react|.*components.*|.*\.tsx)"/);
  }
});
