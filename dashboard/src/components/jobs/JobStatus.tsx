import {
  CircleCheck,
  CircleDashed,
  CircleHelp,
  CirclePlay,
  CircleSlash,
  CircleX,
  type LucideIcon,
} from "lucide-react";
import type { Job } from "../../realtime";
import { INK, type Tone } from "../parts";

interface Look {
  readonly Icon: LucideIcon;
  readonly tone: Tone;
}

const UNKNOWN: Look = { Icon: CircleHelp, tone: "unknown" };
const LOOKS: Readonly<Record<string, Look>> = {
  pending: { Icon: CircleDashed, tone: "unknown" },
  running: { Icon: CirclePlay, tone: "note" },
  completed: { Icon: CircleCheck, tone: "good" },
  failed: { Icon: CircleX, tone: "bad" },
  cancelled: { Icon: CircleSlash, tone: "warn" },
};

/** How a job is, as an icon and a word. */
export function JobStatus({ status }: { status: Job["status"] }) {
  const { Icon, tone } = (status && LOOKS[status]) || UNKNOWN;
  return (
    <span className={`inline-flex items-center gap-1.5 text-sm ${INK[tone]}`}>
      <Icon aria-hidden className="size-4 shrink-0" />
      {status ?? "unknown"}
    </span>
  );
}
