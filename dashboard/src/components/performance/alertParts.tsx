import type { Alert } from "@hsi/realtime";
import { texts } from "../../texts";
import { ALERT_TONES, type Tone } from "../../tones";
import { ToneIcon } from "../parts";
import { TONE_CLASSES } from "../toneClasses";

export const ALERT_ROW = "flex flex-wrap items-center gap-x-2 gap-y-1 text-sm";
export const ALERT_ASIDE =
  "figure flex flex-wrap items-center gap-x-3 gap-y-1 text-muted text-xs sm:ml-auto sm:whitespace-nowrap";

interface SeverityProps {
  readonly severity: Alert["severity"];
  readonly tone: Tone;
  /** Whether its value is no longer as serious. */
  readonly recovers?: boolean;
}

/** How serious an alert is, or was. */
export function Severity({ severity, tone, recovers = false }: SeverityProps) {
  const { severities, recovering } = texts.performance.alerts;
  const name = severities[severity];
  return (
    <>
      <ToneIcon tone={tone} className="size-4" />
      <span
        className={`font-semibold ${TONE_CLASSES[recovers ? "warn" : ALERT_TONES[severity]].ink}`}
      >
        {recovers ? recovering(name) : name}
      </span>
    </>
  );
}
