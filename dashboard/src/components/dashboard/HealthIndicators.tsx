import { useLatestPerformance, useSystemStatus } from "@hsi/realtime";
import { healthTone } from "../../tones";
import { Card, Empty, ToneIcon } from "../parts";
import { TONE_CLASSES } from "../toneClasses";

/** How each service is. */
export function HealthIndicators() {
  const { status, changes } = useSystemStatus();
  const { current } = useLatestPerformance();
  const postgresql = current?.databases?.postgresql?.status;
  const services = Object.entries({
    ...status?.services,
    ...(postgresql ? { postgresql } : {}),
  }).sort(([one], [other]) => one.localeCompare(other));
  return (
    <Card title="Services">
      {services.length === 0 && (
        <Empty title={status ? "No service is reported" : "Waiting for a status"} />
      )}
      <ul className="grid gap-x-6 gap-y-2 sm:grid-cols-2">
        {services.map(([name, health]) => {
          const tone = healthTone(health);
          const why = health === "healthy" ? undefined : changes.get(name)?.message;
          return (
            <li key={name} className="flex items-center gap-2 text-sm">
              <ToneIcon tone={tone} className="size-4" />
              <span className="truncate">{name}</span>
              <span className={`ml-auto truncate ${TONE_CLASSES[tone].ink}`} title={why}>
                {health}
              </span>
            </li>
          );
        })}
      </ul>
    </Card>
  );
}
