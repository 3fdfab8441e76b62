import type { EventFilters } from "@hsi/realtime";
import { useState } from "react";
import { texts } from "../../texts";
import { CONTROL } from "./classes";

const words = texts.events.filters;
const MINUTE = 60_000;

/** Minutes. */
const PERIODS = [60, 1440, 10080] as const;

interface Props {
  readonly filters: EventFilters;
  readonly choose: (period: Pick<EventFilters, "from" | "to" | "within">) => void;
}

const EVER = { from: null, to: null, within: null };

/** From when events are shown: a while back from now, or between two times. */
export function PeriodChoice({ filters: { from, to, within }, choose }: Props) {
  const [isBetween, setBetween] = useState(false);
  const minutes = within === null ? null : within / MINUTE;
  const isTimed = from !== null || to !== null;
  const value = isTimed || (isBetween && minutes === null) ? "between" : String(minutes ?? "any");
  const known = PERIODS.find((period) => period === minutes);
  return (
    <>
      <label className="flex flex-col gap-1">
        <span className="text-muted text-xs">{words.period}</span>
        <select
          value={value}
          onChange={({ target }) => {
            setBetween(target.value === "between");
            const chosen = Number(target.value);
            choose({ ...EVER, within: Number.isNaN(chosen) ? null : chosen * MINUTE });
          }}
          className={CONTROL}
        >
          <option value="any">{words.periods.any}</option>
          {PERIODS.map((period) => (
            <option key={period} value={period}>
              {words.periods[period]}
            </option>
          ))}
          {minutes !== null && known === undefined && (
            <option value={minutes}>{words.lastMinutes(String(minutes))}</option>
          )}
          <option value="between">{words.periods.between}</option>
        </select>
      </label>
      {value === "between" && (
        <>
          <Moment
            name={words.from}
            time={from}
            choose={(time) => choose({ from: time, to, within: null })}
          />
          <Moment
            name={words.to}
            time={to}
            choose={(time) => choose({ from, to: time, within: null })}
          />
        </>
      )}
    </>
  );
}

interface MomentProps {
  readonly name: string;
  readonly time: number | null;
  readonly choose: (time: number | null) => void;
}

function Moment({ name, time, choose }: MomentProps) {
  return (
    <label className="flex flex-col gap-1">
      <span className="text-muted text-xs">{name}</span>
      <input
        type="datetime-local"
        defaultValue={time === null ? "" : localTime(time)}
        onChange={({ target }) => {
          // Without an offset, it is of this browser's time zone.
          const chosen = Date.parse(target.value);
          choose(Number.isNaN(chosen) ? null : chosen);
        }}
        className={CONTROL}
      />
    </label>
  );
}

/** A time as such a field has it. */
function localTime(time: number): string {
  const date = new Date(time);
  return new Date(time - date.getTimezoneOffset() * MINUTE).toISOString().slice(0, 16);
}
