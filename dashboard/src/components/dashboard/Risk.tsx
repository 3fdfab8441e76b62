import type { SecurityEvent } from "@hsi/realtime";
import { UNKNOWN } from "../../format";
import { RISK_TONES } from "../../tones";
import { levelOf } from "../../verdicts";
import { TONE_CLASSES } from "../toneClasses";

/** An event's risk: its score, and its level in a word. */
export function Risk({ event }: { event: SecurityEvent }) {
  const level = levelOf(event);
  return (
    <span
      className={`figure flex w-16 shrink-0 flex-col items-center rounded-md py-1 leading-tight ${
        TONE_CLASSES[level ? RISK_TONES[level] : "unknown"].badge
      }`}
    >
      <span className="font-semibold">{event.riskScore ?? UNKNOWN}</span>
      <span className="text-xs">{level ?? "unknown"}</span>
    </span>
  );
}
