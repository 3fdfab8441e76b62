import { ArrowDown, ArrowUp, CaseSensitive, type LucideIcon, Regex, Search } from "lucide-react";
import { type KeyboardEvent, memo, type Ref } from "react";
import { texts } from "../../texts";
import { whole } from "./count";
import { AROUND, type Around } from "./matchView";
import type { Search as Searched } from "./search";

interface Props {
  readonly field: Ref<HTMLInputElement>;
  readonly search: Searched;
  readonly change: (search: Searched) => void;
  /** Why nothing can be searched; null where it can. */
  readonly fault: string | null;
  readonly isUnderWay: boolean;
  readonly count: number;
  /** Which match somebody went to, from 1 on; null: none yet. */
  readonly position: number | null;
  readonly goTo: (direction: 1 | -1) => void;
  readonly around: Around;
  readonly showAround: (around: Around) => void;
}

const FIELD = "h-9 rounded-md border border-line bg-ground text-sm";
const said = texts.jobs;

/** Searches in a log, and goes from match to match. */
export const LogSearchBar = memo(function LogSearchBar({
  field,
  search,
  change,
  fault,
  isUnderWay,
  count,
  position,
  goTo,
  around,
  showAround,
}: Props) {
  const onKeyDown = (event: KeyboardEvent) => {
    if (event.key === "Enter") {
      event.preventDefault();
      goTo(event.shiftKey ? -1 : 1);
    } else if (event.key === "Escape" && search.text !== "") {
      event.preventDefault();
      change({ ...search, text: "" });
    }
  };
  return (
    <div className="flex flex-col gap-1">
      <div className="flex flex-wrap items-center gap-2">
        <div className="relative min-w-44 flex-1 max-sm:basis-full">
          <label>
            <span className="sr-only">{said.searchLog}</span>
            <Search
              aria-hidden
              className="-translate-y-1/2 absolute top-1/2 left-2.5 size-4 text-muted"
            />
            <input
              ref={field}
              type="text"
              value={search.text}
              onChange={(event) => change({ ...search, text: event.target.value })}
              onKeyDown={onKeyDown}
              placeholder={said.searchHint}
              enterKeyHint="search"
              autoCapitalize="off"
              autoComplete="off"
              spellCheck={false}
              aria-invalid={fault !== null}
              aria-describedby={fault === null ? undefined : "log-search-fault"}
              className={`${FIELD} w-full pr-18 pl-8 placeholder:text-muted ${search.isExpression ? "font-mono" : ""} ${fault === null ? "" : "border-bad"}`}
            />
          </label>
          <div className="absolute top-1 right-1 flex gap-0.5">
            <Option
              name={said.matchCase}
              Icon={CaseSensitive}
              on={search.matchCase}
              turn={() => change({ ...search, matchCase: !search.matchCase })}
            />
            <Option
              name={said.expression}
              Icon={Regex}
              on={search.isExpression}
              turn={() => change({ ...search, isExpression: !search.isExpression })}
            />
          </div>
        </div>
        {search.text !== "" && (
          <div className="flex items-center gap-1 max-sm:w-full">
            <p className="figure min-w-24 text-muted text-sm max-sm:flex-1">
              {isUnderWay ? said.searching : fault === null && countWords(position, count)}
            </p>
            <Step name={said.previous} Icon={ArrowUp} go={() => goTo(-1)} disabled={count === 0} />
            <Step name={said.next} Icon={ArrowDown} go={() => goTo(1)} disabled={count === 0} />
            <label className="ml-1">
              <span className="sr-only">{said.shown}</span>
              <select
                value={String(around)}
                onChange={(event) =>
                  showAround(AROUND.find((one) => String(one) === event.target.value) ?? null)
                }
                className={`${FIELD} px-2`}
              >
                {AROUND.map((one) => (
                  <option key={String(one)} value={String(one)}>
                    {one === null ? said.allLines : one === 0 ? said.onlyMatches : said.around(one)}
                  </option>
                ))}
              </select>
            </label>
          </div>
        )}
      </div>
      {fault !== null && (
        <p
          id="log-search-fault"
          role="alert"
          className="text-bad-ink text-sm [overflow-wrap:anywhere]"
        >
          <bdi>{fault}</bdi>
        </p>
      )}
    </div>
  );
});

function countWords(position: number | null, count: number): string {
  return position === null
    ? said.found(count, whole(count))
    : said.position(whole(position), whole(count));
}

interface OptionProps {
  readonly name: string;
  readonly Icon: LucideIcon;
  readonly on: boolean;
  readonly turn: () => void;
}

function Option({ name, Icon, on, turn }: OptionProps) {
  return (
    <button
      type="button"
      aria-pressed={on}
      aria-label={name}
      title={name}
      onClick={turn}
      className={`flex size-7 items-center justify-center rounded border ${on ? "border-data-ink bg-data/20" : "border-transparent text-muted hover:bg-raised"}`}
    >
      <Icon aria-hidden className="size-4" />
    </button>
  );
}

interface StepProps {
  readonly name: string;
  readonly Icon: LucideIcon;
  readonly go: () => void;
  readonly disabled: boolean;
}

function Step({ name, Icon, go, disabled }: StepProps) {
  return (
    <button
      type="button"
      aria-label={name}
      title={name}
      onClick={go}
      disabled={disabled}
      className="flex size-9 items-center justify-center rounded-md border border-line hover:bg-raised disabled:opacity-50"
    >
      <Icon aria-hidden className="size-4" />
    </button>
  );
}
