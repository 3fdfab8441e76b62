import { LOG_LEVELS, type LogBuffer, type LogLevel } from "@hsi/realtime";
import { ArrowDownToLine, Eraser, type LucideIcon, Pause, WrapText } from "lucide-react";
import { compact } from "../../format";
import { texts } from "../../texts";
import { DownloadMenu } from "./DownloadMenu";

interface Props {
  readonly id: string;
  readonly lines: LogBuffer;
  readonly isTrimmed: boolean;
  readonly level: LogLevel;
  readonly choose: (level: LogLevel) => void;
  readonly wrapped: boolean;
  readonly wrap: (on: boolean) => void;
  readonly following: boolean;
  readonly follow: (on: boolean) => void;
  readonly paused: boolean;
  readonly pause: (on: boolean) => void;
  /** Lines that came since it was paused. */
  readonly waiting: number;
  readonly clear: () => void;
}

const said = texts.jobs;

/** What can be done with a log. */
export function LogToolbar(props: Props) {
  const { level, choose, wrapped, wrap, following, follow, paused, pause, waiting, clear } = props;
  return (
    <div className="flex flex-wrap items-center gap-2">
      <label className="min-w-0 max-sm:flex-1">
        <span className="sr-only">{said.level}</span>
        <select
          value={level}
          onChange={(event) =>
            choose(LOG_LEVELS.find((one) => one === event.target.value) ?? level)
          }
          className="h-9 w-full text-ellipsis rounded-md border border-line bg-ground px-2 text-sm max-sm:px-1"
        >
          {LOG_LEVELS.map((one) => (
            <option key={one} value={one}>
              {one === "CRITICAL" ? one : said.andAbove(one)}
            </option>
          ))}
        </select>
      </label>
      <div className="flex flex-wrap gap-1 sm:ml-auto sm:gap-2">
        <Toggle name={said.wrap} Icon={WrapText} on={wrapped} turn={() => wrap(!wrapped)} />
        <Toggle
          name={said.follow}
          Icon={ArrowDownToLine}
          on={following}
          turn={() => follow(!following)}
        />
        <Toggle name={said.pause} Icon={Pause} on={paused} turn={() => pause(!paused)}>
          {paused ? said.waitingLines(compact(waiting)) : undefined}
        </Toggle>
        <button type="button" onClick={clear} className={`${BUTTON} border-line hover:bg-raised`}>
          <Eraser aria-hidden className="size-4" />
          <span className="max-sm:sr-only">{said.clear}</span>
        </button>
        <DownloadMenu
          id={props.id}
          lines={props.lines}
          isTrimmed={props.isTrimmed}
          className={`${BUTTON} border-line hover:bg-raised`}
        />
      </div>
    </div>
  );
}

const BUTTON = "inline-flex h-9 items-center gap-1.5 rounded-md border px-2 text-sm sm:px-2.5";

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
