import {
  type Job,
  type LogLevel,
  NO_FILTER,
  useJob,
  useJobLogs,
  useServerClock,
} from "@hsi/realtime";
import { ArrowDown } from "lucide-react";
import { type KeyboardEvent, useCallback, useEffect, useMemo, useRef, useState } from "react";
import { useAsOf } from "../../clock";
import { read, write } from "../../deviceStorage";
import { clock } from "../../format";
import { reasonOf } from "../../reasons";
import { texts } from "../../texts";
import { Empty } from "../parts";
import { linesIn, whole } from "./count";
import { lineWithTime } from "./downloads";
import { silentSince } from "./jobTimes";
import { LinkNote } from "./LinkNote";
import { LogFooter } from "./LogFooter";
import { LogLines } from "./LogLines";
import { LogSearchBar } from "./LogSearchBar";
import { LogToolbar } from "./LogToolbar";
import { logWords, noLineWords, type Presence } from "./logWords";
import type { Around } from "./matchView";
import { indexAt, Rows } from "./rows";
import { SelectionBar } from "./SelectionBar";
import { NO_SEARCH, patternOf } from "./search";
import { shownLine } from "./shown";
import { useColumns } from "./useColumns";
import { useCopy } from "./useCopy";
import { useLineLink } from "./useLineLink";
import { useLineSearch } from "./useLineSearch";
import { linkOf, selectedLines, useLineSelection } from "./useLineSelection";
import { useLogScroll } from "./useLogScroll";
import { useLogView } from "./useLogView";
import { useMatches } from "./useMatches";
import { useNextRun } from "./useNextRun";
import { useRowHeight } from "./useRowHeight";
import { useSettled } from "./useSettled";
import { useShownLines } from "./useShownLines";
import { rowsOf } from "./wrapped";

/** Milliseconds without a key before a search begins: it looks at every line. */
const TYPING = 150;
const WRAP = "hsi.jobs.wrap";
const ON = "1";
const NONE: ReadonlySet<number> = new Set();

interface Props {
  readonly id: string;
  /** The job, as the list knows it. */
  readonly job: Job | undefined;
  /** Called when the job ended: the list does not know it yet. */
  readonly refresh: () => void;
}

/** A job's log as it is written, to follow, stop, filter, search, copy and save. */
export function LogViewer({ id, job, refresh }: Props) {
  const log = useJobLogs(id);
  const { logs: lines, clearLogs } = log;
  const [search, setSearch] = useState(NO_SEARCH);
  const [around, setAround] = useState<Around>(0);
  const [level, setLevel] = useState<LogLevel>(NO_FILTER.level);
  const settled = useSettled(search, TYPING);
  const { pattern, error } = useMemo(() => patternOf(settled), [settled]);
  const filter = useMemo(() => ({ level, query: "" }), [level]);
  /** The number of the first line that is not shown; null while it is not paused. */
  const [pausedAt, setPausedAt] = useState<number | null>(null);
  const [cleared, setCleared] = useState(false);
  const [isWrapped, setWrapped] = useState(() => read(WRAP) === ON);
  const [unfolded, setUnfolded] = useState(NONE);

  const view = useLogView(lines, filter, pausedAt);
  const passing = view.upTo(pausedAt ?? lines.end);
  const found = useLineSearch(lines, pattern, pausedAt ?? lines.end);
  const shown = useShownLines({ lines, passing, level, pattern, search: found, around });
  const { numbers, matches } = shown;
  const { space, sample, columns: fitting } = useColumns();
  const columns = isWrapped ? fitting : 0;
  const rows = useMemo(() => {
    if (columns === 0) return new Rows(numbers);
    return new Rows(numbers, (number) => {
      const line = lines.at(number);
      return line ? rowsOf(shownLine(line), columns, unfolded.has(number)) : 1;
    });
  }, [lines, numbers, columns, unfolded]);
  const rowHeight = useRowHeight();
  const scroll = useLogScroll(rows, rowHeight);
  const { follow, leftAt, show, focus, scroller } = scroll;
  useNextRun(log.ended !== null, job?.started_at, log.reconnect);

  const presence = usePresence(id, job, lines.end === 0 && log.status === null);
  const silent = useSilence(job);
  const end = log.status === "running" ? null : log.status;
  useEffect(() => {
    if (end) refresh();
  }, [end, refresh]);

  const unfold = useCallback((number: number) => {
    setUnfolded((before) => new Set(before).add(number));
  }, []);
  const showMatch = useCallback(
    (number: number, isFolded: boolean) => {
      if (isFolded) unfold(number);
      show(number);
    },
    [unfold, show],
  );
  const match = useMatches(lines, matches, pattern, around, showMatch);

  const selecting = useLineSelection(lines, numbers);
  const { selection, choose, select, selectAll, extend } = selecting;
  const selectLine = useCallback(
    (number: number, all: boolean) => {
      focus();
      select(number, all);
    },
    [focus, select],
  );
  const showLinked = useCallback(
    (first: number, last: number) => {
      choose({ anchor: first, focus: last });
      show(first);
    },
    [choose, show],
  );
  const isOver = end !== null;
  const link = useLineLink(lines, log.version, isOver, showLinked);

  const textOf = useCallback(
    (withTimes: boolean) => {
      const chosen = selection === null ? [] : selectedLines(lines, numbers, selection);
      return chosen.map(withTimes ? lineWithTime : shownLine).join("\n");
    },
    [lines, numbers, selection],
  );
  const selectedText = useMemo(
    () => (selection === null ? null : () => textOf(false)),
    [selection, textOf],
  );
  useCopy(scroller, lines, selectedText);

  const wrap = useCallback((on: boolean) => {
    write(WRAP, on ? ON : "");
    setWrapped(on);
  }, []);
  const pause = useCallback((on: boolean) => setPausedAt(on ? lines.end : null), [lines]);
  const clear = useCallback(() => {
    clearLogs();
    setPausedAt((at) => (at === null ? null : lines.end));
    setCleared(true);
    choose(null);
    follow(true);
  }, [clearLogs, lines, choose, follow]);

  const field = useRef<HTMLInputElement>(null);
  const onKey = (event: KeyboardEvent) => {
    const withControl = event.ctrlKey || event.metaKey;
    if (withControl && event.key === "a") selectAll();
    else if (withControl && event.key === "f") field.current?.focus();
    else if (event.key === "Escape" && selection) choose(null);
    else if (event.shiftKey && (event.key === "ArrowDown" || event.key === "ArrowUp")) {
      const top = numbers[rows.indexOf(Math.ceil((scroller.current?.scrollTop ?? 0) / rowHeight))];
      if (top === undefined) return;
      show(extend(event.key === "ArrowDown" ? 1 : -1, match.current ?? top));
    } else return;
    event.preventDefault();
  };
  const patternFor = (number: number) =>
    pattern !== null && matches[indexAt(matches, number)] === number && !found.slow.has(number)
      ? pattern
      : null;

  const kept = lines.end - lines.first;
  const isSearched = pattern !== null;
  const filtered = view.filter.level !== NO_FILTER.level || isSearched;
  const paused = pausedAt !== null;
  const newer = leftAt === null ? 0 : numbers.length - indexAt(numbers, leftAt);
  const isUnderWay = isSearched && found.phase === "searching";
  const empty = noLineWords({
    kept,
    paused,
    cleared,
    over: isOver,
    connectionState: log.connectionState,
    presence,
  });
  const words = logWords({
    connectionState: log.connectionState,
    staleSince: log.staleSince,
    ended: log.ended,
    status: end,
    exitCode: log.exitCode,
    lines: kept,
    presence,
    silentSince: silent,
  });
  const fault = error === null ? faultWords(isSearched, found.phase) : texts.jobs.invalid(error);
  const chosen = useMemo(
    () => (selection === null ? 0 : selectedLines(lines, numbers, selection).length),
    [lines, numbers, selection],
  );

  return (
    <div className="flex min-h-0 flex-1 flex-col gap-2">
      <LogSearchBar
        field={field}
        search={search}
        change={setSearch}
        fault={fault}
        isUnderWay={isUnderWay || search !== settled}
        count={matches.length}
        position={match.position}
        goTo={match.goTo}
        around={around}
        showAround={setAround}
      />
      <LogToolbar
        id={id}
        lines={lines}
        isTrimmed={log.trimmed}
        level={level}
        choose={setLevel}
        wrapped={isWrapped}
        wrap={wrap}
        following={leftAt === null}
        follow={follow}
        paused={paused}
        pause={pause}
        waiting={paused ? lines.end - pausedAt : 0}
        clear={clear}
      />
      <div className="flex min-h-0 flex-1 flex-col overflow-hidden rounded-lg border border-line bg-ground">
        {link.range && link.place && link.place.state !== "there" && (kept > 0 || isOver) && (
          <LinkNote range={link.range} place={link.place} isOver={isOver} close={link.forget} />
        )}
        <div className="relative min-h-0 flex-1">
          <LogLines
            label={texts.jobs.logOf(id)}
            lines={lines}
            rows={rows}
            view={view}
            rowHeight={rowHeight}
            scroll={scroll}
            space={space}
            sample={sample}
            isWrapped={columns > 0}
            unfolded={unfolded}
            unfold={unfold}
            selection={selection}
            select={selectLine}
            patternFor={patternFor}
            current={match.current}
            onKey={onKey}
          />
          {numbers.length === 0 && (
            <div className="pointer-events-none absolute inset-0 flex">
              <Empty title={isUnderWay ? texts.jobs.searching : empty.title}>
                {isUnderWay ? null : empty.hint}
              </Empty>
            </div>
          )}
          {newer > 0 && !paused && <NewLines count={newer} show={() => follow(true)} />}
        </div>
        {selection && chosen > 0 && (
          <SelectionBar
            count={chosen}
            textOf={textOf}
            hash={linkOf(lines, selection)}
            end={() => choose(null)}
          />
        )}
        <LogFooter
          words={words}
          reconnect={log.reconnect}
          shown={isSearched ? matches.length : passing.length}
          kept={kept}
          filtered={filtered}
          trimmed={log.trimmed}
        />
      </div>
      <Found pattern={pattern} isUnderWay={isUnderWay} count={matches.length} at={match.position} />
    </div>
  );
}

function faultWords(isSearched: boolean, phase: string): string | null {
  if (!isSearched) return null;
  if (phase === "tooSlow") return texts.jobs.tooSlow;
  return phase === "failed" ? texts.jobs.searchFailed : null;
}

/** Asks whether there is such a job, while neither its log nor the list has said so. */
function usePresence(id: string, job: Job | undefined, silent: boolean): Presence {
  const { job: found, missing, isLoading, error } = useJob(silent && !job?.status ? id : null);
  const unknown = error !== null && found === null ? reasonOf(error.message) : null;
  // As one object while it says the same.
  return useMemo(() => {
    if (missing !== null) return { missing };
    if (unknown !== null) return { unknown };
    return isLoading ? "asked" : "there";
  }, [missing, unknown, isLoading]);
}

/** Since when a job says nothing, as a time of day; empty while that is not long. */
function useSilence(job: Job | undefined): string {
  const ahead = useServerClock() ?? 0;
  return useAsOf((now) => {
    const since = job ? silentSince(job, now + ahead) : null;
    return since === null ? "" : clock(since);
  });
}

function NewLines({ count, show }: { count: number; show: () => void }) {
  return (
    <button
      type="button"
      onClick={show}
      className="-translate-x-1/2 absolute bottom-4 left-1/2 inline-flex items-center gap-1.5 whitespace-nowrap rounded-full border border-data-ink bg-raised px-3 py-1.5 text-sm shadow-lg hover:bg-line"
    >
      <ArrowDown aria-hidden className="size-4" />
      <span className="figure">{texts.jobs.newLines(count, whole(count))}</span>
    </button>
  );
}

interface FoundProps {
  readonly pattern: RegExp | null;
  readonly isUnderWay: boolean;
  readonly count: number;
  readonly at: number | null;
}

/** Tells a screen reader what a search found: once, and not with every line that comes later. */
function Found({ pattern, isUnderWay, count, at }: FoundProps) {
  const [found, setFound] = useState({ pattern, count });
  if (!isUnderWay && found.pattern !== pattern) setFound({ pattern, count });
  const words =
    at === null
      ? texts.jobs.linesFound(linesIn(found.count))
      : texts.jobs.position(whole(at), whole(count));
  return (
    <p role="status" className="sr-only">
      {pattern !== null && !isUnderWay && words}
    </p>
  );
}
