import type { Job } from "@hsi/realtime";
import { timeOf } from "@hsi/realtime";
import { ArrowLeft } from "lucide-react";
import { Link } from "wouter";
import { Ago } from "../parts";
import { JobLength } from "./JobLength";
import { JobStatus } from "./JobStatus";
import { LogViewer } from "./LogViewer";

interface Props {
  readonly id: string;
  /** The job, as the list knows it. */
  readonly job: Job | undefined;
  /** Ask for the list again. */
  readonly refresh: () => void;
}

/** A job with its log. */
export function JobPanel({ id, job, refresh }: Props) {
  return (
    <section
      aria-label={`Job ${id}`}
      className="flex min-h-0 min-w-0 flex-1 flex-col gap-3 rounded-xl border border-line bg-card p-3 sm:p-4"
    >
      <div className="flex flex-wrap items-center gap-x-4 gap-y-1">
        <Link
          href="/jobs"
          className="-ml-1 inline-flex items-center gap-1 rounded p-1 text-data-ink text-sm hover:underline xl:hidden"
        >
          <ArrowLeft aria-hidden className="size-4" />
          Jobs
        </Link>
        <h2 title={id} className="min-w-0 truncate font-mono font-semibold text-sm">
          {id}
        </h2>
        {job && (
          <div className="figure flex items-center gap-4 text-muted text-sm sm:ml-auto">
            <JobStatus status={job.status} />
            <Ago time={timeOf(job.started_at)} />
            <span className="max-sm:hidden">
              <JobLength job={job} />
            </span>
          </div>
        )}
      </div>
      <LogViewer key={id} id={id} job={job} refresh={refresh} />
    </section>
  );
}
