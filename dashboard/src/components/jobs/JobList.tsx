import type { Job } from "@hsi/realtime";
import { timeOf } from "@hsi/realtime";
import { Link } from "wouter";
import { Ago, Empty } from "../parts";
import { linesIn } from "./count";
import { JobLength } from "./JobLength";
import { JobStatus } from "./JobStatus";

/** The jobs that began last, youngest first, each a link to its log. */
export function JobList({ jobs, selected }: { jobs: readonly Job[]; selected: string | null }) {
  if (jobs.length === 0) {
    return (
      <Empty title="No jobs yet">
        Run one, and it shows here:{" "}
        <code className="whitespace-nowrap text-ink [font-variant-ligatures:none]">
          hsi run-job -- COMMAND
        </code>
      </Empty>
    );
  }
  return (
    <ul className="divide-y divide-line">
      {jobs.map((job) => (
        <li key={job.id}>
          <JobRow job={job} selected={job.id === selected} />
        </li>
      ))}
    </ul>
  );
}

function JobRow({ job, selected }: { job: Job; selected: boolean }) {
  return (
    <Link
      href={`/jobs/${encodeURIComponent(job.id)}`}
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
      <span className="figure mt-1 grid grid-cols-3 gap-3 text-muted text-xs">
        <Ago time={timeOf(job.started_at)} />
        <span className="text-center">
          <JobLength job={job} />
        </span>
        <span className="text-right">
          {job.lines === null ? "log is gone" : linesIn(job.lines)}
        </span>
      </span>
    </Link>
  );
}
