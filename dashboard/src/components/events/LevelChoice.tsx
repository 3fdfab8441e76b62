import { RISK_LEVELS, type RiskLevel } from "@hsi/realtime";
import { texts } from "../../texts";
import { RISK_TONES } from "../../tones";
import { ToneIcon } from "../parts";

interface Props {
  readonly chosen: readonly RiskLevel[];
  readonly choose: (levels: readonly RiskLevel[]) => void;
}

/** Of which levels events are shown; none chosen is all. */
export function LevelChoice({ chosen, choose }: Props) {
  return (
    <fieldset className="flex flex-col">
      <legend className="mb-1 text-muted text-xs">{texts.events.filters.levels}</legend>
      <div className="flex overflow-hidden rounded border border-line">
        {RISK_LEVELS.map((level) => (
          <label
            key={level}
            className="relative flex min-h-[2.125rem] cursor-pointer items-center gap-1.5 border-line bg-card px-2.5 not-first:border-l hover:bg-raised has-checked:bg-raised has-focus-visible:outline-2 has-focus-visible:-outline-offset-2 has-focus-visible:outline-data-ink"
          >
            <input
              type="checkbox"
              className="peer absolute inset-0 m-0 size-full cursor-pointer opacity-0"
              checked={chosen.includes(level)}
              onChange={({ target }) =>
                choose(
                  RISK_LEVELS.filter((one) =>
                    one === level ? target.checked : chosen.includes(one),
                  ),
                )
              }
            />
            <ToneIcon
              tone={RISK_TONES[level]}
              className="size-4 opacity-60 peer-checked:opacity-100"
            />
            <span className="text-muted peer-checked:font-semibold peer-checked:text-ink">
              {texts.dashboard.risk.levels[level]}
            </span>
          </label>
        ))}
      </div>
    </fieldset>
  );
}
