import type { Camera, RaisedAlertData, SystemStatusData } from "@hsi/realtime";
import { isRecovering } from "./alertWords";
import { fixed, isolated, spoken, whole } from "./format";
import type { HomeState } from "./homeVerdict";
import { texts } from "./texts";
import type { Tone } from "./tones";

const words = texts.dashboard.verdicts;

/** How something is, in few words. */
export interface Verdict {
  readonly tone: Tone;
  readonly title: string;
  readonly detail: string;
}

/** What cannot be told is never green, nor what is quiet at some cameras only, or was seen. */
export const HOME_TONES: Readonly<Record<HomeState, Tone>> = {
  quiet: "good",
  quiet_at: "warn",
  look: "note",
  look_now: "warn",
  act_now: "bad",
  cant_tell: "warn",
  seen: "note",
};

/** How the cameras are. Pure. */
export function cameraVerdict(
  counts: SystemStatusData["cameras"] | undefined,
  cameras: readonly Camera[],
): Verdict {
  if (counts === undefined) {
    return { tone: "unknown", title: words.notKnownYet, detail: words.waiting };
  }
  if (counts === null) {
    return { tone: "unknown", title: words.notKnown, detail: words.noList };
  }
  if (counts.total === 0) {
    return { tone: "unknown", title: words.none, detail: texts.dashboard.home.noCamera };
  }
  const title = words.online(whole(counts.online), whole(counts.total));
  const missing = counts.total - counts.online;
  if (missing === 0) return { tone: "good", title, detail: words.allAnswer };
  const names = cameras.filter(({ status }) => status !== "online").map(({ name }) => name);
  const detail =
    names.length > 0
      ? words.notOnline(names.map((name) => isolated(spoken(name))).join(", "))
      : words.missing(whole(missing));
  return { tone: counts.online === 0 ? "bad" : "warn", title, detail };
}

const AI = ["yolo26", "nemotron"];

/** How the AI services are. Pure. */
export function aiVerdict(services: SystemStatusData["services"] | undefined): Verdict {
  if (!services) return { tone: "unknown", title: words.notKnownYet, detail: words.waiting };
  const known = AI.filter((name) => name in services);
  if (known.length === 0) {
    return { tone: "unknown", title: words.none, detail: words.noAi };
  }
  const ill = known.filter((name) => services[name] !== "healthy");
  if (ill.length === 0) {
    return { tone: "good", title: words.working, detail: words.healthy(known) };
  }
  const detail = ill.map((name) => words.health(name, services[name] ?? "")).join(", ");
  const broken = ill.some((name) => services[name] !== "degraded");
  return {
    tone: broken ? "bad" : "warn",
    title: broken ? words.notWorking : words.degraded,
    detail,
  };
}

/** Degrees Celsius from which on a GPU is hot, and too hot: as of the collector's alerts. */
const HOT = 75;
const TOO_HOT = 85;

/** How warm a GPU is, as a tone. Pure. */
export function heatTone(temperature: number | null | undefined): Tone {
  if (temperature === null || temperature === undefined) return "unknown";
  if (temperature >= TOO_HOT) return "bad";
  return temperature >= HOT ? "warn" : "good";
}

type Told = Pick<RaisedAlertData, "severity" | "message" | "metric" | "value" | "threshold">;

interface SystemFacts {
  /** Null while there is none. */
  readonly status: Readonly<Partial<SystemStatusData>> | null;
  readonly isDegraded: boolean;
  /** Raised and not ended; null while nobody knows. */
  readonly alerts: readonly Told[] | null;
}

/** How the machine and its services are: what is wrong with them, the worst first. Pure. */
export function systemVerdict({ status, isDegraded, alerts }: SystemFacts): Verdict {
  if (status === null) {
    return { tone: "unknown", title: words.notKnownYet, detail: words.waiting };
  }
  const found: Verdict[] = [];
  const temperature = status.gpu?.temperature ?? null;
  const heat = heatTone(temperature);
  if (temperature !== null && (heat === "bad" || heat === "warn")) {
    const title = words.gpuAt(fixed(temperature));
    found.push({ tone: heat, title, detail: title });
  }
  if (status.services?.redis !== undefined && status.services.redis !== "healthy") {
    const detail = words.health("Redis", status.services.redis);
    found.push({ tone: "bad", title: detail, detail });
  }
  if (isDegraded) found.push({ tone: "warn", title: words.degraded, detail: words.degradedMode });
  // What recovers is less than what does not.
  const told = alerts ?? [];
  for (const alert of told.filter((one) => !isRecovering(one))) {
    const isCritical = alert.severity === "critical";
    found.push({
      tone: isCritical ? "bad" : "warn",
      title: isCritical ? words.critical : words.warning,
      detail: isolated(alert.message),
    });
  }
  for (const { message } of told.filter(isRecovering)) {
    found.push({ tone: "warn", title: words.recovering, detail: isolated(message) });
  }
  const [worst] = [...found.filter(({ tone }) => tone === "bad"), ...found];
  if (!worst && alerts === null) {
    return {
      tone: "unknown",
      title: words.cantTell,
      detail: words.alertsUnknown,
    };
  }
  if (!worst) return { tone: "good", title: words.working, detail: words.withinLimits };
  const details = new Set(found.map(({ detail }) => detail));
  return { ...worst, detail: [...details].join(", ") };
}
