import { useJobs } from "@hsi/realtime";
import { useParams } from "wouter";
import { JobList } from "../components/jobs/JobList";
import { JobPanel } from "../components/jobs/JobPanel";
import { JobsFilterBar } from "../components/jobs/JobsFilterBar";
import { ALL_JOBS, more, queryOf } from "../components/jobs/jobsFilter";
import { useJobsFilter } from "../components/jobs/useJobsFilter";
import { Card, Empty, Failure } from "../components/parts";
import { texts } from "../texts";

/** What a job may be called (docs/protocol.md). */
const JOB_ID = /^[A-Za-z0-9][A-Za-z0-9._-]{0,127}$/;

/** The jobs, and the log of the one that was chosen; on a small screen one of the two. */
export default function JobsPage() {
  const id = useParams<{ id?: string }>().id ?? null;
  const [filter, change] = useJobsFilter();
  const { text, status, limit } = filter;
  const { jobs, answered, error, refresh } = useJobs({
    text,
    limit,
    statuses: status === null ? [] : [status],
  });
  // Of what was answered: while another list is on its way, the one before is still here.
  const listed = queryOf({
    text: answered.text ?? "",
    status: answered.statuses?.[0] ?? null,
    // A list that grows is the same list.
    limit: ALL_JOBS.limit,
  });
  const next = more(filter, jobs?.length ?? 0);
  return (
    // As high as the window leaves: list and log scroll in themselves, and not the page.
    <div className="gap-4 xl:grid xl:h-[calc(100dvh-8.5rem)] xl:min-h-96 xl:grid-cols-[minmax(20rem,1fr)_minmax(0,2.2fr)]">
      <div className={`min-h-0 flex-col gap-3 ${id === null ? "flex" : "hidden xl:flex"}`}>
        <h1 className="font-semibold text-xl">{texts.jobs.title}</h1>
        <JobsFilterBar filter={filter} change={change} />
        {error && <Failure what={texts.jobs.notLoaded} why={error.message} />}
        {!jobs && !error && <Empty title={texts.jobs.waiting} />}
        {jobs && jobs.length > 0 && (
          <JobList
            jobs={jobs}
            of={listed}
            query={queryOf(filter)}
            selected={id}
            more={next && (() => change(next))}
          />
        )}
        {jobs?.length === 0 &&
          (listed === "" ? <NoJobs /> : <NoneFits show={() => change(ALL_JOBS)} />)}
      </div>
      <div
        className={`min-h-0 min-w-0 flex-col ${id === null ? "hidden xl:flex" : "flex h-[calc(100dvh-7.5rem)] min-h-96 xl:h-auto"}`}
      >
        {id === null ? (
          <Card title={texts.jobs.log} className="flex-1">
            <Empty title={texts.jobs.noneChosen}>{texts.jobs.chooseOne}</Empty>
          </Card>
        ) : (
          <>
            <h1 className="sr-only xl:hidden">{texts.jobs.title}</h1>
            {JOB_ID.test(id) ? (
              <JobPanel id={id} listed={jobs?.find((job) => job.id === id)} refresh={refresh} />
            ) : (
              <Failure what={texts.jobs.notAnId} why={id} />
            )}
          </>
        )}
      </div>
    </div>
  );
}

function NoJobs() {
  return (
    <Empty title={texts.jobs.none}>
      {texts.jobs.runOne}{" "}
      <code className="whitespace-nowrap text-ink [font-variant-ligatures:none]">
        hsi run-job -- COMMAND
      </code>
    </Empty>
  );
}

function NoneFits({ show }: { show: () => void }) {
  return (
    <div className="flex flex-col items-center">
      <Empty title={texts.jobs.noneFits}>{texts.jobs.ofTheLast}</Empty>
      <button
        type="button"
        onClick={show}
        className="rounded-md border border-line px-3 py-1.5 text-sm hover:bg-raised"
      >
        {texts.jobs.clearSearch}
      </button>
    </div>
  );
}
