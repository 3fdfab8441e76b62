import { nameOf } from "../../cameraNames";
import { isolated, UNKNOWN } from "../../format";
import type { HomeVerdict } from "../../homeVerdict";
import { texts } from "../../texts";
import { RISK_TONES, type Tone } from "../../tones";
import { useCameraNames } from "../../useCameraNames";
import { useHome } from "../../useHome";
import { Ago, Card } from "../parts";
import { TONE_CLASSES } from "../toneClasses";
import { scoreOf } from "./Risk";

const told = texts.dashboard.risk;

/** Half a circle from the left to the right; its length is set to 100, so a score is a length. */
const ARC = "M 10 60 A 50 50 0 0 1 110 60";

/** The highest risk of the last 15 minutes. */
export function RiskGauge() {
  const home = useHome();
  const names = useCameraNames();
  const { score, figure, words, tone, event } = gaugeOf(home);
  return (
    <Card
      title={told.title}
      aside={home.caveat && <span className="text-muted text-xs">{home.caveat}</span>}
    >
      <div className="relative mx-auto w-full max-w-60">
        <meter className="sr-only" aria-label={told.name} min={0} max={100} value={score} />
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
          <p className="figure font-semibold text-4xl">{figure}</p>
          <p className={`mt-1 text-sm ${TONE_CLASSES[tone].ink}`}>{words}</p>
        </div>
      </div>
      <div className="mt-3 h-10 text-center text-sm">
        {event ? (
          <>
            <p className="truncate" title={isolated(event.summary)}>
              <bdi>{event.summary}</bdi>
            </p>
            <p className="truncate text-muted">
              {event.cameraId && (
                <>
                  <bdi>{nameOf(event.cameraId, names)}</bdi>,{" "}
                </>
              )}
              <Ago time={event.arrivedAt} />
            </p>
          </>
        ) : (
          <p className="text-muted">{words === told.none && told.noEvent}</p>
        )}
      </div>
    </Card>
  );
}

interface Gauge extends Pick<HomeVerdict, "event"> {
  readonly score: number;
  readonly figure: string;
  readonly words: string;
  readonly tone: Tone;
}

/** The highest risk as far as it is known: without all proofs, a low one is not the highest. */
function gaugeOf({ state, event }: HomeVerdict): Gauge {
  if (state === "cant_tell") {
    return { score: 0, figure: UNKNOWN, words: told.notKnown, tone: "unknown", event: null };
  }
  if (!event) {
    const tone = state === "quiet" ? "good" : "unknown";
    return { score: 0, figure: "0", words: told.none, tone, event };
  }
  const { riskLevel, riskScore, isOutOfRange } = event;
  return {
    score: riskScore ?? 0,
    figure: scoreOf(riskScore, isOutOfRange),
    words: riskLevel ? told.levels[riskLevel] : told.unknown,
    tone: riskLevel ? RISK_TONES[riskLevel] : "unknown",
    event,
  };
}
