import {
  type Job,
  type LogLevel,
  type LogView,
  NO_FILTER,
  useJob,
  useJobLogs,
} from "@hsi/realtime";
import { ArrowDown } from "lucide-react";
import { useCallback, useEffect, useMemo, useState } from "react";
import { Empty } from "../parts";
import { linesIn, whole } from "./count";
import { LogFooter } from "./LogFooter";
import { LogLines } from "./LogLines";
import { LogToolbar } from "./LogToolbar";
import { logWords, noLineWords, type Presence } from "./logWords";
import { indexAt } from "./rows";
import { useLogScroll } from "./useLogScroll";
import { useLogView } from "./useLogView";
import { useNextRun } from "./useNextRun";
import { useRowHeight } from "./useRowHeight";
import { useSettled } from "./useSettled";

/** Milliseconds without a key before a search begins: it looks at every line. */
const TYPING = 150;

interface Props {
  readonly id: string;
  /** The job, as the list knows it. */
  readonly job: Job | undefined;
  /** Called when the job ended: the list does not know it yet. */
  readonly refresh: () => void;
}

/** A job's log as it is written, to follow, stop, filter and search. */
export function LogViewer({ id, job, refresh }: Props) {
  const log = useJobLogs(id);
  const { logs: lines, clearLogs } = log;
  const [query, setQuery] = useState(NO_FILTER.query);
  const [level, setLevel] = useState<LogLevel>(NO_FILTER.level);
  const settled = useSettled(query, TYPING);
  const filter = useMemo(() => ({ level, query: settled }), [level, settled]);
  /** The number of the first line that is not shown; null while it is not paused. */
  const [pausedAt, setPausedAt] = useState<number | null>(null);
  const [cleared, setCleared] = useState(false);
  const view = useLogView(lines, filter, pausedAt);
  const numbers = view.upTo(pausedAt ?? lines.end);
  const rowHeight = useRowHeight();
  const scroll = useLogScroll(numbers, rowHeight);
  const { follow, leftAt } = scroll;
  useNextRun(log.ended !== null, job?.started_at, log.reconnect);

  const presence = usePresence(id, job, lines.end === 0 && log.status === null);

  const end = log.status === "running" ? null : log.status;
  useEffect(() => {
    if (end) refresh();
  }, [end, refresh]);

  const pause = useCallback((on: boolean) => setPausedAt(on ? lines.end : null), [lines]);
  const clear = useCallback(() => {
    clearLogs();
    setPausedAt((at) => (at === null ? null : lines.end));
    setCleared(true);
    follow(true);
  }, [clearLogs, lines, follow]);

  const kept = lines.end - lines.first;
  const filtered = view.filter.level !== NO_FILTER.level || view.filter.query !== "";
  const paused = pausedAt !== null;
  const newer = leftAt === null ? 0 : numbers.length - indexAt(numbers, leftAt);
  const empty = noLineWords({
    kept,
    paused,
    cleared,
    over: end !== null,
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
  });

  return (
    <div className="flex min-h-0 flex-1 flex-col gap-3">
      <LogToolbar
        query={query}
        search={setQuery}
        level={level}
        choose={setLevel}
        following={leftAt === null}
        follow={follow}
        paused={paused}
        pause={pause}
        waiting={paused ? lines.end - pausedAt : 0}
        clear={clear}
      />
      <div className="flex min-h-0 flex-1 flex-col overflow-hidden rounded-lg border border-line bg-ground">
        <div className="relative min-h-0 flex-1">
          <LogLines
            label={`Log of ${id}`}
            lines={lines}
            view={view}
            numbers={numbers}
            rowHeight={rowHeight}
            scroll={scroll}
          />
          {numbers.length === 0 && (
            <div className="pointer-events-none absolute inset-0 flex">
              <Empty title={empty.title}>{empty.hint}</Empty>
            </div>
          )}
          {newer > 0 && !paused && <NewLines count={newer} show={() => follow(true)} />}
        </div>
        <LogFooter
          words={words}
          reconnect={log.reconnect}
          shown={numbers.length}
          kept={kept}
          filtered={filtered}
          trimmed={log.trimmed}
        />
      </div>
      <Found view={view} count={filtered ? numbers.length : null} />
    </div>
  );
}

/** Asks whether there is such a job, while neither its log nor the list has said so. */
function usePresence(id: string, job: Job | undefined, silent: boolean): Presence {
  const { missing, isLoading } = useJob(silent && !job?.status ? id : null);
  // As one object while it says the same.
  return useMemo(() => {
    if (missing !== null) return { missing };
    return isLoading ? "asked" : "there";
  }, [missing, isLoading]);
}

function NewLines({ count, show }: { count: number; show: () => void }) {
  return (
    <button
      type="button"
      onClick={show}
      className="-translate-x-1/2 absolute bottom-4 left-1/2 inline-flex items-center gap-1.5 whitespace-nowrap rounded-full border border-data-ink bg-raised px-3 py-1.5 text-sm shadow-lg hover:bg-line"
    >
      <ArrowDown aria-hidden className="size-4" />
      <span className="figure">
        {whole(count)} new {count === 1 ? "line" : "lines"}
      </span>
    </button>
  );
}

/** Tells a screen reader what a search found: once, and not with every line that comes later. */
function Found({ view, count }: { view: LogView; count: number | null }) {
  const [found, setFound] = useState({ view, count });
  if (found.view !== view) setFound({ view, count });
  return (
    <p role="status" className="sr-only">
      {found.count !== null && `${linesIn(found.count)} found`}
    </p>
  );
}
