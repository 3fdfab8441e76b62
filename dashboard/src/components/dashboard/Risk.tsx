import { UNKNOWN } from "../../format";
import type { SecurityEvent } from "../../realtime";
import { levelOf, RISK_TONES } from "../../verdicts";
import type { Tone } from "../parts";

const LOOK: Readonly<Record<Tone, string>> = {
  good: "bg-good/20 text-good-ink",
  note: "bg-data/20 text-data-ink",
  warn: "bg-warn/20 text-warn-ink",
  bad: "bg-bad/25 text-bad-ink",
  unknown: "bg-raised text-muted",
};

/** An event's risk: its score, and its level in a word. */
export function Risk({ event }: { event: SecurityEvent }) {
  const level = levelOf(event);
  return (
    <span
      className={`figure flex w-16 shrink-0 flex-col items-center rounded-md py-1 leading-tight ${
        LOOK[level ? RISK_TONES[level] : "unknown"]
      }`}
    >
      <span className="font-semibold">{event.riskScore ?? UNKNOWN}</span>
      <span className="text-xs">{level ?? "unknown"}</span>
    </span>
  );
}
