import { TIME_RANGES, type TimeRange } from "@hsi/realtime";

const NAMES: Readonly<Record<TimeRange, string>> = {
  "5m": "5 min",
  "15m": "15 min",
  "60m": "60 min",
};

interface Props {
  readonly range: TimeRange;
  readonly choose: (range: TimeRange) => void;
}

/** How far back the charts go. */
export function RangePicker({ range, choose }: Props) {
  return (
    <fieldset className="flex rounded-lg border border-line p-0.5">
      <legend className="sr-only">Range of the charts</legend>
      {TIME_RANGES.map((one) => (
        <label
          key={one}
          className="cursor-pointer rounded-md px-3 py-1 text-muted text-sm has-checked:bg-raised has-checked:text-ink has-focus-visible:outline-2 has-focus-visible:outline-data-ink"
        >
          <input
            type="radio"
            name="range"
            value={one}
            checked={one === range}
            onChange={() => choose(one)}
            className="sr-only"
          />
          {NAMES[one]}
        </label>
      ))}
    </fieldset>
  );
}
