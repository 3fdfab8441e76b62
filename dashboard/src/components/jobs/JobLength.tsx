import { type Job, useServerClock } from "@hsi/realtime";
import { useNow } from "../../clock";
import { clock, duration, UNKNOWN } from "../../format";
import { texts } from "../../texts";
import { lengthOf, silentSince } from "./jobTimes";

/** How long a job took, or takes so far by the services' clock: they said when it began. */
export function JobLength({ job }: { job: Job }) {
  const ahead = useServerClock() ?? 0;
  const now = useNow() + ahead;
  const silent = silentSince(job, now);
  // Nobody knows whether it still runs.
  if (silent !== null) return <span>{texts.jobs.silentJob(clock(silent))}</span>;
  const length = lengthOf(job, now);
  if (length === null) return <span>{UNKNOWN}</span>;
  const words = job.status === "running" ? texts.jobs.runsFor : texts.jobs.took;
  return <span className="figure">{words(duration(length))}</span>;
}
