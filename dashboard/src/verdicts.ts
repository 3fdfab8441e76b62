import {
  type Camera,
  momentOf,
  type RiskLevel,
  type SecurityEvent,
  type SystemStatusData,
} from "@hsi/realtime";
import { spoken } from "./format";
import { RISK_TONES, type Tone } from "./tones";

/** Milliseconds for which an event says something about now. */
export const RECENT = 15 * 60_000;

/** How something is, in few words. */
export interface Verdict {
  readonly tone: Tone;
  readonly title: string;
  readonly detail: string;
}

const LEVELS: readonly { least: number; level: RiskLevel }[] = [
  { least: 85, level: "critical" },
  { least: 60, level: "high" },
  { least: 30, level: "medium" },
  { least: 0, level: "low" },
];

/** The level that an event is of; by its score where it does not say. Pure. */
export function levelOf(event: SecurityEvent): RiskLevel | null {
  const { riskScore } = event;
  if (event.riskLevel || riskScore === null) return event.riskLevel;
  return LEVELS.find(({ least }) => riskScore >= least)?.level ?? "low";
}

/** The riskiest of the recent events, the newest of equals; null if there is none. Pure. */
export function riskiest(events: readonly SecurityEvent[], now: number): SecurityEvent | null {
  let found: SecurityEvent | null = null;
  for (const event of events) {
    if (now - momentOf(event) > RECENT) continue;
    if (!found || (event.riskScore ?? 0) > (found.riskScore ?? 0)) found = event;
  }
  return found;
}

const HOME: Readonly<Record<RiskLevel, string>> = {
  low: "All quiet",
  medium: "Worth a look",
  high: "Look now",
  critical: "Act now",
};

/** How the home is, from what its cameras saw lately. Pure. */
export function homeVerdict(event: SecurityEvent | null, known: boolean): Verdict {
  if (!known) return { tone: "unknown", title: "Not known yet", detail: "Waiting for events" };
  if (!event) return { tone: "good", title: "All quiet", detail: "No event in 15 minutes" };
  const level = levelOf(event) ?? "medium";
  const where = event.cameraId ? `${spoken(event.cameraId)}: ` : "";
  return { tone: RISK_TONES[level], title: HOME[level], detail: `${where}${event.summary}` };
}

/** How the cameras are. Pure. */
export function cameraVerdict(
  counts: SystemStatusData["cameras"] | undefined,
  cameras: readonly Camera[],
): Verdict {
  if (!counts) {
    return { tone: "unknown", title: "Not known", detail: "No list of cameras can be read" };
  }
  if (counts.total === 0) {
    return { tone: "unknown", title: "None", detail: "No camera is set up" };
  }
  const title = `${counts.online} of ${counts.total} online`;
  const missing = counts.total - counts.online;
  if (missing === 0) return { tone: "good", title, detail: "Every camera answers" };
  const names = cameras.filter(({ status }) => status !== "online").map(({ name }) => name);
  const detail = names.length > 0 ? `Not online: ${names.join(", ")}` : `${missing} not online`;
  return { tone: counts.online === 0 ? "bad" : "warn", title, detail };
}

const AI = ["yolo26", "nemotron"];

/** How the AI services are. Pure. */
export function aiVerdict(services: SystemStatusData["services"] | undefined): Verdict {
  if (!services) return { tone: "unknown", title: "Not known yet", detail: "Waiting for a status" };
  const known = AI.filter((name) => name in services);
  if (known.length === 0) {
    return { tone: "unknown", title: "None", detail: "No AI service is reported" };
  }
  const ill = known.filter((name) => services[name] !== "healthy");
  if (ill.length === 0) {
    return { tone: "good", title: "Working", detail: `${known.join(" and ")} are healthy` };
  }
  const detail = ill.map((name) => `${name} is ${services[name]}`).join(", ");
  const broken = ill.some((name) => services[name] !== "degraded");
  return { tone: broken ? "bad" : "warn", title: broken ? "Not working" : "Degraded", detail };
}
