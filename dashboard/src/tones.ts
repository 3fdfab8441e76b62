/** How good or bad the states are that services tell of. Pure. */

import type { Alert, Camera, Job, RiskLevel } from "@hsi/realtime";

/** How good or bad something is; each tone has a colour and an icon, so that colour is never alone. */
export type Tone = "good" | "note" | "warn" | "bad" | "unknown";

const HEALTH: ReadonlyMap<string, Tone> = new Map([
  ["healthy", "good"],
  ["starting", "note"],
  ["degraded", "warn"],
  ["unhealthy", "bad"],
  ["unreachable", "bad"],
]);

/** The tone of a service's, a database's or a container's health. */
export function healthTone(health: string | undefined): Tone {
  return HEALTH.get(health ?? "") ?? "unknown";
}

export const RISK_TONES: Readonly<Record<RiskLevel, Tone>> = {
  low: "good",
  medium: "note",
  high: "warn",
  critical: "bad",
};

export const CAMERA_TONES: Readonly<Record<Camera["status"], Tone>> = {
  online: "good",
  offline: "bad",
  error: "bad",
  unknown: "unknown",
};

export const ALERT_TONES: Readonly<Record<Alert["severity"], Tone>> = {
  warning: "warn",
  critical: "bad",
};

export const JOB_TONES: Readonly<Record<NonNullable<Job["status"]>, Tone>> = {
  pending: "unknown",
  running: "note",
  completed: "good",
  failed: "bad",
  cancelled: "warn",
};
