import { useCameras, useEventStream, useSystemStatus } from "@hsi/realtime";
import { Cctv, Cpu, House, type LucideIcon } from "lucide-react";
import { useNow } from "../../clock";
import { clock } from "../../format";
import { aiVerdict, cameraVerdict, homeVerdict, riskiest, type Verdict } from "../../verdicts";
import { ToneIcon } from "../parts";
import { TONE_CLASSES } from "../toneClasses";

/** The three answers that a person opens this page for. */
export function Verdicts() {
  const now = useNow();
  const { entries, isConnected, staleSince } = useEventStream();
  const system = useSystemStatus();
  const { cameras } = useCameras();
  const known = isConnected || entries.length > 0;
  return (
    <div className="grid grid-cols-1 gap-3 sm:gap-4 md:grid-cols-3">
      <Tile
        name="Home"
        Icon={House}
        verdict={homeVerdict(riskiest(entries, now), known)}
        staleSince={staleSince}
      />
      <Tile
        name="Cameras"
        Icon={Cctv}
        verdict={cameraVerdict(system.status?.cameras, cameras)}
        staleSince={system.staleSince}
      />
      <Tile
        name="AI"
        Icon={Cpu}
        verdict={aiVerdict(system.status?.services)}
        staleSince={system.staleSince}
      />
    </div>
  );
}

interface TileProps {
  readonly name: string;
  readonly Icon: LucideIcon;
  readonly verdict: Verdict;
  readonly staleSince: number | null;
}

function Tile({ name, Icon, verdict, staleSince }: TileProps) {
  const { tone, title, detail } = verdict;
  return (
    <section
      aria-label={`${name}, in brief`}
      className={`flex items-start gap-3 rounded-xl border border-line border-l-4 bg-card p-4 ${TONE_CLASSES[tone].edge} ${
        staleSince === null ? "" : "opacity-80"
      }`}
    >
      <Icon aria-hidden className={`mt-1 size-7 shrink-0 ${TONE_CLASSES[tone].ink}`} />
      <div className="min-w-0 flex-1">
        <div className="flex justify-between gap-2 text-muted text-sm">
          <h2>{name}</h2>
          {staleSince !== null && <span className="figure">as of {clock(staleSince)}</span>}
        </div>
        <p className={`flex items-center gap-2 font-semibold text-xl ${TONE_CLASSES[tone].ink}`}>
          {title}
          <ToneIcon tone={tone} className="size-5" />
        </p>
        <p
          className="line-clamp-2 text-muted text-sm max-md:min-h-[2lh] xl:line-clamp-1"
          title={detail}
        >
          {detail}
        </p>
      </div>
    </section>
  );
}
