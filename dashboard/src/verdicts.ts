import type { Camera, RaisedAlertData, SystemStatusData } from "@hsi/realtime";
import type { HomeState } from "./homeVerdict";
import type { Tone } from "./tones";

/** How something is, in few words. */
export interface Verdict {
  readonly tone: Tone;
  readonly title: string;
  readonly detail: string;
}

/** What cannot be told is never green, nor what is quiet at some cameras only. */
export const HOME_TONES: Readonly<Record<HomeState, Tone>> = {
  quiet: "good",
  quiet_at: "warn",
  look: "note",
  look_now: "warn",
  act_now: "bad",
  cant_tell: "warn",
};

/** How the cameras are. Pure. */
export function cameraVerdict(
  counts: SystemStatusData["cameras"] | undefined,
  cameras: readonly Camera[],
): Verdict {
  if (counts === undefined) {
    return { tone: "unknown", title: "Not known yet", detail: "Waiting for a status" };
  }
  if (counts === null) {
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

/** Degrees Celsius from which on a GPU is hot, and too hot: as of the collector's alerts. */
const HOT = 75;
const TOO_HOT = 85;

/** How warm a GPU is, as a tone. Pure. */
export function heatTone(temperature: number | null | undefined): Tone {
  if (temperature === null || temperature === undefined) return "unknown";
  if (temperature >= TOO_HOT) return "bad";
  return temperature >= HOT ? "warn" : "good";
}

interface SystemFacts {
  /** Null while there is none. */
  readonly status: Readonly<Partial<SystemStatusData>> | null;
  readonly isDegraded: boolean;
  /** Raised and not ended; null while nobody knows. */
  readonly alerts: readonly Pick<RaisedAlertData, "severity" | "message">[] | null;
}

/** How the machine and its services are: what is wrong with them, the worst first. Pure. */
export function systemVerdict({ status, isDegraded, alerts }: SystemFacts): Verdict {
  if (status === null) {
    return { tone: "unknown", title: "Not known yet", detail: "Waiting for a status" };
  }
  const found: Verdict[] = [];
  const temperature = status.gpu?.temperature ?? null;
  const heat = heatTone(temperature);
  if (temperature !== null && (heat === "bad" || heat === "warn")) {
    const title = `GPU at ${temperature.toFixed(0)} °C`;
    found.push({ tone: heat, title, detail: `${title}` });
  }
  if (status.services?.redis !== undefined && status.services.redis !== "healthy") {
    const detail = `Redis is ${status.services.redis}`;
    found.push({ tone: "bad", title: detail, detail });
  }
  if (isDegraded) found.push({ tone: "warn", title: "Degraded", detail: "Degraded mode" });
  for (const { severity, message } of alerts ?? []) {
    const tone = severity === "critical" ? "bad" : "warn";
    found.push({ tone, title: tone === "bad" ? "Critical" : "Warning", detail: message });
  }
  const [worst] = [...found.filter(({ tone }) => tone === "bad"), ...found];
  if (!worst && alerts === null) {
    return {
      tone: "unknown",
      title: "Can't tell",
      detail: "Whether there are alerts is not known",
    };
  }
  if (!worst) return { tone: "good", title: "Working", detail: "Nothing is beyond its limits" };
  const details = new Set(found.map(({ detail }) => detail));
  return { ...worst, detail: [...details].join(", ") };
}
