import type { Alert } from "@hsi/realtime";
import { ALERT_TONES } from "../../tones";
import { Card, ToneIcon } from "../parts";
import { TONE_CLASSES } from "../toneClasses";

/** The alerts that are active now. */
export function Alerts({ alerts, known }: { alerts: readonly Alert[]; known: boolean }) {
  return (
    <Card title="Active alerts">
      <div role="status">
        {alerts.length === 0 && (
          <p className="flex items-center gap-2 text-sm">
            <ToneIcon tone={known ? "good" : "unknown"} className="size-4" />
            {known ? "None: every figure is within its limits." : "Waiting for figures."}
          </p>
        )}
        <ul className="flex flex-col gap-2">
          {alerts.map(({ severity, metric, message, threshold }) => (
            <li key={metric} className="flex items-center gap-2 text-sm">
              <ToneIcon tone={ALERT_TONES[severity]} className="size-4" />
              <span className={`font-semibold ${TONE_CLASSES[ALERT_TONES[severity]].ink}`}>
                {severity}
              </span>
              <span className="figure">{message}</span>
              <span className="figure ml-auto whitespace-nowrap text-muted">limit {threshold}</span>
            </li>
          ))}
        </ul>
      </div>
    </Card>
  );
}
