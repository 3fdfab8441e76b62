import { wholeOf } from "./conform.ts";
import { timeOf } from "./lenient.ts";
import type { AlertLimits, RaisedAlertData } from "./messages.ts";
import { useApi } from "./useApi.ts";
import { useLatestPerformance } from "./useLatestPerformance.ts";

/** Milliseconds between two questions while updates, which have the alerts too, do not come. */
const REFRESH = 5_000;

const alertsOf = (body: unknown) => wholeOf("AlertList", body);
const NO_LIMITS: Readonly<Record<string, AlertLimits>> = {};

/**
 * The alerts that people are told of and that have not ended; null while they are not known.
 *
 * They are loaded at first, and while no update comes; else each update has them, whichever is newer.
 */
export function useActiveAlerts() {
  const { current, paused, reconnectCount } = useLatestPerformance();
  const { data, error } = useApi("/api/alerts?active=1", alertsOf, {
    version: `${reconnectCount}`,
    keepPreviousData: true,
    refreshInterval: paused ? REFRESH : 0,
  });
  const [latest] = [
    ...toldAt(current?.timestamp, current?.raised),
    ...toldAt(data?.as_of, data?.alerts),
  ].sort((one, other) => other.at - one.at);
  return {
    active: latest?.alerts ?? null,
    /** The time of what is said of them, ms since 1970. */
    asOf: latest?.at ?? null,
    /** What exceeds its threshold at this moment, for however short a time; null: not known. */
    exceeding: (!paused && current?.alerts) || null,
    /** From where on each metric is an alert. */
    limits: data?.limits ?? NO_LIMITS,
    paused,
    error,
  };
}

interface Told {
  readonly at: number;
  readonly alerts: readonly RaisedAlertData[];
}

function toldAt(time: string | undefined, alerts: Told["alerts"] | undefined): Told[] {
  const at = timeOf(time);
  return at === null || alerts === undefined ? [] : [{ at, alerts }];
}
