import type { PerformanceUpdateData, Sample } from "@hsi/realtime";
import type { ThemeColor } from "./theme";

/** One line of a chart. */
export interface Line {
  readonly name: string;
  readonly color: ThemeColor;
  readonly of: (data: Readonly<Partial<PerformanceUpdateData>>) => number | null | undefined;
}

/** How much further apart than usual two samples may be before the line between them breaks. */
const BREAK = 3.5;

/**
 * The columns of a chart: times in seconds since 1970, then each line's values. Pure.
 *
 * What nobody measured is null, and so is a moment within each pause: there the lines break.
 *
 * @param samples Oldest first.
 * @param step Milliseconds between two samples, usually.
 */
export function columnsOf(
  samples: readonly Sample[],
  lines: readonly Line[],
  step: number,
): [number[], ...(number | null)[][]] {
  const times: number[] = [];
  const columns = lines.map((): (number | null)[] => []);
  let last: number | null = null;
  for (const { at, data } of samples) {
    if (last !== null && at - last > BREAK * step) {
      times.push((last + step) / 1000);
      for (const column of columns) column.push(null);
    }
    times.push(at / 1000);
    lines.forEach((line, index) => {
      columns[index]?.push(line.of(data) ?? null);
    });
    last = at;
  }
  return [times, ...columns];
}
