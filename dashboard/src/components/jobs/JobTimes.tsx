import type { Job } from "@hsi/realtime";
import { timeOf } from "@hsi/realtime";
import { texts } from "../../texts";
import { Ago, Moment } from "../parts";

/** When a job ended, or where it has not, when it began; and how long ago that is. */
export function JobTimes({ job }: { job: Job }) {
  const ended = timeOf(job.ended_at);
  const time = ended ?? timeOf(job.started_at);
  return (
    <span>
      {ended === null ? texts.jobs.began : texts.jobs.ended} <Moment time={time} />
      {time !== null && (
        <>
          {" · "}
          <Ago time={time} />
        </>
      )}
    </span>
  );
}
