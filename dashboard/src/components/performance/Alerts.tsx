import {
  type Alert,
  type AlertLimits,
  type RaisedAlertData,
  timeOf,
  useActiveAlerts,
} from "@hsi/realtime";
import { inUnit } from "../../format";
import { ALERT_TONES } from "../../tones";
import { Ago, Card, Failure, Moment, ToneIcon } from "../parts";
import { TONE_CLASSES } from "../toneClasses";

/** What people are told of and has not ended, and what exceeds its threshold just now. */
export function Alerts() {
  const { active, exceeding, limits, asOf, paused, error } = useActiveAlerts();
  const told = new Set(active?.map(({ metric }) => metric));
  const others = (exceeding ?? []).filter(({ metric }) => !told.has(metric));
  return (
    <Card
      title="Active alerts"
      aside={
        paused &&
        asOf !== null && (
          <span className="text-muted text-xs">
            as of <Ago time={asOf} />
          </span>
        )
      }
    >
      <div role="status">
        {active === null && error && <Failure what="Alerts are not known" why={error.message} />}
        {active === null && !error && <None tone="unknown">Waiting for alerts.</None>}
        {active?.length === 0 && others.length === 0 && (
          <None tone={exceeding === null ? "unknown" : "good"}>
            {exceeding === null ? "None when last heard." : "None: no figure exceeds its limit."}
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

const ROW = "flex flex-wrap items-center gap-x-2 gap-y-1 text-sm";
const ASIDE = "figure ml-auto flex flex-wrap gap-x-3 whitespace-nowrap text-muted text-xs";

function Raised({ alert }: { alert: RaisedAlertData }) {
  const { severity, message, unit, peak, threshold, since, unknown_since } = alert;
  const tone = unknown_since === null ? ALERT_TONES[severity] : "unknown";
  return (
    <li className={ROW}>
      <ToneIcon tone={tone} className="size-4" />
      <span className={`font-semibold ${TONE_CLASSES[ALERT_TONES[severity]].ink}`}>{severity}</span>
      <span className="figure">{message}</span>
      <span className={ASIDE}>
        {unknown_since !== null && (
          <span>
            not known since <Moment time={timeOf(unknown_since)} />
          </span>
        )}
        <span>
          since <Moment time={timeOf(since)} />
        </span>
        <span>peak {inUnit(peak, unit)}</span>
        <span>limit {inUnit(threshold, unit)}</span>
      </span>
    </li>
  );
}

/** An alert that nobody was told of: it has to last first. */
function Exceeding({ alert, unit }: { alert: Alert; unit: AlertLimits["unit"] | undefined }) {
  return (
    <li className={ROW}>
      <ToneIcon tone="note" className="size-4" />
      <span className="text-muted">just now</span>
      <span className="figure">{alert.message}</span>
      <span className={ASIDE}>limit {inUnit(alert.threshold, unit)}</span>
    </li>
  );
}
