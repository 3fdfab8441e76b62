/**
 * How the home is. "All quiet" is a claim, and needs every proof; a danger that is known wins over
 * all that is not. The same in Python is hsi.verdict, and both pass tests/verdicts.json. Pure.
 */

import {
  counts,
  type Queues,
  RISK_LEVELS,
  type RiskLevel,
  type SecurityEvent,
  type SystemStatusData,
  type WindowKnowledge,
} from "@hsi/realtime";
import { spoken } from "./format";

export type HomeState = "quiet" | "quiet_at" | "look" | "look_now" | "act_now" | "cant_tell";

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
}

export interface HomeVerdict {
  readonly state: HomeState;
  readonly title: string;
  /** The event that makes it so, or the reason. */
  readonly detail: string;
  /** Since when it cannot be told, ms since 1970; null where nobody knows. */
  readonly since: number | null;
  /** The gravest event that counts, if any is known. */
  readonly event: SecurityEvent | null;
}

const AI_SERVICES = ["yolo26", "nemotron"];

const DANGERS: Readonly<Partial<Record<RiskLevel, { state: HomeState; title: string }>>> = {
  medium: { state: "look", title: "Worth a look" },
  high: { state: "look_now", title: "Look now" },
  critical: { state: "act_now", title: "Act now" },
};

/** The level as which an event counts: one whose risk nobody knows is worth a look. */
export function levelOf({ riskLevel }: SecurityEvent): RiskLevel {
  return riskLevel ?? "medium";
}

/** How the home is, as far as these facts prove it. */
export function homeVerdict(facts: Facts): HomeVerdict {
  const event = gravest(facts);
  const danger = event && DANGERS[levelOf(event)];
  if (danger) return { ...danger, detail: wordsOf(event), since: null, event };
  const lacking = unproven(facts);
  if (lacking) return { state: "cant_tell", title: "Can't tell", ...lacking, event };
  const { total, online } = facts.cameras ?? { total: 0, online: 0 };
  if (online < total) {
    const missing = total - online;
    return {
      state: "quiet_at",
      title: `Quiet at ${online} of ${total} cameras`,
      detail: `${missing} camera${missing === 1 ? " is" : "s are"} not online`,
      since: null,
      event,
    };
  }
  const detail = event ? wordsOf(event) : "No event in 15 minutes";
  return { state: "quiet", title: "All quiet", detail, since: null, event };
}

/** The event that counts most: by level, then score, then arrival. */
function gravest({ now, events }: Facts): SecurityEvent | null {
  if (now === null) return null;
  let found: SecurityEvent | null = null;
  for (const event of events) {
    if (counts(event, now) && (!found || isGraver(event, found))) found = event;
  }
  return found;
}

function isGraver(one: SecurityEvent, other: SecurityEvent): boolean {
  const byLevel = RISK_LEVELS.indexOf(levelOf(one)) - RISK_LEVELS.indexOf(levelOf(other));
  const byScore = (one.riskScore ?? -1) - (other.riskScore ?? -1);
  return (byLevel || byScore || one.arrivedAt - other.arrivedAt) > 0;
}

function wordsOf({ cameraId, summary }: SecurityEvent): string {
  return cameraId === null ? summary : `${spoken(cameraId)}: ${summary}`;
}

type Lacking = Pick<HomeVerdict, "detail" | "since">;

/** What "All quiet" lacks first, and since when. */
function unproven({ now, feed, window, status, cameras, ai, queues }: Facts): Lacking | null {
  if (feed.state !== "heard") return { detail: FEED[feed.state], since: feed.since };
  if (now === null) return lacks("The time of the services is not known");
  if (window.state !== "complete") return { detail: WINDOW[window.state], since: window.since };
  if (status.state !== "heard") return { detail: STATUS[status.state], since: status.since };
  const reason = camerasUnproven(cameras) ?? aiUnproven(ai);
  if (reason !== null) return lacks(reason);
  if (queues.state === "stuck") {
    return { detail: `The ${queues.queue} queue does not move`, since: queues.since };
  }
  return queues.state === "unknown" ? lacks("Whether the queues move is not known") : null;
}

function lacks(detail: string): Lacking {
  return { detail, since: null };
}

const FEED = {
  waiting: "Waiting for events",
  silent: "No news of events",
  deaf: "The events service cannot hear Redis",
};
const WINDOW = {
  waiting: "Waiting for the last 15 minutes",
  incomplete: "Only part of the last 15 minutes is known",
  failed: "The last 15 minutes cannot be read",
};
const STATUS = {
  waiting: "Waiting for a status",
  silent: "No news of cameras, AI and queues",
};

/** Whether it is only that the page has just begun. */
export function isWaiting({ state, detail }: HomeVerdict): boolean {
  const reasons = [FEED.waiting, WINDOW.waiting, STATUS.waiting];
  return state === "cant_tell" && reasons.includes(detail);
}

function camerasUnproven(cameras: Facts["cameras"]): string | null {
  if (cameras === null) return "The state of the cameras is not known";
  if (cameras.total === 0) return "No camera is set up";
  return cameras.online === 0 ? "No camera is online" : null;
}

function aiUnproven(ai: Facts["ai"]): string | null {
  const ill = AI_SERVICES.filter((name) => ai[name] !== "healthy");
  return ill.map((name) => `${name} is ${ai[name] ?? "not reported"}`).join(", ") || null;
}
