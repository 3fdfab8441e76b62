import { useActiveAlerts, useCameras, useSystemStatus } from "@hsi/realtime";
import { Cctv, Cpu, House, type LucideIcon, Server } from "lucide-react";
import { clock } from "../../format";
import { isWaiting } from "../../homeVerdict";
import { useHome } from "../../useHome";
import { aiVerdict, cameraVerdict, HOME_TONES, systemVerdict, type Verdict } from "../../verdicts";
import { ToneIcon } from "../parts";
import { TONE_CLASSES } from "../toneClasses";

/** The four answers that a person opens this page for. */
export function Verdicts() {
  const home = useHome();
  const system = useSystemStatus();
  const { active } = useActiveAlerts();
  const { cameras } = useCameras();
  const isDegraded = system.connectionState === "degraded";
  return (
    <div className="grid grid-cols-1 gap-3 sm:gap-4 md:grid-cols-2 xl:grid-cols-4">
      <Tile
        name="Home"
        Icon={House}
        verdict={{ ...home, tone: isWaiting(home) ? "unknown" : HOME_TONES[home.state] }}
        aside={home.since === null ? null : `since ${clock(home.since)}`}
        isOfNow
      />
      <Tile
        name="Cameras"
        Icon={Cctv}
        verdict={cameraVerdict(system.status?.cameras, cameras)}
        aside={asOf(system.staleSince)}
        isOfNow={system.staleSince === null}
      />
      <Tile
        name="AI"
        Icon={Cpu}
        verdict={aiVerdict(system.status?.services)}
        aside={asOf(system.staleSince)}
        isOfNow={system.staleSince === null}
      />
      <Tile
        name="System"
        Icon={Server}
        verdict={systemVerdict({
          status: system.status,
          isDegraded,
          alerts: active,
        })}
        aside={asOf(system.staleSince)}
        isOfNow={system.staleSince === null}
      />
    </div>
  );
}

function asOf(staleSince: number | null): string | null {
  return staleSince === null ? null : `as of ${clock(staleSince)}`;
}

interface TileProps {
  readonly name: string;
  readonly Icon: LucideIcon;
  readonly verdict: Verdict;
  /** Of when it is, or since when, where that is not now. */
  readonly aside: string | null;
  readonly isOfNow: boolean;
}

function Tile({ name, Icon, verdict, aside, isOfNow }: TileProps) {
  // What is not of now is no claim: it has no colour of its own.
  const tone = !isOfNow && verdict.tone === "good" ? "unknown" : verdict.tone;
  const { title, detail } = verdict;
  return (
    <section
      aria-label={`${name}, in brief`}
      data-tone={tone}
      className={`flex items-start gap-3 rounded-xl border border-line border-l-4 bg-card p-4 ${TONE_CLASSES[tone].edge}`}
    >
      <Icon aria-hidden className={`mt-1 size-7 shrink-0 ${TONE_CLASSES[tone].ink}`} />
      <div className="min-w-0 flex-1">
        <div className="flex justify-between gap-2 text-muted text-sm">
          <h2>{name}</h2>
          {aside !== null && <span className="figure">{aside}</span>}
        </div>
        <p className={`flex items-center gap-2 font-semibold text-xl ${TONE_CLASSES[tone].ink}`}>
          {title}
          <ToneIcon tone={tone} className="size-5" />
        </p>
        <p className="line-clamp-2 min-h-[2lh] text-muted text-sm" title={detail}>
          {detail}
        </p>
      </div>
    </section>
  );
}
