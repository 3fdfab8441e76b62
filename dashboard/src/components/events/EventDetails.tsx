import type { SecurityEvent } from "@hsi/realtime";
import { type ReactNode, useState } from "react";
import { isLong, oddTimes, unreadable } from "../../eventFacts";
import { dateAndClockInZone, isolated, lasting, UNKNOWN } from "../../format";
import { texts } from "../../texts";
import { RISK_TONES } from "../../tones";
import { scoreOf } from "../dashboard/Risk";
import { Ago, ToneIcon } from "../parts";
import { TONE_CLASSES } from "../toneClasses";
import { EventMedia } from "./EventMedia";
import { SeenNote } from "./SeenNote";

const words = texts.events.one;

interface Props {
  /** Of the heading, for what is named by it. */
  readonly id: string;
  readonly event: SecurityEvent;
  /** As it was published; null while that is not known. */
  readonly message: Readonly<Record<string, unknown>> | null;
  /** The camera's name. */
  readonly camera: string;
}

/** All that an event says. */
export function EventDetails({ id, event, message, camera }: Props) {
  const { riskLevel, riskScore, isOutOfRange, startedAt, endedAt, data } = event;
  const tone = riskLevel ? RISK_TONES[riskLevel] : "unknown";
  const odd = oddTimes(event);
  const length = startedAt !== null && endedAt !== null ? endedAt - startedAt : null;
  /** What stands for what the page could not make out: nobody told it, or not so that it can be read. */
  const unknown = (field: string, notTold: string = words.notTold, ...others: string[]) => {
    const said = unreadable(message, field, ...others);
    if (said !== null) return words.unreadable(isolated(said));
    return message === null ? UNKNOWN : notTold;
  };
  return (
    <>
      <EventMedia event={event} />
      <div className="flex flex-col gap-2">
        <p className="flex flex-wrap items-center gap-x-3 gap-y-1 text-sm">
          <span
            className={`inline-flex items-center gap-1.5 rounded-md px-2 py-1 font-semibold ${TONE_CLASSES[tone].badge}`}
          >
            <ToneIcon tone={tone} className="size-4" />
            {riskLevel ? texts.dashboard.risk.levels[riskLevel] : texts.events.unknownLevel}
          </span>
          {riskScore !== null && (
            <span
              className="figure"
              title={isOutOfRange ? texts.dashboard.risk.outOfRange : undefined}
            >
              {words.score(scoreOf(riskScore, isOutOfRange))}
            </span>
          )}
          <span className="text-muted">
            <Ago time={event.arrivedAt} />
          </span>
        </p>
        <Summary id={id} text={event.summary} />
      </div>
      <SeenNote event={event} />
      <dl className="grid grid-cols-[auto_minmax(0,1fr)] items-baseline gap-x-4 gap-y-2 border-line border-t pt-4 text-sm">
        <Fact name={words.camera}>
          <bdi>{camera}</bdi>
          {event.cameraId !== null && <Code text={event.cameraId} />}
        </Fact>
        <Fact name={words.began}>
          <Time time={startedAt} unknown={unknown("started_at")} />
        </Fact>
        <Fact name={words.ended}>
          <Time time={endedAt} unknown={unknown("ended_at", words.notEnded)} />
        </Fact>
        {length !== null && length >= 0 && <Fact name={words.lasted}>{lasting(length)}</Fact>}
        <Fact name={words.arrived}>
          <Time time={event.arrivedAt} unknown={words.notTold} />
        </Fact>
        <Fact name={words.id}>
          {event.id === null ? (
            unknown("event_id", words.notTold, "id")
          ) : (
            <Code text={String(event.id)} />
          )}
        </Fact>
        <Fact name={words.batch}>
          {data.batch_id ? <Code text={data.batch_id} /> : unknown("batch_id")}
        </Fact>
      </dl>
      {odd.map((remark) => (
        <p key={remark} className="flex items-start gap-2 text-sm text-warn-ink">
          <ToneIcon tone="warn" className="mt-0.5 size-4" />
          {remark}
        </p>
      ))}
    </>
  );
}

/** What happened; where that is long, its beginning, so that all else stays near. */
function Summary({ id, text }: { id: string; text: string }) {
  const [isOpen, setOpen] = useState(false);
  const canOpen = isLong(text);
  const cut = canOpen && !isOpen ? "line-clamp-6" : "";
  return (
    <>
      <h2 id={id} className={`whitespace-pre-wrap font-semibold text-lg leading-snug ${cut}`}>
        <bdi className="[overflow-wrap:anywhere]">{text}</bdi>
      </h2>
      {canOpen && (
        <button
          type="button"
          aria-expanded={isOpen}
          aria-controls={id}
          onClick={() => setOpen(!isOpen)}
          className="self-start rounded text-data-ink text-sm hover:underline"
        >
          {isOpen ? words.showLess : words.showAll}
        </button>
      )}
    </>
  );
}

function Fact({ name, children }: { name: string; children: ReactNode }) {
  return (
    <>
      <dt className="text-muted">{name}</dt>
      <dd className="figure flex flex-wrap items-baseline gap-x-2">{children}</dd>
    </>
  );
}

function Code({ text }: { text: string }) {
  return (
    <code className="min-w-0 font-mono text-muted text-xs [overflow-wrap:anywhere]">
      <bdi>{text}</bdi>
    </code>
  );
}

function Time({ time, unknown }: { time: number | null; unknown: string }) {
  if (time === null) return unknown;
  return <time dateTime={new Date(time).toISOString()}>{dateAndClockInZone(time)}</time>;
}
