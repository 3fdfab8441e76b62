import {
  type Camera,
  type EventFilters,
  MAX_TEXT,
  NO_FILTERS,
  RISK_LEVELS,
  searchOf,
} from "@hsi/realtime";
import { Search, SlidersHorizontal } from "lucide-react";
import { useEffect, useEffectEvent, useId, useState } from "react";
import { useLocation } from "wouter";
import { EVENTS_PATH } from "../../behind";
import { texts } from "../../texts";
import { CameraChoice } from "./CameraChoice";
import { CONTROL } from "./classes";
import { LevelChoice } from "./LevelChoice";
import { PeriodChoice } from "./PeriodChoice";

const words = texts.events.filters;

/** Milliseconds without a key before words are looked for. */
const TYPING = 300;

interface Props {
  readonly filters: EventFilters;
  readonly cameras: readonly Camera[];
}

/** What to find; it stands in the page's address. */
export function FilterBar({ filters, cameras }: Props) {
  const [, navigate] = useLocation();
  const [isOpen, setOpen] = useState(false);
  const id = useId();
  const change = (changes: Partial<EventFilters>) => {
    const search = searchOf({ ...filters, ...changes });
    navigate(`${EVENTS_PATH}${search && `?${search}`}`, { replace: true });
  };
  const count = countOf(filters);
  return (
    <search aria-label={words.name}>
      <form
        onSubmit={(event) => event.preventDefault()}
        className="flex flex-wrap items-end gap-2 text-sm sm:gap-3"
      >
        <Words text={filters.text} find={(text) => change({ text })} />
        <button
          type="button"
          aria-expanded={isOpen}
          aria-controls={id}
          onClick={() => setOpen(!isOpen)}
          className={`flex items-center gap-2 lg:hidden ${CONTROL}`}
        >
          <SlidersHorizontal aria-hidden className="size-4" />
          {words.show}
          {count > 0 && <span className="figure text-muted">{count}</span>}
        </button>
        <div
          id={id}
          className={`flex-wrap items-end gap-3 max-lg:w-full lg:contents ${isOpen ? "flex" : "hidden"}`}
        >
          <CameraChoice
            cameras={cameras}
            chosen={filters.cameras}
            choose={(ids) => change({ cameras: ids })}
          />
          <LevelChoice chosen={filters.levels} choose={(levels) => change({ levels })} />
          <Score score={filters.minScore} choose={(minScore) => change({ minScore })} />
          <PeriodChoice filters={filters} choose={change} />
          <Seen seen={filters.seen} choose={(seen) => change({ seen })} />
          {searchOf(filters) !== "" && (
            <button type="button" onClick={() => change(NO_FILTERS)} className={CONTROL}>
              {words.clear}
            </button>
          )}
        </div>
      </form>
    </search>
  );
}

/** How many filters there are beside the words. */
function countOf({ cameras, levels, minScore, from, to, within, seen }: EventFilters): number {
  const set = [cameras.length > 0, levels.length < RISK_LEVELS.length && levels.length > 0];
  return [...set, minScore !== null, (from ?? to ?? within) !== null, seen !== null].filter(Boolean)
    .length;
}

/** Words to find, once nothing is typed for a moment. */
function Words({ text, find }: { text: string; find: (text: string) => void }) {
  const [typed, setTyped] = useState({ text, of: text });
  // What the address says by other ways than typing counts.
  const isSettled = typed.text.trim() === text.trim();
  if (typed.of !== text) setTyped({ text: isSettled ? typed.text : text, of: text });
  const findTyped = useEffectEvent(() => find(typed.text));
  useEffect(() => {
    if (isSettled) return;
    const timer = setTimeout(findTyped, TYPING);
    return () => clearTimeout(timer);
  }, [isSettled, typed.text]);
  return (
    <label className={`relative flex min-w-0 flex-1 items-center lg:basis-full ${CONTROL}`}>
      <Search aria-hidden className="mr-2 size-4 shrink-0 text-muted" />
      <span className="sr-only">{words.text}</span>
      <input
        type="search"
        value={typed.text}
        maxLength={MAX_TEXT}
        placeholder={words.textHint}
        spellCheck={false}
        onChange={({ target }) => setTyped({ text: target.value, of: text })}
        className="w-full min-w-0 bg-transparent outline-none placeholder:text-muted"
      />
    </label>
  );
}

interface ScoreProps {
  readonly score: number | null;
  readonly choose: (score: number | null) => void;
}

function Score({ score, choose }: ScoreProps) {
  return (
    <label className="flex flex-col gap-1">
      <span className="text-muted text-xs">{words.score}</span>
      <input
        type="number"
        min={0}
        max={100}
        inputMode="numeric"
        value={score ?? ""}
        onChange={({ target }) => {
          const value = target.valueAsNumber;
          choose(Number.isNaN(value) ? null : Math.min(100, Math.max(0, Math.round(value))));
        }}
        className={`figure w-20 ${CONTROL}`}
      />
    </label>
  );
}

interface SeenProps {
  readonly seen: boolean | null;
  readonly choose: (seen: boolean | null) => void;
}

function Seen({ seen, choose }: SeenProps) {
  return (
    <label className="flex flex-col gap-1">
      <span className="text-muted text-xs">{words.seen}</span>
      <select
        value={String(seen)}
        onChange={({ target }) => choose(target.value === "null" ? null : target.value === "true")}
        className={CONTROL}
      >
        <option value="null">{words.eitherSeen}</option>
        <option value="false">{words.notSeen}</option>
        <option value="true">{words.onlySeen}</option>
      </select>
    </label>
  );
}
