import type { Job } from "@hsi/realtime";
import { useJob } from "@hsi/realtime";
import { ArrowLeft } from "lucide-react";
import { Link, useSearch } from "wouter";
import { texts } from "../../texts";
import { JobLength } from "./JobLength";
import { JobStatus } from "./JobStatus";
import { JobTimes } from "./JobTimes";
import { LogViewer } from "./LogViewer";

interface Props {
  readonly id: string;
  /** The job, as the list knows it; undefined where the list does not have it. */
  readonly listed: Job | undefined;
  /** Ask for the list again. */
  readonly refresh: () => void;
}

/** A job with its log. */
export function JobPanel({ id, listed, refresh }: Props) {
  const search = useSearch();
  const { job: asked } = useJob(listed ? null : id);
  const job = listed ?? asked ?? undefined;
  return (
    <section
      aria-label={texts.jobs.job(id)}
      className="flex min-h-0 min-w-0 flex-1 flex-col gap-3 rounded-xl border border-line bg-card p-3 sm:p-4"
    >
      <div className="flex flex-wrap items-center gap-x-4 gap-y-1">
        <Link
          href={`/jobs${search && `?${search}`}`}
          className="-ml-1 inline-flex items-center gap-1 rounded p-1 text-data-ink text-sm hover:underline xl:hidden"
        >
          <ArrowLeft aria-hidden className="size-4" />
          {texts.jobs.title}
        </Link>
        <h2 title={id} className="min-w-0 truncate font-mono font-semibold text-sm">
          {id}
        </h2>
        {job && (
          <div className="figure flex flex-wrap items-center gap-x-4 text-muted text-sm max-sm:gap-x-3 max-sm:text-xs sm:ml-auto">
            <JobStatus status={job.status} />
            <JobTimes job={job} />
            <JobLength job={job} />
          </div>
        )}
      </div>
      <LogViewer key={id} id={id} job={job} refresh={refresh} />
    </section>
  );
}
