import type { AlertLimits, PerformanceUpdateData, RaisedAlertData, Sample } from "@hsi/realtime";
import type { ThemeColor } from "./theme";

type Figures = Readonly<Partial<PerformanceUpdateData>>;

/** From where on each metric is an alert. */
export type Limits = Readonly<Record<string, number>>;

/** One line of a chart. */
export interface Line {
  readonly name: string;
  readonly color: ThemeColor;
  readonly of: (data: Figures) => number | null | undefined;
  /** The metric that is an alert where this line crosses its limit. */
  readonly metric?: string;
  /** Where the metric's limit is in this chart; by default at the limit itself. */
  readonly limitOf?: (data: Figures, limit: number) => number | null | undefined;
}

/** From where on each metric is an alert: a warning, or what it is an alert for already. Pure. */
export function limitsNow(
  limits: Readonly<Record<string, AlertLimits>>,
  active: readonly RaisedAlertData[],
): Limits {
  const warnings = Object.entries(limits).map(([metric, { warning }]) => [metric, warning]);
  const raised = active.map(({ metric, threshold }) => [metric, threshold]);
  return Object.fromEntries([...warnings, ...raised]);
}

/** For each of the lines one that shows its limit; null where it has none that is known. Pure. */
export function limitLines(lines: readonly Line[], limits: Limits): Line[] {
  return lines.map(({ name, color, metric, limitOf = (_, limit) => limit }) => {
    const limit = metric === undefined ? undefined : limits[metric];
    return {
      name: `${name} limit`,
      color,
      of: (data) => (limit === undefined ? null : limitOf(data, limit)),
    };
  });
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
