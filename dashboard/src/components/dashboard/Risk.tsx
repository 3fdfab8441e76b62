import type { SecurityEvent } from "@hsi/realtime";
import { UNKNOWN, whole } from "../../format";
import { texts } from "../../texts";
import { RISK_TONES } from "../../tones";
import { TONE_CLASSES } from "../toneClasses";

const words = texts.dashboard.risk;

/** An event's risk: its score, and its level in a word. */
export function Risk({ event }: { event: SecurityEvent }) {
  const { riskLevel: level, riskScore, isOutOfRange } = event;
  return (
    <span
      title={isOutOfRange ? words.outOfRange : undefined}
      className={`figure flex w-16 shrink-0 flex-col items-center rounded-md py-1 leading-tight ${
        TONE_CLASSES[level ? RISK_TONES[level] : "unknown"].badge
      }`}
    >
      <span className="font-semibold">{scoreOf(riskScore, isOutOfRange)}</span>
      <span className="text-xs">{level ? words.levels[level] : words.unknown}</span>
    </span>
  );
}

/** A score in a whole figure; one that was out of range is marked. */
export function scoreOf(score: number | null, isOutOfRange: boolean): string {
  if (score === null) return UNKNOWN;
  return `${whole(score)}${isOutOfRange ? "*" : ""}`;
}
