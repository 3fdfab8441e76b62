import type { Job } from "@hsi/realtime";
import { ArrowUp } from "lucide-react";
import { useRef } from "react";
import { Link } from "wouter";
import { texts } from "../../texts";
import { linesIn, whole } from "./count";
import { JobLength } from "./JobLength";
import { JobStatus } from "./JobStatus";
import { JobTimes } from "./JobTimes";
import { useQuietList } from "./useQuietList";

interface Props {
  readonly jobs: readonly Job[];
  /** Which jobs are listed: those of another list do not have to stay where they are. */
  readonly of: string;
  /** The part of the address that says the same: it stays. */
  readonly query: string;
  readonly selected: string | null;
  /** Show more; null where there are no more. */
  readonly more: (() => void) | null;
}

/** Jobs, youngest first, each a link to its log. */
export function JobList({ jobs, of, query, selected, more }: Props) {
  const list = useRef<HTMLDivElement>(null);
  const quiet = useQuietList(list, jobs, of);
  return (
    <div className="relative flex min-h-0 flex-col">
      <div
        ref={list}
        className="min-h-0 overflow-y-auto rounded-xl border border-line bg-card [overflow-anchor:none]"
      >
        <ul className="divide-y divide-line">
          {quiet.jobs.map((job) => (
            <li key={job.id}>
              <JobRow job={job} query={query} selected={job.id === selected} />
            </li>
          ))}
        </ul>
        {more && (
          <button
            type="button"
            onClick={more}
            className="w-full border-line border-t px-3 py-2.5 text-data-ink text-sm hover:bg-raised focus-visible:-outline-offset-2"
          >
            {texts.jobs.more}
          </button>
        )}
      </div>
      {quiet.newer > 0 && (
        <button
          type="button"
          onClick={() => {
            quiet.showNewer();
            list.current?.scrollTo({ top: 0 });
          }}
          className="-translate-x-1/2 absolute top-2 left-1/2 inline-flex items-center gap-1.5 whitespace-nowrap rounded-full border border-data-ink bg-raised px-3 py-1 text-sm shadow-lg hover:bg-line"
        >
          <ArrowUp aria-hidden className="size-4" />
          <span className="figure">{texts.jobs.newer(quiet.newer, whole(quiet.newer))}</span>
        </button>
      )}
    </div>
  );
}

interface RowProps {
  readonly job: Job;
  readonly query: string;
  readonly selected: boolean;
}

function JobRow({ job, query, selected }: RowProps) {
  return (
    <Link
      href={`/jobs/${encodeURIComponent(job.id)}${query}`}
      aria-current={selected ? "page" : undefined}
      className={`block border-l-2 px-3 py-2.5 focus-visible:-outline-offset-2 hover:bg-raised ${
        selected ? "border-good bg-raised" : "border-transparent"
      }`}
    >
      <span className="flex items-center justify-between gap-3">
        <span title={job.id} className="min-w-0 truncate font-mono text-sm">
          {job.id}
        </span>
        <JobStatus status={job.status} />
      </span>
      <span className="figure mt-1 flex flex-wrap justify-between gap-x-3 text-muted text-xs">
        <JobTimes job={job} />
        <span className="flex gap-x-3">
          <JobLength job={job} />
          <span>{job.lines === null ? texts.jobs.logIsGone : linesIn(job.lines)}</span>
        </span>
      </span>
    </Link>
  );
}
