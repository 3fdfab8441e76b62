import type { Job } from "@hsi/realtime";
import { useNow } from "../../clock";
import { duration, UNKNOWN } from "../../format";
import { lengthOf } from "./jobTimes";

/** How long a job took, or takes so far. */
export function JobLength({ job }: { job: Job }) {
  const length = lengthOf(job, useNow());
  if (length === null) return <span>{UNKNOWN}</span>;
  return (
    <span className="figure">
      {job.status === "running" ? "for" : "took"} {duration(length)}
    </span>
  );
}
