/** What a page says of an alert's limit, and of a value that comes back. Pure. */

import type { AlertLimits, RaisedAlertData } from "@hsi/realtime";
import { inUnit } from "./format";
import { texts } from "./texts";

const words = texts.performance.alerts;

/** Metrics of which low is bad: their limit is a least. */
const LOW: ReadonlySet<string> = new Set(["pg_cache_hit", "redis_hit_ratio"]);
const DEGREES: ReadonlySet<string> = new Set(["gpu_temperature"]);
const KNOWN: ReadonlySet<string> = new Set(Object.keys(words.names));

/** Whether low values of a metric are bad. */
export function isLow(metric: string): boolean {
  return LOW.has(metric);
}

/** The unit of a metric's values; undefined where nobody knows. */
export function unitOf(metric: string): AlertLimits["unit"] | undefined {
  if (DEGREES.has(metric)) return "C";
  return KNOWN.has(metric) ? "%" : undefined;
}

/** Whether an alert's value is no longer beyond its threshold, though the alert has not ended. */
export function isRecovering({
  metric,
  value,
  threshold,
}: Pick<RaisedAlertData, "metric" | "value" | "threshold">): boolean {
  return isLow(metric) ? value >= threshold : value < threshold;
}

/** A metric's limit; empty where its unit is not known: a number alone says nothing. */
export function limitWords(
  metric: string,
  threshold: number,
  unit: AlertLimits["unit"] | undefined = unitOf(metric),
): string {
  if (unit === undefined) return "";
  const limit = inUnit(threshold, unit);
  return isLow(metric) ? words.least(limit) : words.limit(limit);
}
