import { useJobs } from "@hsi/realtime";
import { useParams } from "wouter";
import { JobList } from "../components/jobs/JobList";
import { JobPanel } from "../components/jobs/JobPanel";
import { Card, Empty, Failure } from "../components/parts";

/** What a job may be called (docs/protocol.md). */
const JOB_ID = /^[A-Za-z0-9][A-Za-z0-9._-]{0,127}$/;

/** The jobs, and the log of the one that was chosen; on a small screen one of the two. */
export default function JobsPage() {
  const id = useParams<{ id?: string }>().id ?? null;
  const { jobs, error, refresh } = useJobs();
  return (
    // As high as the window leaves: list and log scroll in themselves, and not the page.
    <div className="gap-4 xl:grid xl:h-[calc(100dvh-8.5rem)] xl:min-h-96 xl:grid-cols-[minmax(20rem,1fr)_minmax(0,2.2fr)]">
      <div className={`min-h-0 flex-col gap-3 ${id === null ? "flex" : "hidden xl:flex"}`}>
        <h1 className="font-semibold text-xl">Jobs</h1>
        {error && <Failure what="The list of jobs cannot be loaded" why={error.message} />}
        {!jobs && !error && <Empty title="Waiting for the list of jobs" />}
        {jobs && (
          <div className="min-h-0 overflow-y-auto rounded-xl border border-line bg-card">
            <JobList jobs={jobs} selected={id} />
          </div>
        )}
      </div>
      <div
        className={`min-h-0 min-w-0 flex-col ${id === null ? "hidden xl:flex" : "flex h-[calc(100dvh-7.5rem)] min-h-96 xl:h-auto"}`}
      >
        {id === null ? (
          <Card title="Log" className="flex-1">
            <Empty title="No job chosen">The log of the one you choose shows here.</Empty>
          </Card>
        ) : (
          <>
            <h1 className="sr-only xl:hidden">Jobs</h1>
            {JOB_ID.test(id) ? (
              <JobPanel id={id} job={jobs?.find((job) => job.id === id)} refresh={refresh} />
            ) : (
              <Failure what="Not the id of a job" why={id} />
            )}
          </>
        )}
      </div>
    </div>
  );
}
