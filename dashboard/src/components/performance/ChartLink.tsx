import { type RaisedAlertData, useServerClock } from "@hsi/realtime";
import { ChartLine } from "lucide-react";
import { Link } from "wouter";
import { alertPath } from "../../alertPath";
import { useNow } from "../../clock";
import { texts } from "../../texts";
import { chartOf } from "./chartDefinitions";

const words = texts.performance.alerts;

interface ChartLinkProps {
  readonly alert: RaisedAlertData;
  /** The alert in words. */
  readonly what: string;
}

/** Shows an alert in its chart, as long as there are figures of its time. */
export function ChartLink({ alert, what }: ChartLinkProps) {
  const now = useNow() + (useServerClock() ?? 0);
  const chart = chartOf(alert.metric);
  const path = chart === undefined ? null : alertPath(alert, chart, now);
  if (chart === undefined || path === null) return null;
  return (
    <Link
      href={path}
      aria-label={words.showOf(what)}
      title={words.show}
      onClick={() => document.getElementById(chart)?.scrollIntoView({ block: "center" })}
      className="rounded p-1 text-data-ink hover:bg-raised"
    >
      <ChartLine aria-hidden className="size-4" />
    </Link>
  );
}
