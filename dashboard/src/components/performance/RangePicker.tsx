import { TIME_RANGES, type TimeRange } from "@hsi/realtime";
import { texts } from "../../texts";

interface Props {
  readonly range: TimeRange;
  readonly choose: (range: TimeRange) => void;
}

/** How far back the charts go. */
export function RangePicker({ range, choose }: Props) {
  return (
    <fieldset className="flex rounded-lg border border-line p-0.5">
      <legend className="sr-only">{texts.performance.range.name}</legend>
      {TIME_RANGES.map((one) => (
        <label
          key={one}
          className="cursor-pointer whitespace-nowrap rounded-md px-2.5 py-1 text-muted text-sm has-checked:bg-raised has-checked:text-ink has-focus-visible:outline-2 has-focus-visible:outline-data-ink sm:px-3"
        >
          <input
            type="radio"
            name="range"
            value={one}
            checked={one === range}
            onChange={() => choose(one)}
            className="sr-only"
          />
          {texts.performance.range[one]}
        </label>
      ))}
    </fieldset>
  );
}
