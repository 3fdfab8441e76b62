/**
 * How the home is. "All quiet" is a claim, and needs every proof; a danger that is known wins over
 * all that is not. One that somebody has seen no longer asks for a look; while it counts, the home is
 * not quiet either. The same in Python is hsi.verdict, and both pass tests/verdicts.json. Pure.
 */

import {
  counts,
  type Queues,
  RISK_LEVELS,
  type RiskLevel,
  type SecurityEvent,
  type Seen,
  type SeenMarks,
  type SystemStatusData,
  seenIn,
  type WindowKnowledge,
} from "@hsi/realtime";
import { type CameraNames, NO_NAMES, nameOf } from "./cameraNames";
import { isolated } from "./format";
import { texts } from "./texts";

export type HomeState =
  | "quiet"
  | "quiet_at"
  | "look"
  | "look_now"
  | "act_now"
  | "cant_tell"
  | "seen";

/** Whether something is heard; times are ms since 1970. */
interface Heard<State> {
  readonly state: State;
  readonly since: number | null;
}

/** All that is known; times are ms since 1970 of the services' clock. */
export interface Facts {
  /** Null while no heartbeat has told it. */
  readonly now: number | null;
  /** Whether events are heard now; `deaf`: the service answers, and says that it cannot hear Redis. */
  readonly feed: Heard<"heard" | "waiting" | "silent" | "deaf">;
  readonly window: WindowKnowledge;
  /** Whether statuses are heard; without them nothing is known of cameras, AI and queues. */
  readonly status: Heard<"heard" | "waiting" | "silent">;
  readonly cameras: SystemStatusData["cameras"];
  /** Health by service. */
  readonly ai: Readonly<Record<string, string>>;
  readonly queues: Queues;
  /** In any order; those that do not count may be among them. */
  readonly events: readonly SecurityEvent[];
  /** Which of them somebody has seen. */
  readonly marks: SeenMarks;
  /** What cameras are called, as far as that is known. */
  readonly names?: CameraNames;
}

export interface HomeVerdict {
  readonly state: HomeState;
  readonly title: string;
  /** The event that makes it so, or the reason. */
  readonly detail: string;
  /**
   * Since when it cannot be told, or when the event was seen, ms since 1970; null where nobody knows.
   */
  readonly since: number | null;
  /** The gravest event that counts: of those that nobody has seen, but for the state `seen`. */
  readonly event: SecurityEvent | null;
}

const words = texts.dashboard.home;

const AI_SERVICES = ["yolo26", "nemotron"];

const DANGERS: Readonly<Partial<Record<RiskLevel, { state: HomeState; title: string }>>> = {
  medium: { state: "look", title: words.look },
  high: { state: "look_now", title: words.lookNow },
  critical: { state: "act_now", title: words.actNow },
};

/** The level as which an event counts: one whose risk nobody knows is worth a look. */
export function levelOf({ riskLevel }: SecurityEvent): RiskLevel {
  return riskLevel ?? "medium";
}

/** How the home is, as far as these facts prove it. */
export function homeVerdict(facts: Facts): HomeVerdict {
  const { event, settled } = gravest(facts);
  const danger = event && DANGERS[levelOf(event)];
  if (danger) return { ...danger, detail: wordsOf(event, facts), since: null, event };
  const lacking = unproven(facts);
  if (lacking) return { state: "cant_tell", title: words.cantTell, ...lacking, event };
  if (settled) return seenVerdict(settled, facts);
  const { total, online } = facts.cameras ?? { total: 0, online: 0 };
  if (online < total) {
    return {
      state: "quiet_at",
      title: words.quietAt(online, total),
      detail: words.notOnline(total - online),
      since: null,
      event,
    };
  }
  const detail = event ? wordsOf(event, facts) : words.noEvent;
  return { state: "quiet", title: words.quiet, detail, since: null, event };
}

const MAY_BE_GRAVER: ReadonlySet<HomeState> = new Set<HomeState>(["look", "look_now"]);

/** What is said beside a danger while a graver one may be among what is not known; null: nothing. */
export function caveatOf({ state }: HomeVerdict, { window }: Facts): string | null {
  if (window.state === "complete" || !MAY_BE_GRAVER.has(state)) return null;
  return words.caveat[window.state];
}

/** An event that somebody has seen. */
interface Settled {
  readonly event: SecurityEvent;
  readonly seen: Seen;
}

function seenVerdict({ event, seen }: Settled, facts: Facts): HomeVerdict {
  const detail = words.seenBy(wordsOf(event, facts), seen.by && isolated(seen.by));
  return { state: "seen", title: words.seen, detail, since: seen.at, event };
}

interface Gravest {
  readonly event: SecurityEvent | null;
  /** The same of the dangers that somebody has seen. */
  readonly settled: Settled | null;
}

/** The event that counts most: by level, then score, then arrival. */
function gravest({ now, events, marks }: Facts): Gravest {
  if (now === null) return { event: null, settled: null };
  let found: SecurityEvent | null = null;
  let settled: Settled | null = null;
  for (const event of events) {
    if (!counts(event, now)) continue;
    const seen = DANGERS[levelOf(event)] ? seenIn(marks, event) : null;
    if (seen) {
      if (!settled || isGraver(event, settled.event)) settled = { event, seen };
    } else if (!found || isGraver(event, found)) found = event;
  }
  return { event: found, settled };
}

function isGraver(one: SecurityEvent, other: SecurityEvent): boolean {
  const byLevel = RISK_LEVELS.indexOf(levelOf(one)) - RISK_LEVELS.indexOf(levelOf(other));
  const byScore = (one.riskScore ?? -1) - (other.riskScore ?? -1);
  return (byLevel || byScore || one.arrivedAt - other.arrivedAt) > 0;
}

function wordsOf({ cameraId, summary }: SecurityEvent, { names = NO_NAMES }: Facts): string {
  if (cameraId === null) return isolated(summary);
  return words.eventAt(isolated(nameOf(cameraId, names)), isolated(summary));
}

type Lacking = Pick<HomeVerdict, "detail" | "since">;

/** What "All quiet" lacks first, and since when. */
function unproven({ now, feed, window, status, cameras, ai, queues }: Facts): Lacking | null {
  if (feed.state !== "heard") return { detail: words.feed[feed.state], since: feed.since };
  if (now === null) return lacks(words.noTime);
  if (window.state !== "complete")
    return { detail: words.window[window.state], since: window.since };
  if (status.state !== "heard") return { detail: words.status[status.state], since: status.since };
  const reason = camerasUnproven(cameras) ?? aiUnproven(ai);
  if (reason !== null) return lacks(reason);
  if (queues.state === "stuck") {
    return { detail: words.stuck(queues.queue ?? ""), since: queues.since };
  }
  return queues.state === "unknown" ? lacks(words.queuesUnknown) : null;
}

function lacks(detail: string): Lacking {
  return { detail, since: null };
}

/** Whether it is only that the page has just begun. */
export function isWaiting({ state, detail }: HomeVerdict): boolean {
  const reasons = [words.feed.waiting, words.window.waiting, words.status.waiting];
  return state === "cant_tell" && reasons.includes(detail);
}

function camerasUnproven(cameras: Facts["cameras"]): string | null {
  if (cameras === null) return words.camerasUnknown;
  if (cameras.total === 0) return words.noCamera;
  return cameras.online === 0 ? words.noneOnline : null;
}

function aiUnproven(ai: Facts["ai"]): string | null {
  const ill = AI_SERVICES.filter((name) => ai[name] !== "healthy");
  return ill.map((name) => words.health(name, ai[name] ?? words.notReported)).join(", ") || null;
}
