import { texts } from "../../texts";
import { isTimeOfDay, type QuietHours, USUAL_QUIET } from "../../told/rules";
import { FIELD } from "../signin/classes";
import type { PartProps } from "./TellDialog";

const { told: words } = texts;

/** Hours in which nothing is told. */
export function QuietHoursChoice({ choice: { quiet }, change }: PartProps) {
  return (
    <fieldset className="flex flex-col gap-2">
      <legend className="sr-only">{words.quiet}</legend>
      <label className="flex items-center gap-2">
        <input
          type="checkbox"
          checked={quiet !== null}
          onChange={({ target }) => change({ quiet: target.checked ? USUAL_QUIET : null })}
        />
        {words.quiet}
      </label>
      {quiet && (
        <div className="ml-6 flex flex-col gap-2">
          <div className="flex flex-wrap gap-3">
            <TimeOfDay end="from" quiet={quiet} change={change} />
            <TimeOfDay end="to" quiet={quiet} change={change} />
          </div>
          <label className="flex items-center gap-2">
            <input
              type="checkbox"
              checked={quiet.exceptCritical}
              onChange={({ target }) =>
                change({ quiet: { ...quiet, exceptCritical: target.checked } })
              }
            />
            {words.exceptCritical}
          </label>
        </div>
      )}
    </fieldset>
  );
}

interface TimeOfDayProps {
  readonly end: "from" | "to";
  readonly quiet: QuietHours;
  readonly change: PartProps["change"];
}

function TimeOfDay({ end, quiet, change }: TimeOfDayProps) {
  const set = (time: string) => {
    // A field that is being changed is empty meanwhile.
    if (isTimeOfDay(time)) change({ quiet: { ...quiet, [end]: time } });
  };
  return (
    <label className="flex items-center gap-2">
      {end === "from" ? words.quietFrom : words.quietTo}
      <input
        type="time"
        defaultValue={quiet[end]}
        onChange={({ target }) => set(target.value)}
        className={FIELD}
      />
    </label>
  );
}
