import { type RaisedAlertData, timeOf, useAlertHistory } from "@hsi/realtime";
import { ChevronDown } from "lucide-react";
import { useId, useState } from "react";
import { limitWords } from "../../alertWords";
import { clock, dateAndClock, duration, inUnit, spoken } from "../../format";
import { texts } from "../../texts";
import { ALERT_TONES } from "../../tones";
import { Failure, Moment } from "../parts";
import { ALERT_ASIDE, ALERT_ROW, Severity } from "./alertParts";
import { ChartLink } from "./ChartLink";

const words = texts.performance.alerts;
/** Alerts that are shown at first, and with each press of the button. */
const PAGE = 10;

/** The alerts that have ended, the latest first, loaded when somebody wants to see them. */
export function PastAlerts() {
  const [isOpen, setOpen] = useState(false);
  const [count, setCount] = useState(PAGE);
  const list = useId();
  const { ended, error } = useAlertHistory(isOpen);
  const hidden = (ended?.length ?? 0) - count;
  return (
    <div className="mt-3 border-line border-t pt-2">
      <button
        type="button"
        aria-expanded={isOpen}
        aria-controls={list}
        onClick={() => setOpen(!isOpen)}
        className="flex min-h-6 items-center gap-1.5 rounded text-muted text-sm hover:text-ink"
      >
        <ChevronDown
          aria-hidden
          className={`size-4 motion-safe:transition-transform ${isOpen ? "" : "-rotate-90"}`}
        />
        {words.past}
      </button>
      <div id={list} hidden={!isOpen} className="mt-2">
        {error && <Failure what={words.pastUnknown} why={error.message} />}
        {ended === null && !error && <p className="text-muted text-sm">{words.loadingPast}</p>}
        {ended?.length === 0 && <p className="text-muted text-sm">{words.noPast}</p>}
        <ul aria-label={words.past} className="flex flex-col gap-2">
          {ended?.slice(0, count).map((alert) => (
            <Ended key={alert.id} alert={alert} />
          ))}
        </ul>
        {hidden > 0 && (
          <button
            type="button"
            onClick={() => setCount(count + PAGE)}
            className="mt-2 rounded-md border border-line px-3 py-1 text-sm hover:bg-raised"
          >
            {words.more(Math.min(hidden, PAGE))}
          </button>
        )}
      </div>
    </div>
  );
}

function Ended({ alert }: { alert: RaisedAlertData }) {
  const { severity, unit, peak, threshold } = alert;
  const since = timeOf(alert.since);
  const ended = timeOf(alert.ended);
  const what = nameOf(alert);
  return (
    <li className={ALERT_ROW}>
      <Severity severity={severity} tone={ALERT_TONES[severity]} />
      <bdi>{what}</bdi>
      <span className={ALERT_ASIDE}>
        <span>
          {words.since} <Moment time={since} />
        </span>
        <span>
          {words.ended} <End since={since} ended={ended} />
        </span>
        {since !== null && ended !== null && <span>{words.lasted(duration(ended - since))}</span>}
        <span>{words.peak(inUnit(peak, unit))}</span>
        <span>{limitWords(alert.metric, threshold, unit)}</span>
        {alert.seen && <span>{words.seenBy(alert.seen.by)}</span>}
        <ChartLink alert={alert} what={what} />
      </span>
    </li>
  );
}

/** When it ended: on the day on which it began, without that day again. */
function End({ since, ended }: { since: number | null; ended: number | null }) {
  const isSameDay =
    since !== null &&
    ended !== null &&
    new Date(since).toDateString() === new Date(ended).toDateString();
  if (!isSameDay) return <Moment time={ended} />;
  return (
    <time dateTime={new Date(ended).toISOString()} title={dateAndClock(ended)}>
      {clock(ended)}
    </time>
  );
}

const NAMES: ReadonlyMap<string, string> = new Map(Object.entries(words.names));

function nameOf({ metric, gpu }: RaisedAlertData): string {
  const name = NAMES.get(metric) ?? spoken(metric);
  return gpu === undefined ? name : words.ofGpu(name, gpu);
}
