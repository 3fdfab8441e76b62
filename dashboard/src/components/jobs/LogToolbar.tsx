import { LOG_LEVELS, type LogLevel } from "@hsi/realtime";
import { ArrowDownToLine, Eraser, type LucideIcon, Pause, Search } from "lucide-react";
import { memo } from "react";
import { compact } from "../../format";

interface Props {
  readonly query: string;
  readonly search: (query: string) => void;
  readonly level: LogLevel;
  readonly choose: (level: LogLevel) => void;
  readonly following: boolean;
  readonly follow: (on: boolean) => void;
  readonly paused: boolean;
  readonly pause: (on: boolean) => void;
  /** Lines that came since it was paused. */
  readonly waiting: number;
  readonly clear: () => void;
}

const FIELD = "h-9 rounded-md border border-line bg-ground text-sm";

/** What can be done with a log. */
export const LogToolbar = memo(function LogToolbar(props: Props) {
  const { query, search, level, choose, following, follow, paused, pause, waiting, clear } = props;
  return (
    <div className="flex flex-wrap items-center gap-2">
      <label className="relative min-w-44 flex-1 max-sm:basis-full">
        <span className="sr-only">Search in this log</span>
        <Search
          aria-hidden
          className="-translate-y-1/2 absolute top-1/2 left-2.5 size-4 text-muted"
        />
        <input
          type="search"
          value={query}
          onChange={(event) => search(event.target.value)}
          placeholder="Search"
          autoComplete="off"
          spellCheck={false}
          className={`${FIELD} w-full pr-2 pl-8 placeholder:text-muted`}
        />
      </label>
      <label className="min-w-0 max-sm:flex-1">
        <span className="sr-only">Level</span>
        <select
          value={level}
          onChange={(event) =>
            choose(LOG_LEVELS.find((one) => one === event.target.value) ?? level)
          }
          className={`${FIELD} w-full px-2`}
        >
          {LOG_LEVELS.map((one) => (
            <option key={one} value={one}>
              {one === "CRITICAL" ? one : `${one} and above`}
            </option>
          ))}
        </select>
      </label>
      <div className="flex gap-2">
        <Toggle
          name="Follow"
          Icon={ArrowDownToLine}
          on={following}
          turn={() => follow(!following)}
        />
        <Toggle name="Pause" Icon={Pause} on={paused} turn={() => pause(!paused)}>
          {paused ? `${compact(waiting)} new` : undefined}
        </Toggle>
        <button type="button" onClick={clear} className={`${BUTTON} border-line hover:bg-raised`}>
          <Eraser aria-hidden className="size-4" />
          <span className="max-sm:sr-only">Clear</span>
        </button>
      </div>
    </div>
  );
});

const BUTTON = "inline-flex h-9 items-center gap-1.5 rounded-md border px-2.5 text-sm";

interface ToggleProps {
  readonly name: string;
  readonly Icon: LucideIcon;
  readonly on: boolean;
  readonly turn: () => void;
  /** What to say besides, while it is on. */
  readonly children?: string | undefined;
}

function Toggle({ name, Icon, on, turn, children }: ToggleProps) {
  return (
    <button
      type="button"
      aria-pressed={on}
      onClick={turn}
      className={`${BUTTON} ${on ? "border-data-ink bg-data/20" : "border-line hover:bg-raised"}`}
    >
      <Icon aria-hidden className="size-4" />
      <span className="max-sm:sr-only">{name}</span>
      {children && <span className="figure min-w-[4.5rem] text-left">{children}</span>}
    </button>
  );
}
