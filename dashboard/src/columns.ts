import type { AlertLimits, Figures, RaisedAlertData, Sample } from "@hsi/realtime";
import type { ThemeColor } from "./theme";

/** From where on each metric is an alert. */
export type Limits = Readonly<Record<string, number>>;

/** One line of a chart. */
export interface Line {
  readonly name: string;
  readonly color: ThemeColor;
  readonly of: (data: Figures) => number | null | undefined;
  /** The metric that is an alert where this line crosses its limit. */
  readonly metric?: string;
  /** Whether low values are bad: the limit is a least. */
  readonly isLow?: true;
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
/** The same of two that stand for some time each: these come evenly, so one that is missing is a gap. */
const BIN_BREAK = 1.5;

/** The values of a line, one for each time. */
export type Column = (number | null)[];

/** What a chart draws: in each list of columns one for each line. */
export interface Columns {
  /** Seconds since 1970. */
  readonly times: number[];
  readonly values: readonly Column[];
  /** The lowest of the time that a sample stands for; the value itself where it is of a moment. */
  readonly lows: readonly Column[];
  readonly highs: readonly Column[];
}

/**
 * The columns of a chart. Pure.
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
): Columns {
  const times: number[] = [];
  const empty = () => lines.map((): Column => []);
  const columns = { times, values: empty(), lows: empty(), highs: empty() };
  const push = (list: readonly Column[], figures: Figures | null) => {
    lines.forEach((line, index) => {
      list[index]?.push(figures && (line.of(figures) ?? null));
    });
  };
  let last: Sample | null = null;
  for (const sample of samples) {
    const { at, data, low = data, high = data } = sample;
    const isBin = sample.high !== undefined && last?.high !== undefined;
    if (last !== null && at - last.at > (isBin ? BIN_BREAK : BREAK) * step) {
      times.push((last.at + step) / 1000);
      for (const list of [columns.values, columns.lows, columns.highs]) push(list, null);
    }
    times.push(at / 1000);
    push(columns.values, data);
    push(columns.lows, low);
    push(columns.highs, high);
    last = sample;
  }
  return columns;
}

/** The places in a column of values that have no value beside them: no line leads there. Pure. */
export function singles(column: readonly (number | null | undefined)[]): number[] {
  const has = (index: number) => column[index] != null;
  return [...column.keys()].filter((at) => has(at) && !has(at - 1) && !has(at + 1));
}
