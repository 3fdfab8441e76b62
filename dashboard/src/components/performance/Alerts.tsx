import {
  type Alert,
  type AlertLimits,
  type RaisedAlertData,
  timeOf,
  useActiveAlerts,
} from "@hsi/realtime";
import type { ReactNode } from "react";
import { isRecovering, limitWords } from "../../alertWords";
import { inUnit } from "../../format";
import { texts } from "../../texts";
import { ALERT_TONES } from "../../tones";
import { Ago, Card, Failure, Moment, ToneIcon } from "../parts";
import { ALERT_ASIDE, ALERT_ROW, Severity } from "./alertParts";
import { ChartLink } from "./ChartLink";
import { SeenMark } from "./SeenMark";

const words = texts.performance.alerts;

/**
 * What people are told of and has not ended, and what exceeds its threshold just now.
 *
 * @param children Below it: the alerts that have ended.
 */
export function Alerts({ children }: { children?: ReactNode }) {
  const { active, exceeding, limits, asOf, paused, error } = useActiveAlerts();
  const told = new Set(active?.map(({ metric }) => metric));
  const others = (exceeding ?? []).filter(({ metric }) => !told.has(metric));
  return (
    <Card
      title={words.title}
      aside={
        paused &&
        asOf !== null && (
          <span className="text-muted text-xs">
            {words.asOf} <Ago time={asOf} />
          </span>
        )
      }
    >
      <div role="status" aria-live="off">
        {active === null && error && <Failure what={words.unknown} why={error.message} />}
        {active === null && !error && <None tone="unknown">{words.waiting}</None>}
        {active?.length === 0 && others.length === 0 && (
          <None tone={exceeding === null ? "unknown" : "good"}>
            {exceeding === null ? words.noneThen : words.none}
          </None>
        )}
        <ul className="flex flex-col gap-2">
          {active?.map((alert) => (
            <Raised key={alert.id} alert={alert} />
          ))}
          {others.map((alert) => (
            <Exceeding key={alert.metric} alert={alert} unit={limits[alert.metric]?.unit} />
          ))}
        </ul>
      </div>
      {children}
    </Card>
  );
}

function None({ tone, children }: { tone: "good" | "unknown"; children: string }) {
  return (
    <p className="flex items-center gap-2 text-sm">
      <ToneIcon tone={tone} className="size-4" />
      {children}
    </p>
  );
}

function Raised({ alert }: { alert: RaisedAlertData }) {
  const { severity, message, unit, peak, threshold, since, unknown_since } = alert;
  const recovers = isRecovering(alert);
  const tone = recovers ? "warn" : ALERT_TONES[severity];
  return (
    <li className={ALERT_ROW}>
      <Severity
        severity={severity}
        tone={unknown_since === null ? tone : "unknown"}
        recovers={recovers}
      />
      <bdi className="figure">{message}</bdi>
      <span className={ALERT_ASIDE}>
        {unknown_since !== null && (
          <span>
            {words.unknownSince} <Moment time={timeOf(unknown_since)} />
          </span>
        )}
        <span>
          {words.since} <Moment time={timeOf(since)} />
        </span>
        <span>{words.peak(inUnit(peak, unit))}</span>
        <span>{limitWords(alert.metric, threshold, unit)}</span>
        <SeenMark alert={alert} what={message} />
        <ChartLink alert={alert} what={message} />
      </span>
    </li>
  );
}

/** An alert that nobody was told of: it has to last first. */
function Exceeding({ alert, unit }: { alert: Alert; unit: AlertLimits["unit"] | undefined }) {
  return (
    <li className={ALERT_ROW}>
      <ToneIcon tone="note" className="size-4" />
      <span className="text-muted">{words.justNow}</span>
      <bdi className="figure">{alert.message}</bdi>
      <span className={ALERT_ASIDE}>{limitWords(alert.metric, alert.threshold, unit)}</span>
    </li>
  );
}
