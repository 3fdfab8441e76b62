import { momentOf, useEventStream } from "@hsi/realtime";
import { useNow } from "../../clock";
import { spoken, UNKNOWN } from "../../format";
import { RISK_TONES, type Tone } from "../../tones";
import { levelOf, riskiest } from "../../verdicts";
import { Ago, Card } from "../parts";
import { TONE_CLASSES } from "../toneClasses";

/** Half a circle from the left to the right; its length is set to 100, so a score is a length. */
const ARC = "M 10 60 A 50 50 0 0 1 110 60";

/** The highest risk of the last 15 minutes. */
export function RiskGauge() {
  const now = useNow();
  const { entries, isConnected } = useEventStream();
  const known = isConnected || entries.length > 0;
  const event = riskiest(entries, now);
  const score = event?.riskScore ?? 0;
  const level = event ? levelOf(event) : null;
  const tone: Tone = level ? RISK_TONES[level] : known ? "good" : "unknown";
  const words = event ? (level ?? "unknown") : known ? "none" : "not known";
  return (
    <Card title="Risk, last 15 minutes">
      <div className="relative mx-auto w-full max-w-60">
        <meter className="sr-only" aria-label="Risk" min={0} max={100} value={score} />
        <svg viewBox="0 0 120 68" aria-hidden="true" className="w-full fill-none">
          <path d={ARC} pathLength={100} strokeWidth={10} className="stroke-raised" />
          {score > 0 && (
            <path
              d={ARC}
              pathLength={100}
              strokeWidth={10}
              strokeDasharray={`${score} 100`}
              className={`duration-500 motion-safe:transition-all ${TONE_CLASSES[tone].stroke}`}
            />
          )}
        </svg>
        <div className="absolute inset-x-0 bottom-0 text-center leading-none">
          <p className="figure font-semibold text-4xl">{known ? score : UNKNOWN}</p>
          <p className={`mt-1 text-sm ${TONE_CLASSES[tone].ink}`}>{words}</p>
        </div>
      </div>
      <div className="mt-3 h-10 text-center text-sm">
        {event ? (
          <>
            <p className="truncate" title={event.summary}>
              {event.summary}
            </p>
            <p className="truncate text-muted">
              {event.cameraId && `${spoken(event.cameraId)}, `}
              <Ago time={momentOf(event)} />
            </p>
          </>
        ) : (
          <p className="text-muted">{known && "Nothing happened."}</p>
        )}
      </div>
    </Card>
  );
}
