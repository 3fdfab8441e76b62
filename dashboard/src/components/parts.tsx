import { useServerClock } from "@hsi/realtime";
import { CircleAlert, CircleCheck, CircleHelp, CircleX, type LucideIcon } from "lucide-react";
import type { ReactNode } from "react";
import { useAsOf } from "../clock";
import { ago, clock, dateAndClock, isolated, UNKNOWN } from "../format";
import { reasonOf } from "../reasons";
import type { Tone } from "../tones";
import { TONE_CLASSES } from "./toneClasses";

const ICONS: Readonly<Record<Tone, LucideIcon>> = {
  good: CircleCheck,
  note: CircleAlert,
  warn: CircleAlert,
  bad: CircleX,
  unknown: CircleHelp,
};

export function ToneIcon({ tone, className = "size-5" }: { tone: Tone; className?: string }) {
  const Icon = ICONS[tone];
  return <Icon aria-hidden className={`shrink-0 ${TONE_CLASSES[tone].ink} ${className}`} />;
}

interface CardProps {
  readonly title: string;
  /** To the right of the title. */
  readonly aside?: ReactNode;
  readonly className?: string;
  readonly children: ReactNode;
}

/** A part of a page, with its heading. */
export function Card({ title, aside, className = "", children }: CardProps) {
  return (
    <section
      aria-label={title}
      className={`flex min-w-0 flex-col rounded-xl border border-line bg-card p-4 ${className}`}
    >
      <div className="mb-3 flex items-center justify-between gap-3">
        <h2 className="font-semibold text-muted text-sm">{title}</h2>
        {aside}
      </div>
      {children}
    </section>
  );
}

interface FigureProps {
  readonly name: string;
  readonly value: string;
  readonly unit?: string;
  /** How good or bad it is; only what is not good shows. */
  readonly tone?: Tone;
}

/** A figure with its name and its unit. */
export function Figure({ name, value, unit, tone }: FigureProps) {
  const ink = tone === "bad" || tone === "warn" ? TONE_CLASSES[tone].ink : "";
  return (
    <div className="min-w-0">
      <dt className="truncate text-muted text-xs">{name}</dt>
      <dd className={`figure font-semibold text-lg ${ink}`}>
        {value}
        {unit && value !== UNKNOWN && (
          <span className="ml-1 font-normal text-muted text-sm">{unit}</span>
        )}
      </dd>
    </div>
  );
}

interface MeterProps {
  readonly name: string;
  /** From 0 to `max`; null where nobody could measure it. */
  readonly value: number | null;
  readonly max?: number;
  /** The value for people. */
  readonly text: string;
  readonly color?: string;
}

/** A figure that is a part of a whole, as a bar. */
export function Meter({ name, value, max = 100, text, color = "bg-data" }: MeterProps) {
  const share = value === null || max <= 0 ? 0 : Math.min(1, Math.max(0, value / max));
  return (
    <div>
      <div className="flex justify-between gap-2 text-sm">
        <span className="text-muted">{name}</span>
        <span className="figure">{text}</span>
      </div>
      <meter className="sr-only" min={0} max={max} value={value ?? 0}>
        {name}: {text}
      </meter>
      <div aria-hidden className="mt-1 h-2 overflow-hidden rounded-full bg-raised">
        <div
          className={`h-full rounded-full duration-500 motion-safe:transition-[width] ${color}`}
          style={{ width: `${share * 100}%` }}
        />
      </div>
    </div>
  );
}

/** How long ago something was by the services' clock, which goes on by itself. */
export function Ago({ time }: { time: number | null }) {
  const ahead = useServerClock() ?? 0;
  const text = useAsOf((now) => (time === null ? UNKNOWN : ago(time, now + ahead)));
  if (time === null) return <span>{UNKNOWN}</span>;
  return (
    <time
      dateTime={new Date(time).toISOString()}
      title={dateAndClock(time)}
      className="figure whitespace-nowrap"
    >
      {text}
    </time>
  );
}

/** A moment: its time of day, and its date where that is not today's. */
export function Moment({ time }: { time: number | null }) {
  const ahead = useServerClock() ?? 0;
  const today = useAsOf((now) => new Date(now + ahead).toDateString());
  if (time === null) return <span>{UNKNOWN}</span>;
  const isToday = new Date(time).toDateString() === today;
  return (
    <time dateTime={new Date(time).toISOString()} title={dateAndClock(time)}>
      {isToday ? clock(time) : dateAndClock(time)}
    </time>
  );
}

/** What stands where there is nothing to show yet, and what would bring something. */
export function Empty({ title, children }: { title: string; children?: ReactNode }) {
  return (
    <div className="flex flex-1 flex-col items-center justify-center gap-1 px-4 py-8 text-center">
      <p className="font-medium">{title}</p>
      {children && <p className="max-w-prose text-muted text-sm">{children}</p>}
    </div>
  );
}

/** Something that could not be loaded, and why. */
export function Failure({ what, why }: { what: string; why: string }) {
  return (
    <p role="alert" className="flex items-start gap-2 text-sm text-warn-ink">
      <ToneIcon tone="warn" className="mt-0.5 size-4" />
      <span>
        {what}: {isolated(reasonOf(why))}
      </span>
    </p>
  );
}
