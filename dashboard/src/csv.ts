/** What charts show as CSV (RFC 4180), for a spreadsheet. Pure. */

import type { Sample } from "@hsi/realtime";
import type { Span } from "./chartSpan";
import type { Line } from "./columns";

/** A column of a table. */
export interface CsvLine {
  /** What it is, with its unit. */
  readonly heading: string;
  readonly of: Line["of"];
}

interface Words {
  readonly time: string;
  readonly lowest: (heading: string) => string;
  readonly highest: (heading: string) => string;
}

/**
 * A row for each sample of a span: its time in UTC, and each line's value; for samples that stand for
 * some time, the lowest and the highest, too. What nobody measured is empty.
 */
export function csvOf(
  lines: readonly CsvLine[],
  samples: readonly Sample[],
  { from, to }: Span,
  words: Words,
): string {
  const shown = samples.filter(({ at }) => at >= from && at <= to);
  const hasExtremes = shown.some(({ high }) => high !== undefined);
  const headings = lines.flatMap(({ heading }) =>
    hasExtremes ? [heading, words.lowest(heading), words.highest(heading)] : [heading],
  );
  const rows = shown.map(({ at, data, low = data, high = data }) => {
    const parts = hasExtremes ? [data, low, high] : [data];
    const values = lines.flatMap(({ of }) => parts.map((part) => of(part) ?? ""));
    return [new Date(at).toISOString(), ...values];
  });
  const table = [[words.time, ...headings], ...rows];
  return table.map((row) => `${row.map(cell).join(",")}\r\n`).join("");
}

/** One cell; text that a spreadsheet would take for a formula is told to be text. */
function cell(value: string | number): string {
  if (typeof value === "number") return String(value);
  const text = /^[=+\-@\t\r]/.test(value) ? `'${value}` : value;
  return /[",\r\n]/.test(text) ? `"${text.replaceAll('"', '""')}"` : text;
}
