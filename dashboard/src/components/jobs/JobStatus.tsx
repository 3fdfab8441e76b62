import type { Job } from "@hsi/realtime";
import {
  CircleCheck,
  CircleDashed,
  CircleHelp,
  CirclePlay,
  CircleSlash,
  CircleX,
  type LucideIcon,
} from "lucide-react";
import { texts } from "../../texts";
import { JOB_TONES } from "../../tones";
import { TONE_CLASSES } from "../toneClasses";

const ICONS: Readonly<Record<NonNullable<Job["status"]>, LucideIcon>> = {
  pending: CircleDashed,
  running: CirclePlay,
  completed: CircleCheck,
  failed: CircleX,
  cancelled: CircleSlash,
};

/** How a job is, as an icon and a word. */
export function JobStatus({ status }: { status: Job["status"] }) {
  const Icon = status === null ? CircleHelp : ICONS[status];
  const tone = status === null ? "unknown" : JOB_TONES[status];
  return (
    <span className={`inline-flex items-center gap-1.5 text-sm ${TONE_CLASSES[tone].ink}`}>
      <Icon aria-hidden className="size-4 shrink-0" />
      {status === null ? texts.jobs.unknownStatus : texts.jobs.statuses[status]}
    </span>
  );
}
