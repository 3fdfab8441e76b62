import { useActiveAlerts, useCameras, useSystemStatus } from "@hsi/realtime";
import { Cctv, Cpu, House, type LucideIcon, Server } from "lucide-react";
import type { ReactNode } from "react";
import { clock } from "../../format";
import { type HomeState, type HomeVerdict, isWaiting } from "../../homeVerdict";
import { texts } from "../../texts";
import { useHome } from "../../useHome";
import { aiVerdict, cameraVerdict, HOME_TONES, systemVerdict, type Verdict } from "../../verdicts";
import { ToneIcon } from "../parts";
import { SeenButton } from "../SeenButton";
import { SeenRefusal } from "../SeenRefusal";
import { TONE_CLASSES } from "../toneClasses";

const words = texts.dashboard.verdicts;

/** The four answers that a person opens this page for; on a phone, the home's before all. */
export function Verdicts() {
  const home = useHome();
  const system = useSystemStatus();
  const { active } = useActiveAlerts();
  const { cameras } = useCameras();
  const isDegraded = system.connectionState === "degraded";
  return (
    <div className="grid grid-cols-1 gap-2 sm:gap-4 md:grid-cols-2 xl:grid-cols-4">
      <Tile
        name={words.home}
        Icon={House}
        verdict={{ ...home, tone: isWaiting(home) ? "unknown" : HOME_TONES[home.state] }}
        aside={home.since === null ? home.caveat : whenOf(home, home.since)}
        isOfNow
        isFirst
        action={ASKING.has(home.state) && home.event && <SeenButton event={home.event} />}
      >
        <SeenRefusal event={home.event} />
      </Tile>
      <Tile
        name={words.cameras}
        Icon={Cctv}
        verdict={cameraVerdict(system.status?.cameras, cameras)}
        aside={asOf(system.staleSince)}
        isOfNow={system.staleSince === null}
      />
      <Tile
        name={words.ai}
        Icon={Cpu}
        verdict={aiVerdict(system.status?.services)}
        aside={asOf(system.staleSince)}
        isOfNow={system.staleSince === null}
      />
      <Tile
        name={words.system}
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

/** The states in which somebody may say that they have seen the event, or take that back. */
const ASKING: ReadonlySet<HomeState> = new Set(["look", "look_now", "act_now", "seen"]);

function whenOf({ state }: HomeVerdict, since: number): string {
  return state === "seen" ? texts.events.seen.at(clock(since)) : words.since(clock(since));
}

function asOf(staleSince: number | null): string | null {
  return staleSince === null ? null : words.asOf(clock(staleSince));
}

interface TileProps {
  readonly name: string;
  readonly Icon: LucideIcon;
  readonly verdict: Verdict;
  /** Of when it is, or since when, where that is not now. */
  readonly aside: string | null;
  readonly isOfNow: boolean;
  /** Whether it keeps its size on a phone; the others are a line each. */
  readonly isFirst?: boolean;
  /** What somebody can do about it. */
  readonly action?: ReactNode;
  readonly children?: ReactNode;
}

/** How the parts of a tile stand on a phone, where it is a line. Whole class names, for Tailwind. */
const LINE = {
  tile: "max-md:items-center max-md:px-3 max-md:py-2",
  icon: "max-md:mt-0 max-md:size-5",
  body: "max-md:flex max-md:items-center max-md:gap-2",
  head: "max-md:shrink-0",
  aside: "max-md:hidden",
  title: "max-md:shrink-0 max-md:text-sm",
  detail: "max-md:block max-md:min-h-0 max-md:truncate max-md:text-xs",
};
const WHOLE: Readonly<Record<keyof typeof LINE, string>> = {
  tile: "",
  icon: "",
  body: "",
  head: "",
  aside: "",
  title: "",
  detail: "",
};

function Tile(props: TileProps) {
  const { name, Icon, verdict, aside, isOfNow, isFirst = false, action, children } = props;
  // What is not of now is no claim: it has no colour of its own.
  const tone = !isOfNow && verdict.tone === "good" ? "unknown" : verdict.tone;
  const { title, detail } = verdict;
  const look = isFirst ? WHOLE : LINE;
  // On a line there is room for what is wrong, and not for that nothing is.
  const detailLook = !isFirst && tone === "good" ? "max-md:hidden" : look.detail;
  return (
    <section
      aria-label={words.brief(name)}
      data-tone={tone}
      className={`flex min-w-0 items-start gap-3 rounded-xl border border-line border-l-4 bg-card p-4 ${TONE_CLASSES[tone].edge} ${look.tile}`}
    >
      <Icon aria-hidden className={`mt-1 size-7 shrink-0 ${TONE_CLASSES[tone].ink} ${look.icon}`} />
      <div className={`min-w-0 flex-1 ${look.body}`}>
        <div className={`flex justify-between gap-2 text-muted text-sm ${look.head}`}>
          <h2>{name}</h2>
          {/* Higher than the line that it stands in, which does not grow for it. */}
          <div className="-my-1 flex items-center gap-2">
            {aside !== null && <span className={`figure ${look.aside}`}>{aside}</span>}
            {action}
          </div>
        </div>
        <p
          className={`flex items-center gap-2 font-semibold text-xl ${TONE_CLASSES[tone].ink} ${look.title} ${look.head}`}
        >
          {title}
          <ToneIcon tone={tone} className="size-5 max-md:size-4" />
        </p>
        <p className={`line-clamp-2 min-h-[2lh] text-muted text-sm ${detailLook}`} title={detail}>
          <bdi>{detail}</bdi>
        </p>
        {children}
      </div>
    </section>
  );
}
